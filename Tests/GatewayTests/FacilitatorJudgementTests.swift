import Payments
import Testing

@testable import Gateway

/// What is said to a facilitator, and what each of its answers is taken for.
@Suite struct FacilitatorJudgementTests {
    private static let payer = FacilitatorSamples.payer
    private static let hash = FacilitatorSamples.hash
    private static let lowerHash = FacilitatorSamples.lowerHash
    private static let other = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"

    @Test func thePaymentIsPassedOnAsItCame() throws {
        let body = String(decoding: FacilitatorMessages.body(try FacilitatorSamples.request(.v2)), as: UTF8.self)
        #expect(
            body == "{\"x402Version\":2,\"paymentPayload\":\(FacilitatorSamples.v2),\"paymentRequirements\":"
                + "{\"scheme\":\"exact\",\"network\":\"eip155:84532\",\"amount\":\"20000\","
                + "\"asset\":\"0x036CbD53842c5426634e7929541eC2318f3dCF7e\",\"payTo\":\"\(FacilitatorSamples.payTo)\","
                + "\"maxTimeoutSeconds\":300,\"extra\":{\"name\":\"USDC\",\"version\":\"2\",\"paymentFlow\":\"upfront\"}}}"
        )
        let first = String(decoding: FacilitatorMessages.body(try FacilitatorSamples.request(.v1)), as: UTF8.self)
        #expect(
            first == "{\"x402Version\":1,\"paymentPayload\":\(FacilitatorSamples.v1),\"paymentRequirements\":"
                + "{\"scheme\":\"exact\",\"network\":\"base-sepolia\",\"maxAmountRequired\":\"20000\","
                + "\"resource\":\"https://api.example.com/a\\\"b\",\"description\":\"\",\"mimeType\":\"\","
                + "\"payTo\":\"\(FacilitatorSamples.payTo)\",\"maxTimeoutSeconds\":300,"
                + "\"asset\":\"0x036CbD53842c5426634e7929541eC2318f3dCF7e\",\"extra\":{\"name\":\"USDC\",\"version\":\"2\"}}}"
        )
    }

    struct Told: CustomTestStringConvertible, Sendable {
        var status: Int
        var body: String
        var meaning: String
        var testDescription: String { "\(status) \(body)" }

        init(_ status: Int, _ body: String, _ meaning: String) {
            self.status = status
            self.body = body
            self.meaning = meaning
        }
    }

    static let verdicts: [Told] = [
        Told(200, "{\"isValid\":true}", "good"),
        Told(200, "{\"isValid\":true,\"invalidReason\":null,\"payer\":null,\"more\":[1]}", "good"),
        Told(200, "{\"isValid\":true,\"payer\":\"\(payer.lowercased())\"}", "good"),
        Told(200, "{\"isValid\":true,\"payer\":\"\(other)\"}", "unreachable"),
        Told(200, "{\"isValid\":true,\"payer\":7}", "unreachable"),
        Told(201, "{\"isValid\":true}", "unreachable"),
        Told(400, "{\"isValid\":true}", "unreachable"),
        Told(500, "{\"isValid\":true}", "unreachable"),
        Told(308, "{\"isValid\":true}", "unreachable"),
        Told(200, "{\"isValid\":\"true\"}", "unreachable"),
        Told(200, "{\"isValid\":1}", "unreachable"),
        Told(200, "{\"isvalid\":true}", "unreachable"),
        Told(200, "[{\"isValid\":true}]", "unreachable"),
        Told(200, "{\"isValid\":true}{\"isValid\":true}", "unreachable"),
        Told(200, "{\"isValid\":false,\"isValid\":true}", "unreachable"),
        Told(200, "{\"isValid\":true", "unreachable"),
        Told(200, "", "unreachable"), Told(200, "<html>isValid true</html>", "unreachable"),
        Told(404, "not here", "unreachable"), Told(200, "{\"success\":true}", "unreachable"),
        Told(
            200, "{\"isValid\":false,\"invalidReason\":\"invalid_exact_evm_insufficient_balance\"}",
            "refused invalid_exact_evm_insufficient_balance"),
        Told(400, "{\"isValid\":false,\"invalidReason\":\"insufficient_funds\"}", "refused insufficient_funds"),
        Told(500, "{\"isValid\":false,\"invalidReason\":\"insufficient_funds\"}", "refused insufficient_funds"),
        Told(200, "{\"isValid\":false,\"invalidReason\":\"insufficient_funds\",\"payer\":\"\(other)\"}", "unreachable"),
        // That the facilitator could not do its work says nothing of the payment.
        Told(200, "{\"isValid\":false,\"invalidReason\":\"unexpected_verify_error\"}", "unreachable"),
        Told(200, "{\"isValid\":false,\"invalidReason\":\"rpc_timeout\"}", "unreachable"),
        Told(200, "{\"isValid\":false}", "unreachable"),
        Told(200, "{\"isValid\":false,\"invalidReason\":\"\"}", "unreachable"),
        // Nor does what is no code, which must not reach callers.
        Told(200, "{\"isValid\":false,\"invalidReason\":\"<script>\"}", "unreachable"),
        Told(200, "{\"isValid\":false,\"invalidReason\":\"Insufficient_Funds\"}", "unreachable"),
        Told(200, "{\"isValid\":false,\"invalidReason\":\"\(String(repeating: "a", count: 65))\"}", "unreachable"),
        Told(
            200, "{\"isValid\":false,\"invalidReason\":\"\(String(repeating: "a", count: 64))\"}",
            "refused \(String(repeating: "a", count: 64))"),
        Told(200, "{\"isValid\":false,\"invalidReason\":5}", "unreachable"),
    ]

    @Test(arguments: verdicts) func verdictsAreRead(_ told: Told) throws {
        let request = try FacilitatorSamples.request()
        let meaning =
            switch FacilitatorVerdict(status: told.status, body: Array(told.body.utf8), for: request) {
            case .good: "good"
            case .refused(let code): "refused \(code)"
            case .unreachable: "unreachable"
            }
        #expect(meaning == told.meaning)
    }

    private static func success(_ changes: (String, String)...) -> String {
        var text = """
            {"success":true,"transaction":"\(hash)","network":"eip155:84532","payer":"\(payer)","amount":"20000"}
            """
        for (old, new) in changes { text = text.replacing(old, with: new) }
        return text
    }

    private static func failure(_ reason: String, _ transaction: String = "", network: String = "eip155:84532")
        -> String
    {
        "{\"success\":false,\"errorReason\":\"\(reason)\",\"transaction\":\"\(transaction)\",\"network\":\"\(network)\"}"
    }

    static let settlements: [Told] = [
        Told(200, success(), "settled"),
        Told(200, success((",\"payer\":\"\(payer)\"", ""), (",\"amount\":\"20000\"", "")), "settled"),
        Told(200, success((payer, payer.lowercased()), ("eip155:84532", "base-sepolia")), "settled"),
        Told(200, success(("}", ",\"errorReason\":null,\"extensions\":{}}")), "settled"),
        Told(200, success(("}", ",\"errorReason\":\"\"}")), "settled"),
        // A success counts only whole, and under 200.
        Told(201, success(), "unknown hash"), Told(202, success(), "unknown hash"),
        Told(308, success(), "unknown hash"),
        Told(400, success(), "unknown hash"), Told(500, success(), "unknown hash"),
        Told(200, success(("eip155:84532", "eip155:8453")), "unknown hash"),
        Told(200, success((",\"network\":\"eip155:84532\"", "")), "unknown hash"),
        Told(200, success(("\"eip155:84532\"", "84532")), "unknown hash"),
        Told(200, success((payer, other)), "unknown hash"), Told(200, success(("\"\(payer)\"", "{}")), "unknown hash"),
        Told(200, success(("20000", "19999")), "unknown hash"),
        Told(200, success(("\"20000\"", "20000")), "unknown hash"),
        Told(200, success((hash, "")), "unknown"), Told(200, success((hash, "0xabcd")), "unknown"),
        Told(200, success(("\"\(hash)\"", "null")), "unknown"),
        Told(200, success((hash, String(hash.dropFirst(2)))), "unknown"),
        Told(200, success(("}", ",\"errorReason\":\"settlement_pending\"}")), "unknown hash"),
        Told(200, success(("true", "\"true\"")), "unknown"), Told(200, success(("true", "1")), "unknown"),
        Told(200, "{}", "unknown"), Told(200, "", "unknown"), Told(200, "ok", "unknown"), Told(200, "[]", "unknown"),
        Told(200, success() + success(), "unknown"), Told(308, "", "unknown"), Told(500, "Oops", "unknown"),
        Told(401, "{\"error\":\"token\"}", "unknown"),
        // A refusal is one before the transaction was sent, or the chain's own.
        Told(200, failure("insufficient_funds"), "refused insufficient_funds"),
        Told(400, failure("insufficient_funds"), "refused insufficient_funds"),
        Told(500, failure("insufficient_funds"), "refused insufficient_funds"),
        Told(200, failure("insufficient_funds", network: ""), "refused insufficient_funds"),
        Told(200, failure("insufficient_funds", network: "eip155:1"), "unknown"),
        Told(200, failure("insufficient_funds").replacing("}", with: ",\"payer\":\"\(other)\"}"), "unknown"),
        Told(200, failure("insufficient_funds", hash), "unknown hash"),
        Told(200, failure("insufficient_funds", "pending"), "unknown"),
        Told(200, failure("transaction_failed", hash), "failed transaction_failed"),
        Told(200, failure("invalid_transaction_state"), "failed invalid_transaction_state"),
        Told(
            200, failure("invalid_exact_evm_transfer_event_mismatch", hash),
            "failed invalid_exact_evm_transfer_event_mismatch"),
        // Used: perhaps by this very settlement, or for us by a stranger.
        Told(200, failure("invalid_exact_evm_nonce_already_used"), "unknown"),
        Told(200, failure("duplicate_settlement"), "unknown"),
        Told(200, failure("unexpected_settle_error"), "unknown"), Told(200, failure("settle_timeout"), "unknown"),
        Told(500, failure("internal_server_error"), "unknown"), Told(200, failure(""), "unknown"),
        Told(200, failure("Sorry, that did not work"), "unknown"), Told(200, "{\"success\":false}", "unknown"),
        Told(200, failure("settlement_pending", hash), "pending hash"),
        Told(202, failure("settlement_pending"), "pending"),
    ]

    @Test(arguments: settlements) func settlementsAreRead(_ told: Told) throws {
        for version in [ProtocolVersion.v1, .v2] {
            let request = try FacilitatorSamples.request(version)
            let settlement = FacilitatorSettlement(status: told.status, body: Array(told.body.utf8), for: request)
            let meaning: String
            switch settlement {
            case .settled(let transaction):
                meaning = transaction == Self.lowerHash ? "settled" : "settled by \(transaction)"
            case .refused(let code, let isFromChain): meaning = "\(isFromChain ? "failed" : "refused") \(code)"
            case .pending(let transaction): meaning = transaction == Self.lowerHash ? "pending hash" : "pending"
            case .unknown(let transaction, _): meaning = transaction == Self.lowerHash ? "unknown hash" : "unknown"
            }
            #expect(meaning == told.meaning)
        }
    }

    typealias Heard = FacilitatorSettling.Heard
    typealias Step = FacilitatorSettling.Step

    private static let settled = Heard.answer(.settled(transaction: "0xa"))
    private static let refused = Heard.answer(.refused(code: "no", isFromChain: false))
    private static let failed = Heard.answer(.refused(code: "failed", isFromChain: true))
    private static let pending = Heard.answer(.pending(transaction: "0xp"))
    private static let unnamed = Heard.answer(.pending(transaction: nil))
    private static let unknown = Heard.answer(.unknown(transaction: "0xu", "odd"))
    private static let unsent = Heard.fault("closed", wasSent: false)
    private static let sent = Heard.fault("silent", wasSent: true)

    private static func again(_ pause: Int) -> Step { .again(afterMilliseconds: pause) }
    private static let doubt = Step.done(.unknown(transaction: "0xp", "silent"))

    /// What is heard, with the time that is left, and what is done then.
    static let stories: [[(Heard, Int, Step)]] = [
        [(settled, 0, .done(.settled(transaction: "0xa")))],
        [(refused, 9_000, .done(.refused(code: "no")))],
        [(failed, 9_000, .done(.refused(code: "failed")))],
        [(unknown, 9_000, .done(.unknown(transaction: "0xu", "odd")))],
        // Written once: not said again.
        [(sent, 9_000, .done(.unknown(transaction: nil, "silent")))],
        [(unsent, 9_000, again(250)), (sent, 8_000, .done(.unknown(transaction: nil, "silent")))],
        // Never written: said again, until the time is over.
        [
            (unsent, 9_000, again(250)), (unsent, 8_000, again(500)),
            (settled, 7_000, .done(.settled(transaction: "0xa"))),
        ],
        [(unsent, 9_000, again(250)), (unsent, 500, .done(.notSent("closed")))],
        [(unsent, 250, .done(.notSent("closed")))],
        // Pending: it promised to wait for what it sent.
        [(pending, 9_000, again(250)), (settled, 8_000, .done(.settled(transaction: "0xa")))],
        [(pending, 9_000, again(250)), (failed, 8_000, .done(.refused(code: "failed")))],
        // What it says of the first transaction's success by refusing the second is no refusal.
        [(pending, 9_000, again(250)), (refused, 8_000, again(500)), (sent, 100, doubt)],
        [(pending, 9_000, again(250)), (sent, 8_000, again(500)), (unsent, 7_000, again(1_000)), (sent, 6, doubt)],
        [(pending, 9_000, again(250)), (unknown, 8_000, again(500)), (unnamed, 7_000, again(1_000)), (sent, 6, doubt)],
        [(unnamed, 9_000, again(250)), (pending, 8_000, again(500)), (sent, 6, doubt)],
        [(unnamed, 9_000, again(250)), (sent, 6, .done(.unknown(transaction: nil, "silent")))],
        // Pauses grow, to a bound.
        [250, 500, 1_000, 2_000, 4_000, 4_000].map { (pending, 60_000, again($0)) },
    ]

    @Test(arguments: stories.indices) func settlingGoesOn(_ index: Int) {
        var settling = FacilitatorSettling()
        for (heard, remaining, step) in Self.stories[index] {
            #expect(settling.next(heard, remainingMilliseconds: remaining) == step)
        }
    }

    private static let kinds = """
        {"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532","extra":{}},{"x402Version":1,"scheme":"exact",
        "network":"base-sepolia"},{"x402Version":2,"scheme":"upto","network":"eip155:8453"},7,{"scheme":"exact"},
        {"x402Version":2,"scheme":"exact","network":"solana:*"}],"extensions":[],"signers":{"eip155:*":["0x"]}}
        """

    @Test func supportIsRead() throws {
        let support = try #require(FacilitatorSupport(status: 200, body: Array(Self.kinds.utf8)))
        #expect(support.takes(.v2, network: "eip155:84532"))
        #expect(support.takes(.v1, network: "base-sepolia"))
        #expect(support.takes(.v2, network: "solana:devnet"))
        for (version, network) in [
            (ProtocolVersion.v1, "eip155:84532"), (.v2, "base-sepolia"), (.v2, "eip155:8453"), (.v2, "eip155:1"),
            (.v2, "solana"), (.v1, "base"),
        ] {
            #expect(!support.takes(version, network: network))
        }
        #expect(
            support.text
                == "exact on eip155:84532 (version 2), exact on base-sepolia (version 1), upto on eip155:8453 (version 2), "
                + "exact on solana:* (version 2)")
        for (status, body) in [
            (200, "{}"), (200, "{\"kinds\":{}}"), (200, "no"), (500, Self.kinds), (301, Self.kinds), (200, "[]"),
        ] {
            #expect(FacilitatorSupport(status: status, body: Array(body.utf8)) == nil)
        }
        let all = FacilitatorSupport(
            status: 200,
            body: Array("{\"kinds\":[{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:*\"}]}".utf8))
        #expect(all?.takes(.v2, network: "eip155:1") == true)
        #expect(all?.takes(.v2, network: "eip1559:1") == false)
    }

    @Test func whatIsNotSupportedIsSaid() throws {
        func review(_ kinds: String) throws -> FacilitatorReview {
            let payment = try revision(moneyAndUpstream).payments[0]
            let support = try #require(FacilitatorSupport(status: 200, body: Array("{\"kinds\":[\(kinds)]}".utf8)))
            return FacilitatorReview(payment, "hosted", .success(support))
        }
        let v1 = "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base-sepolia\"}"
        let v2 = "{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:84532\"}"
        let all = try review("\(v1),\(v2)")
        #expect(all.trouble == nil && all.warnings.isEmpty)
        let current = try review(v2)
        #expect(current.trouble == nil)
        #expect(
            current.warnings == [
                "test-usdc: exact on base-sepolia in version 1 is not supported by hosted: it will refuse clients of that version; "
                    + "it supports exact on eip155:84532 (version 2)"
            ])
        let old = try review(v1)
        #expect(old.trouble?.code == "facilitator_mismatch")
        #expect(
            old.warnings == [
                "test-usdc: exact on eip155:84532 is not supported by hosted, which supports exact on base-sepolia (version 1)"
            ])
        #expect(
            try review("").warnings == [
                "test-usdc: exact on eip155:84532 is not supported by hosted, which supports nothing"
            ])
    }
}
