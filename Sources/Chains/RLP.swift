/// Recursive length prefix, the encoding of transactions (Ethereum Yellow Paper, appendix B).
enum RLP {
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.count == 1 && bytes[0] < 0x80 { return bytes }
        return prefix(0x80, bytes.count) + bytes
    }

    /// A number has no leading zero bytes; zero has none at all.
    static func encode(_ number: UInt256) -> [UInt8] { encode(withoutZeros(number)) }

    /// A list of what is encoded already.
    static func list(_ items: [[UInt8]]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(items.reduce(0) { $0 + $1.count })
        for item in items { content += item }
        return prefix(0xC0, content.count) + content
    }

    private static func withoutZeros(_ number: UInt256) -> [UInt8] {
        number.bytes.withBytes { bytes in
            var first = 0
            while first < bytes.count && bytes[first] == 0 { first += 1 }
            return Array(bytes[first...])
        }
    }

    private static func prefix(_ offset: UInt8, _ count: Int) -> [UInt8] {
        if count < 56 { return [offset + UInt8(count)] }
        let size = withoutZeros(UInt256(UInt64(count)))
        return [offset + 55 + UInt8(size.count)] + size
    }
}
