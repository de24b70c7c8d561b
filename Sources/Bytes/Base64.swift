/// Standard base64 (RFC 4648 §4): padded, one line, canonical. Anything else is refused.
public enum Base64 {
    public static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    @usableFromInline static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 0...63, or 255 for a byte outside the alphabet.
    static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    public static func encode(_ bytes: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        let size = encodedCount(bytes.count)
        let room = out.writable(size)
        alphabet.withUnsafeBufferPointer { letters in
            var from = 0
            var to = 0
            while from + 2 < bytes.count {
                let word = UInt32(bytes[from]) << 16 | UInt32(bytes[from + 1]) << 8 | UInt32(bytes[from + 2])
                room[to] = letters[Int(word >> 18)]
                room[to + 1] = letters[Int(word >> 12 & 63)]
                room[to + 2] = letters[Int(word >> 6 & 63)]
                room[to + 3] = letters[Int(word & 63)]
                from += 3
                to += 4
            }
            let rest = bytes.count - from
            if rest > 0 {
                let word = UInt32(bytes[from]) << 16 | (rest == 2 ? UInt32(bytes[from + 1]) << 8 : 0)
                room[to] = letters[Int(word >> 18)]
                room[to + 1] = letters[Int(word >> 12 & 63)]
                room[to + 2] = rest == 2 ? letters[Int(word >> 6 & 63)] : 0x3D
                room[to + 3] = 0x3D
            }
        }
        out.didWrite(size)
    }

    public static func encode(_ bytes: [UInt8]) -> String {
        var out = ByteBuffer(capacity: encodedCount(bytes.count))
        bytes.withUnsafeBytes { encode($0, into: &out) }
        return out.text
    }

    /// Nil on a wrong length, a letter outside the alphabet, padding out of place, or bits left over.
    public static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        if text.isEmpty { return [] }
        let padding = text[text.count - 1] != 0x3D ? 0 : text[text.count - 2] != 0x3D ? 1 : 2
        let groups = text.count / 4
        let size = groups * 3 - padding
        var valid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { out, count in
            values.withUnsafeBufferPointer { table in
                // All groups but the last are whole; a fault among them shows in the bits that no letter has.
                var fault: UInt8 = 0
                var from = text.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
                var to = out.baseAddress.unsafelyUnwrapped
                let letters = table.baseAddress.unsafelyUnwrapped
                for _ in 1..<groups {
                    let (a, b) = (letters[Int(from[0])], letters[Int(from[1])])
                    let (c, d) = (letters[Int(from[2])], letters[Int(from[3])])
                    fault |= a | b | c | d
                    to[0] = a &<< 2 | b &>> 4
                    to[1] = b &<< 4 | c &>> 2
                    to[2] = c &<< 6 | d
                    from += 4
                    to += 3
                }
                let (a, b) = (letters[Int(from[0])], letters[Int(from[1])])
                let c = padding == 2 ? 0 : letters[Int(from[2])]
                let d = padding >= 1 ? 0 : letters[Int(from[3])]
                fault |= a | b | c | d
                let word = UInt32(a) &<< 18 | UInt32(b) &<< 12 | UInt32(c) &<< 6 | UInt32(d)
                to[0] = UInt8(truncatingIfNeeded: word &>> 16)
                if padding < 2 { to[1] = UInt8(truncatingIfNeeded: word &>> 8) }
                if padding < 1 { to[2] = UInt8(truncatingIfNeeded: word) }
                let left = padding == 2 ? word & 0xFFFF : padding == 1 ? word & 0xFF : 0
                valid = fault < 64 && left == 0
            }
            count = size
        }
        return valid ? bytes : nil
    }
}
