/// Base64 for URLs and tokens (RFC 4648 §5), without padding (RFC 7515 §2).
extension ByteBuffer {
    public mutating func append(base64url bytes: [UInt8]) { bytes.withUnsafeBytes { append(base64url: $0) } }

    /// - Parameter bytes: not of this buffer.
    public mutating func append(base64url bytes: UnsafeRawBufferPointer) {
        let start = count
        Base64.encode(bytes, into: &self)
        truncate(count - (3 - bytes.count % 3) % 3)
        let text = mutableReadable
        for at in start..<count {
            if text[at] == 0x2B { text[at] = 0x2D } else if text[at] == 0x2F { text[at] = 0x5F }
        }
    }
}
