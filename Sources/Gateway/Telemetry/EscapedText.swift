import Bytes

extension ByteBuffer {
    /// Appends text for the inside of a JSON string (RFC 8259 §7), whatever the bytes are.
    ///
    /// Controls, DEL and the C1 controls are escaped, so that a log shown in a terminal obeys nobody; bytes that are not
    /// UTF-8 become U+FFFD.
    mutating func appendEscaped(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        var runStart = 0
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C {
                at += 1
                continue
            }
            let length = byte < 0x80 ? 0 : Self.scalarLength(bytes, at: at)
            // C2 80 to C2 9F are the C1 controls.
            if length > 2 || (length == 2 && !(byte == 0xC2 && bytes[at + 1] < 0xA0)) {
                at += length
                continue
            }
            append(UnsafeRawBufferPointer(rebasing: bytes[runStart..<at]))
            switch byte {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x80: appendEscape(byte)
            default: if length == 2 { appendEscape(bytes[at + 1]) } else { append("\\ufffd") }
            }
            at += max(length, 1)
            runStart = at
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[runStart...]))
    }

    mutating func appendEscaped(_ text: String) {
        var text = text
        text.withUTF8 { appendEscaped(UnsafeRawBufferPointer($0)) }
    }

    private mutating func appendEscape(_ scalar: UInt8) {
        append("\\u00")
        append(byte: Hex.digit(scalar >> 4))
        append(byte: Hex.digit(scalar & 15))
    }

    /// The length of the well-formed UTF-8 sequence at `at` (Unicode, table 3-7); 0 where there is none.
    private static func scalarLength(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        let left = bytes.count - at
        func continues(_ offset: Int) -> Bool { bytes[at + offset] & 0xC0 == 0x80 }
        switch bytes[at] {
        case 0xC2...0xDF: return left >= 2 && continues(1) ? 2 : 0
        case 0xE0...0xEF:
            guard left >= 3 && continues(1) && continues(2) else { return 0 }
            if bytes[at] == 0xE0 && bytes[at + 1] < 0xA0 { return 0 }
            if bytes[at] == 0xED && bytes[at + 1] > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard left >= 4 && continues(1) && continues(2) && continues(3) else { return 0 }
            if bytes[at] == 0xF0 && bytes[at + 1] < 0x90 { return 0 }
            if bytes[at] == 0xF4 && bytes[at + 1] > 0x8F { return 0 }
            return 4
        default: return 0
        }
    }
}
