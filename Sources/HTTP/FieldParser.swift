import Bytes

/// What a step of a parser found; `Value` is what the next step goes on with.
enum Step<Value> {
    case done(Value)
    case incomplete
    case refused(HTTPFault)
}

/// Reads the field lines that heads and trailer sections have in common (RFC 9112 §5).
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
        let names = FieldNames.shared
        var count = 0
        var present: UInt64 = 0
        var repeated: UInt64 = 0
        var line = from
        while true {
            if line &+ 2 <= end && base.loadUnaligned(fromByteOffset: line, as: UInt16.self) == 0x0A0D {
                table.state.pointee.count = count
                table.state.pointee.present = FieldIDSet(bits: present)
                table.state.pointee.repeated = FieldIDSet(bits: repeated)
                table.state.pointee.hasNominated = false
                return .done(line &+ 2)
            }
            var nameEnd = Scan.firstOutsideWord(base, from: line, to: end)
            var hasUnderscore = false
            if nameEnd == end || base.load(fromByteOffset: nameEnd, as: UInt8.self) != 0x3A || nameEnd == line {
                switch slowNameEnd(base, line: line, from: nameEnd, to: end) {
                case .done(let place): nameEnd = place
                case .incomplete: return .incomplete
                case .refused(let fault): return .refused(fault)
                }
                for at in line..<nameEnd where base.load(fromByteOffset: at, as: UInt8.self) == 0x5F {
                    hasUnderscore = true
                }
            }

            var value = nameEnd &+ 1
            while value < end && FieldGrammar.isBlank(base.load(fromByteOffset: value, as: UInt8.self)) { value &+= 1 }
            var lineEnd = Scan.firstControl(base, from: value, to: end)
            while lineEnd < end && base.load(fromByteOffset: lineEnd, as: UInt8.self) == 0x09 {
                lineEnd = Scan.firstControl(base, from: lineEnd &+ 1, to: end)
            }
            guard lineEnd < end else { return .incomplete }
            guard base.load(fromByteOffset: lineEnd, as: UInt8.self) == 0x0D else {
                return .refused(
                    base.load(fromByteOffset: lineEnd, as: UInt8.self) == 0x0A ? .bareLineFeed : .badFieldValue)
            }
            guard lineEnd &+ 1 < end else { return .incomplete }
            guard base.load(fromByteOffset: lineEnd &+ 1, as: UInt8.self) == 0x0A else {
                return .refused(.bareCarriageReturn)
            }
            guard count < limit else { return .refused(.tooManyFields) }
            var valueEnd = lineEnd
            while valueEnd > value && FieldGrammar.isBlank(base.load(fromByteOffset: valueEnd &- 1, as: UInt8.self)) {
                valueEnd &-= 1
            }

            let id =
                hasUnderscore
                ? names.idUnfolding(base + line, nameEnd &- line) : names.id(base + line, nameEnd &- line)
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

    /// The colon's place where the name is not of letters, digits and hyphens alone.
    private static func slowNameEnd(
        _ base: UnsafeRawPointer, line: Int, from: Int, to end: Int
    ) -> Step<Int> {
        var at = from
        while at < end && FieldGrammar.isToken(base.load(fromByteOffset: at, as: UInt8.self)) { at += 1 }
        guard at < end else { return .incomplete }
        let isFirst = at == line
        switch base.load(fromByteOffset: at, as: UInt8.self) {
        case 0x3A: return isFirst ? .refused(.emptyFieldName) : .done(at)
        case 0x0D:
            guard at + 1 < end else { return .incomplete }
            guard base.load(fromByteOffset: at + 1, as: UInt8.self) == 0x0A else {
                return .refused(.bareCarriageReturn)
            }
            return .refused(.missingColon)
        case 0x0A: return .refused(.bareLineFeed)
        case 0x20, 0x09: return .refused(isFirst ? .foldedField : .spaceBeforeColon)
        default: return .refused(.badFieldName)
        }
    }
}
