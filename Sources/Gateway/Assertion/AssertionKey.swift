import Bytes
import COpenSSL
import Digests
import Glibc

/// A key that signs assertions: Ed25519 (RFC 8032). It has no way to be printed.
///
/// `@unchecked Sendable`: OpenSSL's key is never changed after `init`, and may be read by any number of threads, each of which
/// signs with a context of its own.
final class AssertionKey: @unchecked Sendable {
    /// An `EVP_PKEY`, owned; wiped by OpenSSL at the end.
    private let key: OpaquePointer
    let published: PublishedKey
    /// The public key in base64, as the key file keeps it.
    let publicText: String
    /// The header of every token that it signs (RFC 7515 §4), in base64url, with the dot behind.
    let headerText: [UInt8]

    static let seedBytes = 32

    /// Takes base64 of a seed of 32 bytes, or a private key in PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` makes it.
    /// Nil for anything else.
    convenience init?(_ text: [UInt8]) {
        if text.starts(with: "-----BEGIN ".utf8) {
            guard let key = Self.read(pem: text) else { return nil }
            self.init(owning: key)
        } else {
            guard var seed = text.withUnsafeBytes({ Base64.decode($0) }) else { return nil }
            defer { seed.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } } }
            self.init(seed: seed)
        }
    }

    /// Nil unless there are 32 bytes.
    convenience init?(seed: [UInt8]) {
        guard seed.count == Self.seedBytes,
            let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
        else { return nil }
        self.init(owning: key)
    }

    /// Takes the key over, also where it fails: nil for one that is no Ed25519 key.
    private init?(owning key: OpaquePointer) {
        var count = 32
        var bytes = [UInt8](repeating: 0, count: count)
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519, EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1,
            let published = PublishedKey(bytes)
        else {
            EVP_PKEY_free(key)
            ERR_clear_error()
            return nil
        }
        self.key = key
        self.published = published
        publicText = Base64.encode(bytes)
        var header = ByteBuffer(capacity: 128)
        header.append(base64url: Array(#"{"alg":"EdDSA","typ":"JWT","kid":"\#(published.id)"}"#.utf8))
        header.append(byte: 0x2E)
        headerText = header.array
    }

    deinit { EVP_PKEY_free(key) }

    /// 64 bytes; nil where OpenSSL fails.
    func sign(_ message: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1 else { return nil }
        var count = 64
        var signature = [UInt8](repeating: 0, count: count)
        let start = message.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard EVP_DigestSign(context, &signature, &count, start, message.count) == 1, count == 64 else { return nil }
        return signature
    }

    private static func read(pem: [UInt8]) -> OpaquePointer? {
        guard let source = BIO_new_mem_buf(pem + [0x0A], Int32(pem.count + 1)) else { return nil }
        defer { BIO_free(source) }
        // A key under a passphrase is refused, where OpenSSL would ask for it on the terminal.
        let key = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
        ERR_clear_error()
        return key
    }
}

/// A key as others may know it.
struct PublishedKey: Sendable, Hashable {
    /// The key's JWK thumbprint (RFC 7638), which names it in tokens.
    let id: String
    /// The public key, in base64url (RFC 8037 §2).
    let x: String

    /// Nil unless there are 32 bytes.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var text = ByteBuffer(capacity: 64)
        text.append(base64url: bytes)
        x = String(decoding: text.readable, as: UTF8.self)
        text.clear()
        let hash = Array(#"{"crv":"Ed25519","kty":"OKP","x":"\#(x)"}"#.utf8).withUnsafeBytes { SHA256.hash($0) }
        text.append(base64url: hash.array)
        id = String(decoding: text.readable, as: UTF8.self)
    }

    /// RFC 7517 §4, RFC 8037 §2.
    var json: String { #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","kid":"\#(id)","alg":"EdDSA","use":"sig"}"# }
}
