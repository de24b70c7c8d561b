import Bytes

/// What a step of a parser found; `Value` is what the next step goes on with.
enum Step<Value> {
    case done(Value)
    case incomplete
    case refused(HTTPFault)
}

/// Reads the field lines that heads and trailer sections have in common (RFC 9112 §5).
///
/// The usual line, `Name: value` and CRLF, is read by whole loads; whatever differs goes through `FieldLine`.
enum FieldParser {
    /// Reads lines from `from` up to and with the empty line into `table`; gives the place behind that.
    ///
    /// `base` is readable up to `end`; places are from `base`, where the head begins.
    static func parse(
        _ base: UnsafeRawPointer, from: Int, to end: Int, into table: FieldTable, limit: Int
    ) -> Step<Int> {
        table.makeRoom(for: limit)
        let memory = table.state.pointee.memory
        let firstPlaces = table.firstPlaces
        let names = table.names
        var count = 0
        var present: UInt64 = 0
        var repeated: UInt64 = 0
        var line = from
        while true {
            if isPair(0x0A0D, base, at: line, end) {
                table.state.pointee.count = count
                table.state.pointee.present = FieldIDSet(bits: present)
                table.state.pointee.repeated = FieldIDSet(bits: repeated)
                table.state.pointee.hasNominated = false
                return .done(line &+ 2)
            }
            var nameEnd = Scan.firstOutsideWord(base, from: line, to: end)
            var isPlain = true
            if nameEnd == end || nameEnd == line || base.load(fromByteOffset: nameEnd, as: UInt8.self) != 0x3A {
                switch FieldLine.nameEnd(base, line: line, from: nameEnd, to: end) {
                case .done(let place): nameEnd = place
                case .incomplete: return .incomplete
                case .refused(let fault): return .refused(fault)
                }
                isPlain = false
            }
            var value = nameEnd &+ 2
            if !isPair(0x203A, base, at: nameEnd, end) || value == end || isLow(base, value) {
                value = FieldLine.valueStart(base, from: nameEnd &+ 1, to: end)
            }
            var lineEnd = Scan.firstControl(base, from: value, to: end)
            if !isPair(0x0A0D, base, at: lineEnd, end) {
                switch FieldLine.lineEnd(base, from: lineEnd, to: end) {
                case .done(let place): lineEnd = place
                case .incomplete: return .incomplete
                case .refused(let fault): return .refused(fault)
                }
            }
            guard count < limit else { return .refused(.tooManyFields) }
            var valueEnd = lineEnd
            if isLow(base, lineEnd &- 1) { valueEnd = FieldLine.valueEnd(base, from: value, to: lineEnd) }

            let id = names.id(base + line, nameEnd &- line, isPlain: isPlain)
            if present & id.bit == 0 {
                present |= id.bit
                firstPlaces[Int(id.rawValue)] = UInt32(truncatingIfNeeded: count)
            } else {
                repeated |= id.bit
            }
            memory[count] = Field(
                line: ByteRange(from: line, to: lineEnd &+ 2),
                nameLength: UInt32(truncatingIfNeeded: nameEnd &- line),
                value: ByteRange(from: value, to: valueEnd), id: id, nominated: false)
            count &+= 1
            line = lineEnd &+ 2
        }
    }

    /// Whether the two bytes at `at` are there and are `pair`, the first in its low half.
    @inline(__always)
    private static func isPair(_ pair: UInt16, _ base: UnsafeRawPointer, at: Int, _ end: Int) -> Bool {
        at &+ 2 <= end && base.loadUnaligned(fromByteOffset: at, as: UInt16.self) == pair
    }

    /// A space, a tab or a control character.
    @inline(__always)
    private static func isLow(_ base: UnsafeRawPointer, _ at: Int) -> Bool {
        base.load(fromByteOffset: at, as: UInt8.self) <= 0x20
    }
}

/// The less usual lines, byte by byte.
private enum FieldLine {
    static func byte(_ base: UnsafeRawPointer, _ at: Int) -> UInt8 { base.load(fromByteOffset: at, as: UInt8.self) }

    /// The colon's place where the name is not of letters, digits and hyphens alone.
    @inline(never)
    static func nameEnd(_ base: UnsafeRawPointer, line: Int, from: Int, to end: Int) -> Step<Int> {
        var at = from
        while at < end && FieldGrammar.isToken(byte(base, at)) { at += 1 }
        guard at < end else { return .incomplete }
        let isFirst = at == line
        switch byte(base, at) {
        case 0x3A: return isFirst ? .refused(.emptyFieldName) : .done(at)
        case 0x0D:
            guard at + 1 < end else { return .incomplete }
            return .refused(byte(base, at + 1) == 0x0A ? .missingColon : .bareCarriageReturn)
        case 0x0A: return .refused(.bareLineFeed)
        case 0x20, 0x09: return .refused(isFirst ? .foldedField : .spaceBeforeColon)
        default: return .refused(.badFieldName)
        }
    }

    /// Behind the white space that follows the colon, however much there is.
    @inline(never)
    static func valueStart(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        var at = from
        while at < end && FieldGrammar.isBlank(byte(base, at)) { at += 1 }
        return at
    }

    /// The place of the line's CRLF, given that of the first control character.
    @inline(never)
    static func lineEnd(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Step<Int> {
        var at = from
        while at < end && byte(base, at) == 0x09 { at = Scan.firstControl(base, from: at + 1, to: end) }
        guard at < end else { return .incomplete }
        switch byte(base, at) {
        case 0x0D:
            guard at + 1 < end else { return .incomplete }
            return byte(base, at + 1) == 0x0A ? .done(at) : .refused(.bareCarriageReturn)
        case 0x0A: return .refused(.bareLineFeed)
        default: return .refused(.badFieldValue)
        }
    }

    /// Behind the value's last byte that is no white space.
    @inline(never)
    static func valueEnd(_ base: UnsafeRawPointer, from: Int, to lineEnd: Int) -> Int {
        var at = lineEnd
        while at > from && FieldGrammar.isBlank(byte(base, at - 1)) { at -= 1 }
        return at
    }
}
