import Bytes
import COpenSSL

/// SHA-256 (FIPS 180-4) over bytes that come in pieces.
public struct SHA256: ~Copyable {
    /// Looked up once: OpenSSL 3 searches its providers each time. As bits, because a global pointer could not be shared.
    private static let algorithm = UInt(bitPattern: EVP_MD_fetch(nil, "SHA256", nil))

    private let context: OpaquePointer
    private var hasBegun = false

    public init() {
        guard let context = EVP_MD_CTX_new() else { fatalError("no memory for a hash") }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    private mutating func begin() {
        if hasBegun { return }
        hasBegun = true
        let begun = EVP_DigestInit_ex2(context, OpaquePointer(bitPattern: Self.algorithm), nil)
        precondition(begun == 1, "OpenSSL has no SHA-256")
    }

    /// Takes the next bytes of what is hashed.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        begin()
        let taken = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(taken == 1)
    }

    /// The hash of all bytes since the start or the last `finish`, which begins anew.
    public mutating func finish() -> Bytes32 {
        begin()
        hasBegun = false
        let hash = withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { out in
            let done = EVP_DigestFinal_ex(context, out.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
            precondition(done == 1)
            return Bytes32(UnsafeRawBufferPointer(out))
        }
        return hash.unsafelyUnwrapped
    }

    /// Of `bytes` alone.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finish()
    }
}
