import Bytes
import Glibc

/// A secp256k1 secret. It lives in one place, is wiped when it goes, and has no way to be printed.
public struct PrivateKey: ~Copyable {
    private let secret: UnsafeMutableRawPointer

    /// Nil unless `bytes` is 32 bytes holding a number in 1 ..< the group's order. The caller wipes its own copy.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32, let source = bytes.baseAddress,
            Secp256k1.isValidSecret(source.assumingMemoryBound(to: UInt8.self))
        else { return nil }
        secret = .allocate(byteCount: 32, alignment: 8)
        secret.copyMemory(from: source, byteCount: 32)
    }

    deinit {
        explicit_bzero(secret, 32)
        secret.deallocate()
    }

    /// The secret's bytes, for signing only.
    func withSecret<T>(_ body: (UnsafePointer<UInt8>) -> T) -> T {
        body(UnsafePointer(secret.assumingMemoryBound(to: UInt8.self)))
    }
}
