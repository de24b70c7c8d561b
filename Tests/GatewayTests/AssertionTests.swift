import Bytes
import Chains
import Foundation
import JSON
import Testing

@testable import Gateway

@Suite struct AssertionTests {
    /// RFC 8037, appendix A: a key, its public half, and its thumbprint.
    private static let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    private static let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    private static let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

    private static func key(_ text: String) -> AssertionKey? { AssertionKey(Array(text.utf8)) }

    @Test func keysAreNamedAsTheRFCsSay() throws {
        let key = try #require(Self.key(Self.seed))
        #expect(key.published.x == Self.x)
        #expect(key.published.id == Self.thumbprint)
        let json = try JSONSerialization.jsonObject(with: Data(key.published.json.utf8)) as? [String: String]
        #expect(
            json == [
                "kty": "OKP", "crv": "Ed25519", "x": Self.x, "kid": Self.thumbprint, "alg": "EdDSA", "use": "sig",
            ])
    }

    /// RFC 8037, appendix A.4.
    @Test func signsAsTheRFCSays() throws {
        let key = try #require(Self.key(Self.seed))
        let signature = try #require(
            Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8).withUnsafeBytes { key.sign($0) })
        var text = ByteBuffer()
        text.append(base64url: signature)
        #expect(
            text.text == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
    }

    @Test(arguments: [
        "", "x", "AAAA", Self.seed + "A", String(Self.seed.dropLast(2)), "-----BEGIN PRIVATE KEY-----\nAAAA\n",
        // A key of X25519, which does not sign.
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----",
    ])
    func whatIsNoKeyIsRefused(_ text: String) { #expect(Self.key(text) == nil) }

    @Test func keysInPEM() throws {
        let pem =
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----"
        #expect(Self.key(pem)?.published.id == Self.thumbprint)
    }

    private static func assertion(issuer: String = "https://api.example.com", transaction: String = "") -> Assertion {
        Assertion(
            issuer: issuer, audience: "http://127.0.0.1:9000", payer: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            amountAtomic: 20_000, asset: Address.parse("0x036CbD53842c5426634e7929541eC2318f3dCF7e")!.address,
            network: "eip155:84532", transaction: transaction, binding: .zero, claim: "fb_1_2", now: 1_700_000_000)
    }

    private static func claims(_ token: String) throws -> NSDictionary {
        var part = String(token.split(separator: ".")[1]).replacing("-", with: "+").replacing("_", with: "/")
        while part.count % 4 != 0 { part += "=" }
        return try JSONSerialization.jsonObject(with: try #require(Data(base64Encoded: part))) as! NSDictionary
    }

    @Test(arguments: ["", "0xabc"])
    func claims(_ transaction: String) throws {
        let key = try #require(Self.key(Self.seed))
        var out = ByteBuffer()
        out.append("before ")
        #expect(Self.assertion(transaction: transaction).append(signedWith: key, to: &out))
        let token = out.text.dropFirst("before ".count)
        #expect(token.split(separator: ".").count == 3)
        var expected: [String: Any] = [
            "iss": "https://api.example.com", "aud": "http://127.0.0.1:9000",
            "sub": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "jti": "fb_1_2", "amount": "20000",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "network": "eip155:84532",
            "binding": Bytes32.zero.hex, "iat": 1_700_000_000, "exp": 1_700_000_120,
        ]
        if !transaction.isEmpty { expected["transaction"] = transaction }
        #expect(try Self.claims(String(token)) == expected as NSDictionary)
    }

    @Test func textsAreEscaped() throws {
        let key = try #require(Self.key(Self.seed))
        var out = ByteBuffer()
        #expect(Self.assertion(issuer: "a\"b\\").append(signedWith: key, to: &out))
        #expect(try Self.claims(out.text)["iss"] as? String == "a\"b\\")
    }

    // MARK: Which keys there are

    private static let wanting = moneyAndUpstream.replacing(
        "127.0.0.1:9000\"}", with: "127.0.0.1:9000\", assertion: on}")

    private static func ids(_ keys: AssertionKeys?, _ now: Int64) throws -> [String] {
        let text = try #require(keys?.json(now: now))
        let set = try JSONSerialization.jsonObject(with: Data(text.utf8)) as! [String: [[String: String]]]
        return set["keys"]!.map { $0["kid"]! }
    }

    @Test func aRotatedKeyStaysPublishedUntilItsTokensAreOver() throws {
        let directory = ConfigDirectory()
        var settings = try revision(Self.wanting).settings
        settings.ledgerPath = "\(directory.path)/farebox.db"
        let upstreams = try revision(Self.wanting).upstreams
        let file = AssertionKeyFile(ledgerPath: settings.ledgerPath)
        let first = try AssertionKeys.load(settings, upstreams, replacing: nil, now: 1_000)
        let former = try #require(first).signer.published
        let rotated = try file.rotate()
        #expect(rotated.former == former)
        let second = try AssertionKeys.load(settings, upstreams, replacing: first, now: 2_000)
        let until = 2_000 + AssertionKeys.keptSeconds
        #expect(try Self.ids(second, until) == [rotated.new.id, former.id])
        #expect(try Self.ids(second, until + 1) == [rotated.new.id])
        let third = try AssertionKeys.load(settings, upstreams, replacing: second, now: until + 100)
        #expect(try Self.ids(third, until + 100) == [rotated.new.id], "its line in the file does not bring it back")
        let restarted = try AssertionKeys.load(settings, upstreams, replacing: nil, now: 9_000)
        #expect(
            try Self.ids(restarted, 9_000) == [rotated.new.id, former.id], "the process before may have signed with it")
        for _ in 0..<5 { _ = try file.rotate() }
        #expect(try file.read().former.count == 3)
        #expect(AssertionKeys.keptSeconds >= Assertion.lifetimeSeconds + 60)
    }

    @Test func noneIsMadeWhereNobodyWantsIt() throws {
        let directory = ConfigDirectory()
        let revision = try revision(moneyAndUpstream)
        var settings = revision.settings
        settings.ledgerPath = "\(directory.path)/farebox.db"
        #expect(try AssertionKeys.load(settings, revision.upstreams, replacing: nil, now: 0) == nil)
        #expect(!FileManager.default.fileExists(atPath: AssertionKeyFile(ledgerPath: settings.ledgerPath).path))
    }

    @Test(arguments: [
        "", "sign\n", "sign AAAA\n", "published AAAA\n", "sign \(seed)\nsign \(seed)\n", "sign \(seed)\npublished x\n",
        "\u{FFFD}",
    ])
    func damagedFilesAreRefused(_ text: String) throws {
        let directory = ConfigDirectory(["farebox.db.assertion": text])
        let path = "\(directory.path)/farebox.db"
        chmod(path + ".assertion", 0o600)
        #expect(throws: FileFault(reason: "is no key file of assertions; move it away, and a new one is made")) {
            try AssertionKeyFile(ledgerPath: path).readOrMake()
        }
    }

    @Test func filesOpenToOthersAreRefused() throws {
        let directory = ConfigDirectory(["farebox.db.assertion": "sign \(Self.seed)\n"])
        let file = AssertionKeyFile(ledgerPath: "\(directory.path)/farebox.db")
        chmod(file.path, 0o640)
        #expect(throws: FileFault(reason: "is open to other users; run: chmod 600 \(file.path)")) { try file.read() }
        chmod(file.path, 0o600)
        #expect(try file.read().key.published.id == Self.thumbprint)
    }

    /// Two processes that start at once agree on one key.
    @Test func oneKeyIsMade() async throws {
        let directory = ConfigDirectory()
        let file = AssertionKeyFile(ledgerPath: "\(directory.path)/farebox.db")
        let first = try file.readOrMake().key.published
        #expect(try file.readOrMake().key.published == first)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["farebox.db.assertion"])
    }
}
