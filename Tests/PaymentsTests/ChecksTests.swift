import Bytes
import Chains
import Testing

@testable import Payments

@Suite struct ChecksTests {
    static let other = Address.parse("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")!.address
    /// Another token on the same chain.
    static let otherToken = Network.Token(address: other, name: "Other", version: "1", decimals: 6)

    @Test func aRightPaymentPasses() throws {
        for payload in [try Samples.payload(v2: Samples.v2), try Samples.payload(v1: Samples.v1)] {
            let offer = Samples.offer()
            #expect(Matching.candidate(for: payload, among: [offer]) == offer)
            #expect(Matching.compare(payload, with: offer) == nil)
            #expect(LocalChecks.prove(payload, for: offer) == .success(Samples.payer))
            #expect(LocalChecks.check(payload, for: offer, now: Samples.now, neededSeconds: 60) == nil)
        }
    }

    @Test func matchingIsByNetworkAndAsset() throws {
        let v2 = try Samples.payload(v2: Samples.v2)
        let v1 = try Samples.payload(v1: Samples.v1)
        let base = Samples.offer(network: Network.named("base")!)
        let sepolia = Samples.offer()
        let other = Samples.offer(asset: Self.otherToken)
        #expect(Matching.candidates(for: v2, among: [base, other, sepolia]) == [sepolia])
        #expect(Matching.candidates(for: v1, among: [base, other, sepolia]) == [other, sepolia])
        #expect(Matching.candidate(for: v2, among: []) == nil)
        #expect(Matching.candidate(for: v2, among: [base]) == nil)
        #expect(Matching.refusal(of: v2, among: [base]) == .networkMismatch)
        #expect(Matching.refusal(of: v1, among: [base]) == .networkMismatch)
        #expect(Matching.refusal(of: v2, among: [base, other]) == .noMatchingRequirements)
        // Version 1 goes by name, and by CAIP-2 only where that is the name.
        #expect(Matching.candidate(for: v1, among: [Samples.offer(v1Name: "eip155:84532")]) == nil)
        let unnamed = try Samples.payload(v1: Samples.change(Samples.v1, "base-sepolia", "eip155:84532"))
        #expect(Matching.candidate(for: unnamed, among: [sepolia]) == nil)
        #expect(Matching.candidate(for: unnamed, among: [Samples.offer(v1Name: "eip155:84532")]) != nil)
    }

    /// An edited price: the present terms come first, the former ones are found by those who signed them.
    @Test func theOfferWhoseTermsAreMetComesFirst() throws {
        let dearer = Samples.offer(amount: 20000)
        let right = Samples.offer()
        let elsewhere = Samples.offer(payTo: Self.other)
        for payload in [try Samples.payload(v2: Samples.v2), try Samples.payload(v1: Samples.v1)] {
            #expect(
                Matching.candidates(for: payload, among: [dearer, elsewhere, right]) == [right, dearer, elsewhere])
            #expect(Matching.candidates(for: payload, among: [dearer, elsewhere]) == [dearer, elsewhere])
        }
    }

    @Test(arguments: [
        ("\"amount\":\"10000\"", "\"amount\":\"10001\""), ("\"amount\":\"10000\"", "\"amount\":\"9999\""),
        ("\"payTo\":\"0x2096", "\"payTo\":\"0x2097"), ("\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":301"),
        ("\"name\":\"USDC\"", "\"name\":\"USD Coin\""), ("\"name\":\"USDC\"", "\"name\":null"),
        ("\"name\":\"USDC\",", ""),
        ("\"version\":\"2\"", "\"version\":\"1\""), ("\"version\":\"2\"", "\"version\":2"),
        ("{\"name\":\"USDC\",\"version\":\"2\"}", "{}"),
        ("{\"name\":\"USDC\",\"version\":\"2\"}", "null"), ("\"name\":\"USDC\"", "\"name\":\"usdc\""),
        ("\"eip155:84532\"", "\"eip155:8453\""), ("\"asset\":\"0x036C", "\"asset\":\"0x036D"),
    ])
    func termsMustAgree(old: String, new: String) throws {
        let payload = try Samples.payload(v2: Samples.change(Samples.v2, old, new))
        #expect(Matching.compare(payload, with: Samples.offer()) == .noMatchingRequirements)
    }

    @Test func clientsMayAddToExtra() throws {
        let payload = try Samples.payload(
            v2: Samples.change(Samples.v2, "\"version\":\"2\"", "\"version\":\"\\u0032\",\"mine\":1"))
        #expect(Matching.compare(payload, with: Samples.offer()) == nil)
        let lower = try Samples.payload(
            v2: Samples.v2.replacing(
                "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", with: "0x209693bc6afc0c5328ba36faf03c514ef312287c"))
        #expect(Matching.compare(lower, with: Samples.offer()) == nil)
    }

    @Test func upfrontMustBeEchoedWhereItIsOffered() throws {
        let first = Samples.offer(settlesFirst: true)
        let plain = try Samples.payload(v2: Samples.v2)
        let echoed = try Samples.payload(
            v2: Samples.change(Samples.v2, "\"version\":\"2\"", "\"version\":\"2\",\"paymentFlow\":\"upfront\""))
        let wrong = try Samples.payload(
            v2: Samples.change(Samples.v2, "\"version\":\"2\"", "\"version\":\"2\",\"paymentFlow\":\"escrow\""))
        #expect(Matching.compare(plain, with: first) == .noMatchingRequirements)
        #expect(Matching.compare(wrong, with: first) == .noMatchingRequirements)
        #expect(Matching.compare(echoed, with: first) == nil)
        #expect(Matching.compare(echoed, with: Samples.offer()) == nil)
        #expect(Matching.compare(try Samples.payload(v1: Samples.v1), with: first) == nil)
    }

    @Test(arguments: [
        ("high s", Samples.signature, Samples.highSignature),
        ("another value", "\"value\":\"10000\"", "\"value\":\"10001\""),
        ("another recipient", "\"to\":\"0x2096", "\"to\":\"0x2097"),
        ("another payer", "\"from\":\"0x1a64", "\"from\":\"0x1a65"),
        ("another beginning", "\"validAfter\":\"0\"", "\"validAfter\":\"1\""),
        ("another end", "\"validBefore\":\"1893456000\"", "\"validBefore\":\"1893456001\""),
        ("another nonce", "\"nonce\":\"0xab", "\"nonce\":\"0xac"),
        ("r changed", "\"signature\":\"0xfe", "\"signature\":\"0xff"),
        ("the other v", "cadeda1b\"", "cadeda1c\""),
        ("an unknown v", "cadeda1b\"", "cadeda1d\""),
        ("64 bytes", "cadeda1b\"", "cadeda\""),
        ("66 bytes", "cadeda1b\"", "cadeda1b00\""),
        ("no bytes", Samples.signature, "0x"),
        ("zeros", Samples.signature, "0x" + String(repeating: "00", count: 65)),
    ])
    func unproven(why: String, old: String, new: String) throws {
        for payload in [
            try Samples.payload(v2: Samples.change(Samples.v2, old, new)),
            try Samples.payload(v1: Samples.change(Samples.v1, old, new)),
        ] {
            #expect(LocalChecks.prove(payload, for: Samples.offer()) == .failure(.signature), "\(why)")
        }
    }

    @Test func aSignatureHoldsForOneChainAndOneToken() throws {
        let payload = try Samples.payload(v2: Samples.v2)
        let token = Samples.network.usdc
        #expect(LocalChecks.prove(payload, for: Samples.offer(network: Network.named("base")!)) == .failure(.signature))
        #expect(LocalChecks.prove(payload, for: Samples.offer(asset: Self.otherToken)) == .failure(.signature))
        let renamed = Network.Token(address: token.address, name: "USD Coin", version: "2", decimals: 6)
        #expect(LocalChecks.prove(payload, for: Samples.offer(asset: renamed)) == .failure(.signature))
        let newer = Network.Token(address: token.address, name: "USDC", version: "3", decimals: 6)
        #expect(LocalChecks.prove(payload, for: Samples.offer(asset: newer)) == .failure(.signature))
    }

    @Test func versionOneIsProvenForTheTokenItWasSignedFor() throws {
        let payload = try Samples.payload(v1: Samples.v1)
        let other = Samples.offer(asset: Self.otherToken)
        let right = Samples.offer()
        #expect(LocalChecks.prove(payload, among: [other, right]) == .success(right))
        #expect(LocalChecks.prove(payload, among: [right, other]) == .success(right))
        #expect(LocalChecks.prove(payload, among: [other, other]) == .failure(.signature))
        #expect(LocalChecks.prove(payload, among: []) == .failure(.noMatchingRequirements))
    }

    @Test func counterfactualWalletsAreNotAllowed() throws {
        let magic = String(repeating: "6492", count: 16)
        let payload = try Samples.payload(v2: Samples.change(Samples.v2, Samples.signature, Samples.signature + magic))
        #expect(LocalChecks.prove(payload, for: Samples.offer()) == .failure(.factoryNotAllowed))
    }

    @Test(
        arguments: [
            (1_893_455_000, 0, nil), (1_893_455_994, 0, nil), (1_893_455_995, 0, .validBefore),
            (1_893_456_000, 0, .validBefore),
            (1_893_455_940, 60, nil), (1_893_455_941, 60, .validBefore), (1_893_455_995, -100, .validBefore),
            (1_893_455_994, 5, nil),
            (1_893_499_999, 0, .validBefore), (1_893_455_000, .max, .validBefore), (0, 0, nil),
        ] as [(Int64, Int64, PaymentCode?)])
    func windowEnds(now: Int64, neededSeconds: Int64, code: PaymentCode?) throws {
        let payload = try Samples.payload(v2: Samples.v2)
        #expect(LocalChecks.check(payload, for: Samples.offer(), now: now, neededSeconds: neededSeconds) == code)
    }

    @Test(
        arguments: [
            ("0", nil), ("1893455000", nil), ("1893455001", .validAfter), ("9223372036854775808", .validAfter),
            (UInt256.max.description, .validAfter),
        ] as [(String, PaymentCode?)])
    func windowBegins(validAfter: String, code: PaymentCode?) throws {
        let payload = try Samples.payload(
            v2: Samples.change(Samples.v2, "\"validAfter\":\"0\"", "\"validAfter\":\"\(validAfter)\""))
        #expect(LocalChecks.check(payload, for: Samples.offer(), now: Samples.now, neededSeconds: 60) == code)
    }

    @Test(
        arguments: [
            ("0", .validBefore), ("1", .validBefore), ("18446744073709551616", nil), (UInt256.max.description, nil),
        ] as [(String, PaymentCode?)])
    func distantEnds(validBefore: String, code: PaymentCode?) throws {
        let payload = try Samples.payload(v2: Samples.change(Samples.v2, "1893456000", validBefore))
        #expect(LocalChecks.check(payload, for: Samples.offer(), now: Samples.now, neededSeconds: 60) == code)
    }

    /// The first failing check is the one that is told, the signature's being last.
    @Test func theOrderOfCodes() throws {
        let offer = Samples.offer()
        var text = Samples.change(Samples.v2, "cadeda1b\"", "cadeda1c\"")
        func told(_ text: String) throws -> PaymentCode {
            let payload = try Samples.payload(v2: text)
            guard case .failure(let code) = LocalChecks.prove(payload, for: offer) else { return .paymentRequired }
            return Matching.compare(payload, with: offer)
                ?? LocalChecks.check(payload, for: offer, now: Samples.now, neededSeconds: 60) ?? code
        }
        #expect(try told(text) == .signature)
        text = Samples.change(text, "\"validAfter\":\"0\"", "\"validAfter\":\"1893455999\"")
        #expect(try told(text) == .validAfter)
        text = Samples.change(text, "\"validBefore\":\"1893456000\"", "\"validBefore\":\"1893455001\"")
        #expect(try told(text) == .validBefore)
        text = Samples.change(text, "\"value\":\"10000\"", "\"value\":\"10001\"")
        #expect(try told(text) == .valueMismatch)
        text = Samples.change(text, "\"to\":\"0x2096", "\"to\":\"0x2097")
        #expect(try told(text) == .recipientMismatch)
        text = Samples.change(text, "\"amount\":\"10000\"", "\"amount\":\"10001\"")
        #expect(try told(text) == .noMatchingRequirements)
    }

    @Test(arguments: ["9999", "10001", "0", UInt256.max.description, "340282366920938463463374607431768221456"])
    func theAmountIsExact(value: String) throws {
        let payload = try Samples.payload(
            v2: Samples.change(Samples.v2, "\"value\":\"10000\"", "\"value\":\"\(value)\""))
        #expect(LocalChecks.check(payload, for: Samples.offer(), now: Samples.now, neededSeconds: 60) == .valueMismatch)
    }
}
