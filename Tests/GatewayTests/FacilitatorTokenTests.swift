import COpenSSL
import Foundation
import Testing

@testable import Gateway

@Suite struct FacilitatorTokenTests {
    /// RFC 8037 appendix A.1 and A.4.
    private static let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    private static let seedAndPublicKey =
        "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
    private static let signedText = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    private static let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

    /// Made for this test.
    private static let elliptic = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEILzkdsvdK/xDGMrZTc6ZPUeM+56EldvDcEGUf02yOw4zoAoGCCqGSM49
        AwEHoUQDQgAEiemglaJdQr4p7fYepg4yImFQRRdFESUvVIiHjjXZrBWXXRlWsZ9O
        SOIaYkLY7qYotmeccpXZa24l1IZ9/A9X2g==
        -----END EC PRIVATE KEY-----
        """
    private static let ellipticPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvOR2y90r/EMYytlN
        zpk9R4z7noSV28NwQZR/TbI7DjOhRANCAASJ6aCVol1Cvint9h6mDjIiYVBFF0UR
        JS9UiIeONdmsFZddGVaxn05I4hpiQtjupii2Z5xyldlrbiXUhn38D1fa
        -----END PRIVATE KEY-----
        """
    private static let ellipticPublic = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiemglaJdQr4p7fYepg4yImFQRRdF
        ESUvVIiHjjXZrBWXXRlWsZ9OSOIaYkLY7qYotmeccpXZa24l1IZ9/A9X2g==
        -----END PUBLIC KEY-----

        """

    private func made(_ text: String) -> FacilitatorTokenKey? { FacilitatorTokenKey(Array(text.utf8)) }

    @Test(arguments: [seed, seedAndPublicKey]) func ed25519SignsAsTheRFCDoes(_ text: String) throws {
        let key = try #require(made(text))
        #expect(key.algorithm == .edDSA)
        let signature = try #require(key.sign(Array(Self.signedText.utf8)))
        #expect(signature.count == 64)
        #expect(String(decoding: FacilitatorToken.base64url(signature), as: UTF8.self) == Self.signature)
    }

    /// Both forms of PEM, and one whose line ends came as two characters.
    @Test(arguments: [elliptic, elliptic + "\n", ellipticPKCS8, elliptic.replacing("\n", with: "\\n")])
    func es256IsVerifiedByThePublicKey(_ text: String) throws {
        let key = try #require(made(text))
        #expect(key.algorithm == .es256)
        // Signatures differ each time, and some numbers begin with zeros: none may lose them.
        for message in 0..<40 {
            let text = Array("message \(message)".utf8)
            let signature = try #require(key.sign(text))
            #expect(signature.count == 64)
            #expect(Self.verifies(signature, text))
            #expect(!Self.verifies(signature, text + [0]))
        }
    }

    @Test(arguments: [
        "", "hush", "AAAA", "not base64!", String(repeating: "A", count: 88), elliptic.replacing("MHcC", with: "MHcD"),
        "-----BEGIN EC PRIVATE KEY-----", ellipticPublic,
        // P-384.
        """
        -----BEGIN EC PRIVATE KEY-----
        MIGkAgEBBDCCkjfFHuoelpCEPF7ixPCJCKqiwEk2kQvFSW0Y/yAYuWtxFHZB5qWb
        HBH/riuSprCgBwYFK4EEACKhZANiAARztsKDuViVwSc5Srp4jE/O4eoC5zxivs/e
        FThFfqDZuKyAXFf9BtpNDvza6tnrxQeJQ7oyrA9iWWO67po4Yy54hvtW0GdWnwMr
        QL8jMwa3MIPqZDnjyLjynmi8V4bay5w=
        -----END EC PRIVATE KEY-----
        """,
        // Under a passphrase, which must not be asked for.
        """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,0C25CA198C41583528B90DB48FA726A8

        Fvtf5o28NvKwzNPWLps6eDTDT8QPTBl6OApTU95UCtiXhKO9Dk78TKP6kWne9CQf
        kS2yEhr1gQ/AeJZhZNy7zfBWlZYSiL2ndlw8vypiheNsW7/PxoSk/+lrk5ihuLjh
        ydgj/00Ov1xB39fXOqU4Mqq0xFZ6TnFguegEElDDPFU=
        -----END EC PRIVATE KEY-----
        """,
    ])
    func otherKeysAreRefused(_ text: String) { #expect(made(text) == nil) }

    /// Seed and public key that are two keys' halves.
    @Test func halvesThatDoNotBelongTogetherAreRefused() throws {
        var bytes = [UInt8](try #require(Data(base64Encoded: Self.seedAndPublicKey)))
        bytes[63] ^= 1
        #expect(made(Data(bytes).base64EncodedString()) == nil)
    }

    @Test func aTokenSaysWhatItIsFor() throws {
        let token = FacilitatorToken(
            keyID: "orgs/1/\"keys\"", method: "POST", host: "api.example.com:8443", path: "/platform/v2/x402/verify",
            now: 1_800_000_000, nonce: "00ff")
        let edwards = try #require(made(Self.seed))
        let text = try #require(token.signed(with: edwards))
        let parts = text.split(separator: 0x2E).map(Array.init)
        #expect(parts.count == 3)
        #expect(
            Self.decoded(parts[0])
                == "{\"alg\":\"EdDSA\",\"kid\":\"orgs/1/\\\"keys\\\"\",\"typ\":\"JWT\",\"nonce\":\"00ff\"}")
        #expect(
            Self.decoded(parts[1])
                == "{\"sub\":\"orgs/1/\\\"keys\\\"\",\"iss\":\"cdp\",\"aud\":[\"cdp_service\"],\"nbf\":1800000000,"
                + "\"exp\":1800000120,\"uris\":[\"POST api.example.com:8443/platform/v2/x402/verify\"]}")
        let signed = try #require(edwards.sign(parts[0] + [0x2E] + parts[1]))
        #expect(parts[2] == FacilitatorToken.base64url(signed))
        #expect(!text.contains(0x3D) && !text.contains(0x2B) && !text.contains(0x2F))

        let ellipticKey = try #require(made(Self.elliptic))
        let elliptic = try #require(token.signed(with: ellipticKey))
        let halves = elliptic.split(separator: 0x2E).map(Array.init)
        #expect(Self.decoded(halves[0])?.contains("\"alg\":\"ES256\"") == true)
        let signature = [UInt8](try #require(Self.data(halves[2])))
        #expect(Self.verifies(signature, halves[0] + [0x2E] + halves[1]))
    }

    private static func data(_ base64url: [UInt8]) -> Data? {
        let text = String(decoding: base64url, as: UTF8.self).replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }

    private static func decoded(_ base64url: [UInt8]) -> String? {
        data(base64url).map { String(decoding: $0, as: UTF8.self) }
    }

    /// By OpenSSL and the public key alone, from `r‖s`.
    private static func verifies(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
        let pem = Array(ellipticPublic.utf8)
        let source = BIO_new_mem_buf(pem, Int32(pem.count))
        let key = PEM_read_bio_PUBKEY(source, nil, nil, nil)
        BIO_free(source)
        let numbers = ECDSA_SIG_new()
        ECDSA_SIG_set0(
            numbers, BN_bin2bn(Array(signature[..<32]), 32, nil), BN_bin2bn(Array(signature[32...]), 32, nil))
        var der: UnsafeMutablePointer<UInt8>?
        let count = i2d_ECDSA_SIG(numbers, &der)
        let context = EVP_MD_CTX_new()
        defer {
            ECDSA_SIG_free(numbers)
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(key)
            CRYPTO_free(der, "", 0)
        }
        EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key)
        let isGood = EVP_DigestVerify(context, der, Int(count), message, message.count) == 1
        ERR_clear_error()
        return isGood
    }
}
