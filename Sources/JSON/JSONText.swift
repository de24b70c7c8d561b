import Bytes
import Glibc

/// Strings of JSON: what may stand between two quotes (RFC 8259 §7), and the text it means.
enum JSONText {
    /// Offset after the string whose opening quote is at `start`, and whether there are escapes in it.
    @inline(__always)
    static func end(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(JSONFault) -> (end: Int, hasEscapes: Bool) {
        let at = endOfPlain(bytes, from: start + 1)
        if at < bytes.count && bytes[at] == 0x22 { return (at + 1, false) }
        return try endOfSpecial(bytes, from: at)
    }

    /// The same for a string that is more than plain bytes, from the first that is not.
    private static func endOfSpecial(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(JSONFault) -> (end: Int, hasEscapes: Bool) {
        var at = start
        var hasEscapes = false
        while at < bytes.count {
            switch bytes[at] {
            case 0x22: return (at + 1, hasEscapes)
            case 0x5C:
                hasEscapes = true
                _ = try readEscape(bytes, &at)
            case 0x80...:
                try skipScalar(bytes, &at)
            default:
                throw JSONFault(reason: .controlCharacter, offset: at)
            }
            at = endOfPlain(bytes, from: at)
        }
        throw JSONFault(reason: .unexpectedEnd, offset: at)
    }

    /// Offset of the first byte that does not mean itself: all but ASCII without controls, quote and backslash. Eight
    /// at a time.
    @inline(__always)
    private static func endOfPlain(_ bytes: Span<UInt8>, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var at = start
        while bytes.count - at >= 8 {
            let word = UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | word
            // The lowest mark is true; only marks above it may come from a borrow.
            if special & highs != 0 { return at + (special & highs).trailingZeroBitCount / 8 }
            at += 8
        }
        while at < bytes.count {
            let byte = bytes[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x80 { break }
            at += 1
        }
        return at
    }

    /// Moves over one scalar of two to four bytes (RFC 3629 §4): not overlong, no surrogate, at most U+10FFFF.
    private static func skipScalar(_ bytes: Span<UInt8>, _ at: inout Int) throws(JSONFault) {
        let lead = bytes[at]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: throw JSONFault(reason: .badUTF8, offset: at)
        }
        guard bytes.count - at >= length, second.contains(bytes[at + 1]) else {
            throw JSONFault(reason: .badUTF8, offset: at)
        }
        for next in 2..<length where bytes[at + next] & 0xC0 != 0x80 {
            throw JSONFault(reason: .badUTF8, offset: at)
        }
        at += length
    }

    /// Reads one escape, a surrogate pair as one, and moves past it.
    private static func readEscape(_ bytes: Span<UInt8>, _ at: inout Int) throws(JSONFault) -> UInt32 {
        let start = at
        guard bytes.count - at >= 2 else { throw JSONFault(reason: .unexpectedEnd, offset: bytes.count) }
        let letter = bytes[at + 1]
        at += 2
        switch letter {
        case 0x22, 0x5C, 0x2F: return UInt32(letter)
        case 0x62: return 0x08
        case 0x66: return 0x0C
        case 0x6E: return 0x0A
        case 0x72: return 0x0D
        case 0x74: return 0x09
        case 0x75:
            let first = try readFourDigits(bytes, &at)
            switch first {
            case 0xDC00...0xDFFF: throw JSONFault(reason: .loneSurrogate, offset: start)
            case 0xD800...0xDBFF:
                guard bytes.count - at >= 6, bytes[at] == 0x5C, bytes[at + 1] == 0x75 else {
                    throw JSONFault(reason: .loneSurrogate, offset: start)
                }
                at += 2
                let second = try readFourDigits(bytes, &at)
                guard second >= 0xDC00 && second <= 0xDFFF else {
                    throw JSONFault(reason: .loneSurrogate, offset: start)
                }
                return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
            default: return first
            }
        default: throw JSONFault(reason: .badEscape, offset: start)
        }
    }

    private static func readFourDigits(_ bytes: Span<UInt8>, _ at: inout Int) throws(JSONFault) -> UInt32 {
        guard bytes.count - at >= 4 else { throw JSONFault(reason: .unexpectedEnd, offset: bytes.count) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(bytes[at]) else { throw JSONFault(reason: .badEscape, offset: at) }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    /// The text as UTF-8. `bytes` is what stands between the quotes of a string that was read before.
    static func unescaped(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let bytes = bytes.bindMemory(to: UInt8.self).span
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            guard bytes[at] == 0x5C else {
                text.append(bytes[at])
                at += 1
                continue
            }
            guard let value = try? readEscape(bytes, &at), let scalar = Unicode.Scalar(value),
                let encoded = UTF8.encode(scalar)
            else { return text }
            text.append(contentsOf: encoded)
        }
        return text
    }

    /// Byte by byte.
    static func same(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return memcmp(first, second, left.count) == 0
    }
}
