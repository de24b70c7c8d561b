import Bytes
import COpenSSL

/// SHA-256 (FIPS 180-4) over bytes that come in pieces.
struct SHA256: ~Copyable {
    /// Looked up once: OpenSSL 3 searches its providers each time. As bits, because a global pointer could not be shared.
    private static let algorithm = UInt(bitPattern: EVP_MD_fetch(nil, "SHA256", nil))

    private let context: OpaquePointer

    init() {
        guard let context = EVP_MD_CTX_new() else { fatalError("no memory for a hash") }
        self.context = context
        restart()
    }

    deinit { EVP_MD_CTX_free(context) }

    private func restart() {
        let begun = EVP_DigestInit_ex2(context, OpaquePointer(bitPattern: Self.algorithm), nil)
        precondition(begun == 1, "OpenSSL has no SHA-256")
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let taken = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(taken == 1)
    }

    /// The hash of all bytes since the start or the last `finish`, which begins anew.
    mutating func finish() -> Bytes32 {
        let hash = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { out in
            let done = EVP_DigestFinal_ex(context, out.baseAddress, nil)
            precondition(done == 1)
            return Bytes32(out)
        }
        restart()
        return hash.unsafelyUnwrapped
    }

    static func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finish()
    }
}
