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

    /// Reads 64 hex digits, with or without `0x`, as key files hold them. The caller wipes its own copy.
    public init?(hex text: UnsafeRawBufferPointer) {
        let isPrefixed = text.count == 66 && text[0] == 0x30 && text[1] | 0x20 == 0x78
        let digits = isPrefixed ? UnsafeRawBufferPointer(rebasing: text[2...]) : text
        guard digits.count == 64 else { return nil }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 8)
        defer {
            explicit_bzero(room.baseAddress!, 32)
            room.deallocate()
        }
        guard Hex.decode(digits, into: room) else { return nil }
        self.init(UnsafeRawBufferPointer(room))
    }

    /// Reads 64 hex digits, with or without `0x`. A `String` cannot be wiped: for keys that stand in the environment.
    public init?(hex text: String) {
        let digits = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        defer {
            explicit_bzero(digits.baseAddress!, digits.count)
            digits.deallocate()
        }
        digits.copyBytes(from: text.utf8)
        self.init(hex: UnsafeRawBufferPointer(digits))
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
