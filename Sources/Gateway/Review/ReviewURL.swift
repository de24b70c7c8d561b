import Bytes
import Digests
import Glibc

/// The URL at which a caller asks after a request that waits: whoever has it has what the request was paid for, so it is
/// unguessable, only its hash is kept, and no log shows it.
struct ReviewURL {
    private static let prefix: StaticString = "/.well-known/farebox/reviews/"
    /// 32 random bytes in base64url (RFC 4648 §5).
    private static let secretCount = 43
    /// What logs say in its place.
    static let shown: StaticString = "/.well-known/farebox/reviews/*"

    let path: String
    /// SHA-256 of its secret part, as it is written.
    let hash: Bytes32

    /// A new one.
    init() {
        // Linux's generator is the kernel's getrandom.
        var random = SystemRandomNumberGenerator()
        let secret = Base64.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }).utf8.prefix(
            Self.secretCount
        ).map { $0 == 0x2B ? 0x2D : $0 == 0x2F ? 0x5F : $0 }
        path = "\(Self.prefix)" + String(decoding: secret, as: UTF8.self)
        hash = secret.withUnsafeBytes { SHA256.hash($0) }
    }

    /// Whether a target is below the place of reviews, where nothing else is offered.
    static func contains(_ target: UnsafeRawBufferPointer) -> Bool {
        guard target.count >= prefix.utf8CodeUnitCount, let start = target.baseAddress else { return false }
        return memcmp(start, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
    }

    /// The hash by which the review at this path is known, if there is one.
    static func hash(ofPath path: UnsafeRawBufferPointer) -> Bytes32 {
        SHA256.hash(UnsafeRawBufferPointer(rebasing: path.dropFirst(prefix.utf8CodeUnitCount)))
    }
}
