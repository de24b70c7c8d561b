import Bytes
import Chains
import Testing

@testable import Payments

@Suite struct SignerTests {
    static func decode(header: String?, body: String) -> Result<PaymentRequired, PaymentFault> {
        Array((header ?? "").utf8).withUnsafeBytes { v2 in
            Array(body.utf8).withUnsafeBytes { v1 in
                Result { () throws(PaymentFault) in
                    try PaymentRequired.decode(v2Header: header == nil ? nil : v2, v1Body: v1)
                }
            }
        }
    }

    static let nonce = Bytes32((1...32).map { UInt8($0) })!

    static func sign(
        _ required: PaymentRequired, maximum: UInt256?, now: Int64 = Samples.now
    ) -> Result<PaymentSigner.SignedPayment, PaymentSigner.Refusal> {
        let key = PrivateKey(hex: Samples.key)!
        do throws(PaymentSigner.Refusal) {
            return .success(
                try PaymentSigner.sign(required, key: key, maximumAtomic: { _ in maximum }, nonce: nonce, now: now))
        } catch {
            return .failure(error)
        }
    }

    /// From our own 402 to our own checks, in both versions and both orders of settlement.
    @Test(arguments: [false, true], [false, true])
    func aPaymentForOurOwnChallengePasses(settlesFirst: Bool, isV1: Bool) throws {
        let offers = [Samples.offer(settlesFirst: settlesFirst), Samples.offer(network: Network.named("monad")!)]
        let template = ChallengeTemplate(offers: offers, description: "d", mimeType: "text/plain")
        let (header, body) = ChallengeTests.render(template)
        let required = try Self.decode(header: isV1 ? nil : header, body: body).get()
        #expect(required.error == "payment_required")
        #expect(
            required.entries.map(\.network)
                == (isV1 ? ["base-sepolia", "eip155:143"] : ["eip155:84532", "eip155:143"]))
        #expect(required.entries.map(\.chainID) == [84532, 143])
        let signed = try Self.sign(required, maximum: UInt256(UInt64(10000))).get()
        #expect(signed.payer == Samples.payer)
        #expect(signed.headerName == (isV1 ? "X-PAYMENT" : "PAYMENT-SIGNATURE"))
        let payload = try #require(
            try Samples.decode(v2Header: isV1 ? nil : signed.headerValue, v1Header: isV1 ? signed.headerValue : nil)
                .get())
        #expect(payload.authorization == signed.authorization)
        #expect(payload.authorization.validAfter.clampedToInt64 == Samples.now - 600)
        #expect(payload.authorization.validBefore.clampedToInt64 == Samples.now + 300)
        #expect(payload.authorization.nonce == Self.nonce)
        let offer = try #require(Matching.candidate(for: payload, among: offers))
        #expect(offer == offers[0])
        #expect(Matching.compare(payload, with: offer) == nil)
        #expect(LocalChecks.prove(payload, for: offer) == .success(Samples.payer))
        #expect(LocalChecks.check(payload, for: offer, now: Samples.now, neededSeconds: 300) == nil)
        if !isV1 { #expect(ChallengeTests.json(signed.headerValue).contains("\"resource\":{\"description\"")) }
    }

    @Test func neverAboveTheMaximum() throws {
        let template = ChallengeTemplate(
            offers: [Samples.offer(amount: 500), Samples.offer(amount: 100)], description: nil, mimeType: nil)
        let required = try Self.decode(header: ChallengeTests.render(template).header, body: "").get()
        #expect(try Self.sign(required, maximum: UInt256(UInt64(500))).get().entry.amountAtomic == UInt256(UInt64(500)))
        #expect(try Self.sign(required, maximum: UInt256(UInt64(499))).get().entry.amountAtomic == UInt256(UInt64(100)))
        #expect(
            Self.sign(required, maximum: UInt256(UInt64(99)))
                == .failure(.aboveMaximum(amountAtomic: UInt256(UInt64(500)), maximumAtomic: UInt256(UInt64(99)))))
        #expect(Self.sign(required, maximum: nil) == .failure(.nothingPayable))
    }

    static let body = ChallengeTests.render(
        ChallengeTemplate(offers: [Samples.offer()], description: nil, mimeType: nil)
    ).body

    /// What this client cannot pay is passed over; the rest of the offer still stands.
    @Test(arguments: [
        ("\"exact\"", "\"upto\""), ("\"base-sepolia\"", "\"solana\""), ("\"10000\"", "10000"), ("\"10000\"", "\"-1\""),
        ("\"payTo\":\"0x", "\"payTo\":\"x"), ("\"name\":\"USDC\",", ""), ("\"version\":\"2\"", "\"version\":null"),
        ("\"version\":\"2\"", "\"version\":\"2\",\"assetTransferMethod\":\"permit2\""),
        ("\"version\":\"2\"", "\"version\":\"2\",\"paymentFlow\":\"escrow\""),
        ("\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":-300"),
        ("\"asset\":\"0x", "\"asset\":\"0x0"),
    ])
    func passesOverWhatItCannotPay(old: String, new: String) throws {
        let required = try Self.decode(header: nil, body: Samples.change(Self.body, old, new)).get()
        #expect(required.entries == [])
        #expect(Self.sign(required, maximum: .max) == .failure(.nothingPayable))
    }

    @Test func windowsAreBounded() throws {
        for seconds in [86_400, 86_401, Int.max] {
            let body = Samples.change(Self.body, "\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":\(seconds)")
            let signed = try Self.sign(Self.decode(header: nil, body: body).get(), maximum: .max).get()
            #expect(signed.authorization.validBefore.clampedToInt64 == Samples.now + 86_400)
        }
        let early = try Self.sign(Self.decode(header: nil, body: Self.body).get(), maximum: .max, now: 100).get()
        #expect(early.authorization.validAfter == .zero)
    }

    @Test(
        arguments: [
            ("", .headerNotJSON), ("{}", .invalidVersion), ("[]", .invalidPayload),
            (#"{"x402Version":2,"accepts":[]}"#, .invalidVersion),
            (#"{"x402Version":1}"#, .invalidPayload), (#"{"x402Version":1,"accepts":{}}"#, .invalidPayload),
        ] as [(String, PaymentCode)])
    func refusesBodies(body: String, code: PaymentCode) {
        guard case .failure(let fault) = Self.decode(header: nil, body: body) else {
            Issue.record("was read")
            return
        }
        #expect(fault.code == code)
    }

    /// A header that cannot be read is not passed over for the body: it is what the server meant.
    @Test func aBrokenHeaderIsNotIgnored() {
        guard case .failure(let fault) = Self.decode(header: "***", body: Self.body) else {
            Issue.record("was read")
            return
        }
        #expect(fault.code == .headerNotBase64)
    }

    @Test func headersHaveALimit() {
        let long = String(repeating: "AAAA", count: PaymentRequired.maximumHeaderBytes / 4)
        for (header, code) in [(long, PaymentCode.headerNotJSON), (long + "AAAA", .headerTooLarge)] {
            guard case .failure(let fault) = Self.decode(header: header, body: "") else {
                Issue.record("was read")
                return
            }
            #expect(fault.code == code)
        }
    }
}
