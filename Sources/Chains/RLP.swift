/// Recursive length prefix, the encoding of transactions (Ethereum Yellow Paper, appendix B).
enum RLP {
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.count == 1 && bytes[0] < 0x80 { return bytes }
        return prefix(0x80, bytes.count) + bytes
    }

    /// A number has no leading zero bytes; zero has none at all.
    static func encode(_ number: UInt256) -> [UInt8] { encode(Array(number.bytes.array.drop { $0 == 0 })) }

    /// A list of what is encoded already.
    static func list(_ items: [[UInt8]]) -> [UInt8] {
        let content = Array(items.joined())
        return prefix(0xC0, content.count) + content
    }

    private static func prefix(_ offset: UInt8, _ count: Int) -> [UInt8] {
        if count < 56 { return [offset + UInt8(count)] }
        let size = Array(UInt256(UInt64(count)).bytes.array.drop { $0 == 0 })
        return [offset + 55 + UInt8(size.count)] + size
    }
}
