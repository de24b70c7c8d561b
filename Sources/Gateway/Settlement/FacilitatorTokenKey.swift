import Bytes
import COpenSSL
import Glibc

/// The key that signs tokens for a facilitator: Ed25519 (RFC 8032) or ECDSA on P-256 with SHA-256 (FIPS 186-5).
///
/// It stays in OpenSSL's memory, which wipes it at the end, and has no way to be printed. One thread uses it.
final class FacilitatorTokenKey {
    /// As a JOSE header names it (RFC 8037 §3.1, RFC 7518 §3.4).
    enum Algorithm: String {
        case edDSA = "EdDSA"
        case es256 = "ES256"
    }

    let algorithm: Algorithm
    /// An `EVP_PKEY`, owned.
    private let key: OpaquePointer

    /// Takes base64 of an Ed25519 seed (32 bytes), or of seed and public key (64 bytes); or an EC key of P-256 in PEM, whose
    /// line ends may be written `\n`. Nil for anything else.
    init?(_ text: [UInt8]) {
        if text.starts(with: "-----BEGIN ".utf8) {
            guard let key = Self.elliptic(pem: Self.withLineEnds(text)) else { return nil }
            self.key = key
            algorithm = .es256
        } else {
            guard let key = Self.edwards(text) else { return nil }
            self.key = key
            algorithm = .edDSA
        }
    }

    deinit { EVP_PKEY_free(key) }

    /// 64 bytes: Ed25519's own form, or `r‖s` (RFC 7518 §3.4). Nil where OpenSSL fails.
    func sign(_ message: [UInt8]) -> [UInt8]? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        let hash = algorithm == .es256 ? EVP_sha256() : nil
        guard EVP_DigestSignInit(context, nil, hash, nil, key) == 1 else { return nil }
        var count = 128
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else { return nil }
        signature.removeSubrange(count...)
        return algorithm == .es256 ? Self.joined(signature) : signature
    }

    private static func edwards(_ text: [UInt8]) -> OpaquePointer? {
        guard var bytes = text.withUnsafeBytes({ Base64.decode($0) }) else { return nil }
        defer { bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } } }
        guard bytes.count == 32 || bytes.count == 64,
            let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, bytes, 32)
        else { return nil }
        guard bytes.count == 64 else { return key }
        // A key whose halves do not belong together was cut or mixed up, and would sign what nobody accepts.
        var length = 32
        var publicKey = [UInt8](repeating: 0, count: length)
        guard EVP_PKEY_get_raw_public_key(key, &publicKey, &length) == 1, publicKey.elementsEqual(bytes[32...]) else {
            EVP_PKEY_free(key)
            return nil
        }
        return key
    }

    private static func elliptic(pem: [UInt8]) -> OpaquePointer? {
        guard let source = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
        defer { BIO_free(source) }
        // A key under a passphrase is refused, where OpenSSL would ask for it on the terminal.
        let key = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
        ERR_clear_error()
        guard let key else { return nil }
        var name = [CChar](repeating: 0, count: 64)
        var length = 0
        guard EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1,
            name.prefix(length).elementsEqual("prime256v1".utf8.map(CChar.init))
        else {
            ERR_clear_error()
            EVP_PKEY_free(key)
            return nil
        }
        return key
    }

    /// Secrets that came as a JSON string often hold `\n` as two characters.
    private static func withLineEnds(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count + 1)
        var at = 0
        while at < text.count {
            if text[at] == 0x5C, at + 1 < text.count, text[at + 1] == 0x6E {
                out.append(0x0A)
                at += 2
            } else {
                out.append(text[at])
                at += 1
            }
        }
        return out + [0x0A]
    }

    /// A DER signature (RFC 3279 §2.2.3) as two numbers of 32 bytes.
    private static func joined(_ der: [UInt8]) -> [UInt8]? {
        der.withUnsafeBufferPointer { bytes in
            var at = bytes.baseAddress
            guard let signature = d2i_ECDSA_SIG(nil, &at, bytes.count) else { return nil }
            defer { ECDSA_SIG_free(signature) }
            var out = [UInt8](repeating: 0, count: 64)
            let isWritten = out.withUnsafeMutableBufferPointer { out in
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.baseAddress, 32) == 32
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.baseAddress! + 32, 32) == 32
            }
            return isWritten ? out : nil
        }
    }
}
