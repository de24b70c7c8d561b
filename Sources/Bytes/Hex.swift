/// Hexadecimal, strict: an even number of digits, nothing else.
public enum Hex {
    @inlinable public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// The value of one hex digit of either case; nil for anything else.
    @inlinable public static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: byte - 0x37
        default: nil
        }
    }

    /// The value of one hex digit of either case; 255 for anything else. Without a branch that depends on which it is.
    @inline(__always)
    private static func lenientValue(_ byte: UInt8) -> UInt8 {
        let number = byte &- 0x30
        let letter = (byte | 0x20) &- 0x61
        return number < 10 ? number : letter < 6 ? letter &+ 10 : 255
    }

    /// Lower-case digits without a prefix.
    public static func encode(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { text($0, prefix: 0) } }

    /// Lower-case digits with `0x` before them, as Ethereum writes data.
    public static func encodePrefixed(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { encodePrefixed($0) } }

    /// Lower-case digits with `0x` before them, as Ethereum writes data.
    public static func encodePrefixed(_ bytes: UnsafeRawBufferPointer) -> String { text(bytes, prefix: 2) }

    /// - Parameter prefix: 2 for `0x`, 0 for none.
    private static func text(_ bytes: UnsafeRawBufferPointer, prefix: Int) -> String {
        String(unsafeUninitializedCapacity: prefix + bytes.count * 2) { room in
            if prefix == 2 {
                room[0] = 0x30
                room[1] = 0x78
            }
            let digits = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[prefix...])
            write(bytes, into: digits)
            return prefix + bytes.count * 2
        }
    }

    /// Lower-case digits without a prefix, into room for two of them a byte.
    static func write(_ bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) {
        precondition(room.count >= bytes.count * 2)
        for at in 0..<bytes.count {
            room[at &* 2] = digit(bytes[at] >> 4)
            room[at &* 2 &+ 1] = digit(bytes[at] & 15)
        }
    }

    /// Decodes exactly `into.count` bytes; false leaves `into` unspecified.
    public static func decode(_ digits: UnsafeRawBufferPointer, into: UnsafeMutableRawBufferPointer) -> Bool {
        guard digits.count == into.count * 2 else { return false }
        var fault: UInt8 = 0
        for at in 0..<into.count {
            let high = lenientValue(digits[at &* 2])
            let low = lenientValue(digits[at &* 2 &+ 1])
            fault |= high | low
            into[at] = high &<< 4 | low & 15
        }
        return fault < 16
    }

    /// Digits with or without `0x`; nil when odd in number or not hex.
    public static func decode(_ text: String) -> [UInt8]? {
        var digits = Array(text.utf8)
        if digits.count >= 2 && digits[0] == 0x30 && (digits[1] == 0x78 || digits[1] == 0x58) { digits.removeFirst(2) }
        guard digits.count % 2 == 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: digits.count / 2)
        let valid = bytes.withUnsafeMutableBytes { out in digits.withUnsafeBytes { decode($0, into: out) } }
        return valid ? bytes : nil
    }
}
