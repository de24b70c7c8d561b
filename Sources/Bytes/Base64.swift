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
                for group in 0..<groups {
                    let at = group * 4
                    let last = group == groups - 1
                    let a = table[Int(text[at])]
                    let b = table[Int(text[at + 1])]
                    let c = last && padding == 2 ? 0 : table[Int(text[at + 2])]
                    let d = last && padding >= 1 ? 0 : table[Int(text[at + 3])]
                    if a | b | c | d > 63 {
                        valid = false
                        return
                    }
                    let word = UInt32(a) << 18 | UInt32(b) << 12 | UInt32(c) << 6 | UInt32(d)
                    let to = group * 3
                    out[to] = UInt8(truncatingIfNeeded: word >> 16)
                    if !last || padding < 2 { out[to + 1] = UInt8(truncatingIfNeeded: word >> 8) }
                    if !last || padding < 1 { out[to + 2] = UInt8(truncatingIfNeeded: word) }
                    let left: UInt32 = !last ? 0 : padding == 2 ? word & 0xFFFF : padding == 1 ? word & 0xFF : 0
                    if left != 0 {
                        valid = false
                        return
                    }
                }
            }
            count = size
        }
        return valid ? bytes : nil
    }
}
