import Bytes

/// Recursive length prefix, the encoding of transactions (Ethereum Yellow Paper, appendix B), appended to bytes.
enum RLP {
    static func append(_ bytes: [UInt8], to out: inout [UInt8]) {
        bytes.withUnsafeBytes { append($0, to: &out) }
    }

    static func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        if bytes.count != 1 || bytes[0] >= 0x80 { appendPrefix(0x80, bytes.count, to: &out) }
        out.append(contentsOf: bytes)
    }

    /// A number has no leading zero bytes; zero has none at all.
    static func append(_ number: UInt256, to out: inout [UInt8]) {
        number.bytes.withBytes { bytes in
            var first = 0
            while first < bytes.count && bytes[first] == 0 { first += 1 }
            append(UnsafeRawBufferPointer(rebasing: bytes[first...]), to: &out)
        }
    }

    /// What stands before a list's content: items that are encoded already, `count` bytes of them.
    static func appendListPrefix(_ count: Int, to out: inout [UInt8]) { appendPrefix(0xC0, count, to: &out) }

    private static func appendPrefix(_ offset: UInt8, _ count: Int, to out: inout [UInt8]) {
        if count < 56 { return out.append(offset + UInt8(count)) }
        let size = (UInt64.bitWidth - count.leadingZeroBitCount + 7) / 8
        out.append(offset + 55 + UInt8(size))
        for at in (0..<size).reversed() { out.append(UInt8(truncatingIfNeeded: count >> (at * 8))) }
    }
}
