import Bytes

/// Strings of JSON: what may stand between two quotes (RFC 8259 §7), and the text it means.
enum JSONText {
    /// Moves `at` from an opening quote past the closing one. True where there are escapes.
    static func skipString(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) throws(JSONFault) -> Bool {
        var hasEscapes = false
        at += 1
        while true {
            skipPlain(bytes, &at)
            guard at < bytes.count else { throw JSONFault(reason: .unexpectedEnd, offset: at) }
            switch bytes[at] {
            case 0x22:
                at += 1
                return hasEscapes
            case 0x5C:
                hasEscapes = true
                _ = try readEscape(bytes, &at)
            case 0x80...:
                try skipScalar(bytes, &at)
            default:
                throw JSONFault(reason: .controlCharacter, offset: at)
            }
        }
    }

    /// Moves over bytes that mean themselves: ASCII, no control, no quote, no backslash. Eight at a time.
    private static func skipPlain(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - at >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | word
            if special & highs != 0 {
                // The lowest mark is true; only marks above it may come from a borrow.
                at += (special & highs).trailingZeroBitCount / 8
                return
            }
            at += 8
        }
        while at < bytes.count {
            let byte = bytes[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x80 { return }
            at += 1
        }
    }

    /// Moves over one scalar of two to four bytes (RFC 3629 §4): not overlong, no surrogate, at most U+10FFFF.
    private static func skipScalar(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) throws(JSONFault) {
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
    private static func readEscape(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) throws(JSONFault) -> UInt32 {
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

    private static func readFourDigits(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) throws(JSONFault) -> UInt32 {
        guard bytes.count - at >= 4 else { throw JSONFault(reason: .unexpectedEnd, offset: bytes.count) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(bytes[at]) else { throw JSONFault(reason: .badEscape, offset: at) }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    /// Calls `body` with the UTF-8 bytes of the text, in order. `bytes` is what stands between the quotes of a string
    /// that was read before.
    static func unescape(_ bytes: UnsafeRawBufferPointer, _ body: (UInt8) -> Void) {
        var at = 0
        while at < bytes.count {
            guard bytes[at] == 0x5C else {
                body(bytes[at])
                at += 1
                continue
            }
            guard let value = try? readEscape(bytes, &at), let scalar = Unicode.Scalar(value),
                let encoded = UTF8.encode(scalar)
            else { return }
            for byte in encoded { body(byte) }
        }
    }
}
