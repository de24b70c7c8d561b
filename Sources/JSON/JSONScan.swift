/// The steps of reading: what stands at a place of a text, and the place after it.
enum JSONScan {
    /// The place after a value that begins here: a scalar whole, of an array or an object only the bracket.
    @inline(__always)
    static func value(
        _ bytes: Span<UInt8>, from at: Int
    ) throws(JSONFault) -> (kind: JSONKind, end: Int, hasEscapes: Bool) {
        switch try byte(bytes, at) {
        case 0x22:
            let (end, hasEscapes) = try JSONText.end(bytes, from: at)
            return (.string, end, hasEscapes)
        case 0x7B: return (.object, at + 1, false)
        case 0x5B: return (.array, at + 1, false)
        case 0x74: return (.true, try word("true", bytes, from: at), false)
        case 0x66: return (.false, try word("false", bytes, from: at), false)
        case 0x6E: return (.null, try word("null", bytes, from: at), false)
        case 0x2D, 0x30...0x39: return (.number, try JSONNumber.end(bytes, from: at), false)
        default: throw JSONFault(reason: .unexpectedByte, offset: at)
        }
    }

    @inline(__always)
    private static func word(
        _ word: StaticString, _ bytes: Span<UInt8>, from start: Int
    ) throws(JSONFault) -> Int {
        var at = start
        for expected in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            at = try expect(expected, bytes, at)
        }
        return at
    }

    /// The place after all space from here.
    @inline(__always)
    static func space(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var at = start
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return at
            }
        }
        return at
    }

    /// The place after this byte, which must stand here.
    @inline(__always)
    static func expect(_ expected: UInt8, _ bytes: Span<UInt8>, _ at: Int) throws(JSONFault) -> Int {
        guard try byte(bytes, at) == expected else { throw JSONFault(reason: .unexpectedByte, offset: at) }
        return at + 1
    }

    @inline(__always)
    static func byte(_ bytes: Span<UInt8>, _ at: Int) throws(JSONFault) -> UInt8 {
        guard at < bytes.count else { throw JSONFault(reason: .unexpectedEnd, offset: at) }
        return bytes[at]
    }
}
