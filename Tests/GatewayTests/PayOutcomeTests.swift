import Bytes
import Chains
import Payments
import Testing

@testable import Gateway

@Suite struct PayOutcomeTests {
    static func base64(_ text: String) -> [UInt8] { Array(Base64.encode(Array(text.utf8)).utf8) }

    static let terms =
        #"{"x402Version":2,"error":"payment_required","resource":{"url":"http://x"},"accepts":[{"scheme":"exact","#
        + #""network":"eip155:84532","amount":"20000","maxTimeoutSeconds":300,"#
        + #""asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","#
        + #""extra":{"name":"USDC","version":"2"}}]}"#

    static func receipt(_ success: Bool, reason: String? = nil, transaction: String = "0xab") -> [UInt8] {
        let why = reason.map { #","errorReason":"\#($0)""# } ?? ""
        return base64(#"{"success":\#(success),"transaction":"\#(transaction)","network":"eip155:84532"\#(why)}"#)
    }

    static func required() throws -> PaymentRequired {
        guard case .sign(let required) = PayOutcome.judge(asked: PayAnswer(status: 402, terms: base64(terms))) else {
            throw CommandFault(message: "the terms are not understood")
        }
        return required
    }

    static func sign(_ required: PaymentRequired, maximum: String) throws -> PaymentSigner.SignedPayment {
        let key = PrivateKey(hex: PayKeyTests.hex)!
        let most = try PayMaximum(maximum)
        return try PaymentSigner.sign(
            required, key: key, maximumAtomic: { most.atomic(for: $0) }, nonce: .zero, now: 1_800_000_000)
    }

    @Test func termsOfBothVersionsAreSigned() throws {
        #expect(try Self.sign(Self.required(), maximum: "$0.02").headerName == "PAYMENT-SIGNATURE")
        let body = Array(
            #"{"x402Version":1,"error":"pay","accepts":[{"scheme":"exact","network":"base-sepolia","maxAmountRequired":"20000","resource":"http://x/","description":"","mimeType":"","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":60,"asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","extra":{"name":"USDC","version":"2"}}]}"#
                .utf8)
        guard case .sign(let required) = PayOutcome.judge(asked: PayAnswer(status: 402, body: body)) else {
            Issue.record("version 1 is not understood")
            return
        }
        #expect(try Self.sign(required, maximum: "$0.02").headerName == "X-PAYMENT")
    }

    @Test(
        arguments: [
            (PayAnswer(status: 200), PayOutcome.Exit.done, nil), (PayAnswer(status: 204), .done, nil),
            (
                PayAnswer(status: 301, location: "http://y/"), .httpError,
                "HTTP 301: redirected to http://y/, which is not followed"
            ),
            (PayAnswer(status: 404), .httpError, "HTTP 404"), (PayAnswer(status: 500), .httpError, "HTTP 500"),
            (
                PayAnswer(status: 402, body: Array("{}".utf8)), .httpError,
                "the server asks for a payment in terms that cannot be read (invalid_x402_version x402Version)"
            ),
            (
                PayAnswer(status: 402, terms: Array("?".utf8)), .httpError,
                "the server asks for a payment in terms that cannot be read (payment_header_not_base64 )"
            ),
        ] as [(PayAnswer, PayOutcome.Exit, String?)])
    func answersWithoutASignature(answer: PayAnswer, exit: PayOutcome.Exit, message: String?) {
        #expect(PayOutcome.judge(asked: answer) == .end(PayOutcome(exit: exit, message: message)))
    }

    @Test func pricesAboveTheMaximumAndWhatCannotBePaid() throws {
        let required = try Self.required()
        do throws(PaymentSigner.Refusal) {
            let most = try! PayMaximum("$0.019999")
            let key = PrivateKey(hex: PayKeyTests.hex)!
            _ = try PaymentSigner.sign(
                required, key: key, maximumAtomic: { most.atomic(for: $0) }, nonce: .zero, now: 0)
            Issue.record("signed above the maximum")
        } catch {
            let outcome = PayOutcome.judge(refusal: error, of: required, maximum: try PayMaximum("0.019999"))
            #expect(
                outcome
                    == PayOutcome(
                        exit: .aboveMaximum,
                        message: "the price is $0.02, above the maximum of $0.019999: nothing was paid"))
        }
        #expect(
            PayOutcome.judge(refusal: .nothingPayable, of: required, maximum: try PayMaximum("1")).message
                == "nothing was paid: it takes no USDC known here on eip155:84532")
    }

    /// Status, receipt, terms, body; then the exit code and words of the message.
    @Test(
        arguments: [
            (200, receipt(true), nil, "", .done, "paid $0.02 (20000 atomic) on eip155:84532 from 0x7E5F"),
            (200, receipt(true), nil, "", .done, "to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C, transaction 0xab"),
            (200, nil, nil, "", .done, "no receipt came with the answer"),
            (200, base64("[]"), nil, "", .done, "no receipt came with the answer"),
            (200, nil, nil, #"{"charged":false}"#, .done, "nothing was charged"),
            (
                202, nil, nil, #"{"status":"waiting","charged":false}"#, .done,
                "nothing was charged yet; the authorization 0x0000"
            ),
            (202, nil, nil, #"{"charged":true}"#, .done, "no receipt came with the answer"),
            (200, receipt(false, reason: "x"), nil, "", .done, "the receipt says that the payment failed: x"),
            (402, nil, base64(terms), "{}", .refused, "the server refused the payment: payment_required"),
            (
                402, receipt(false, reason: "insufficient_funds"), nil, "", .refused,
                "refused at its settlement: insufficient_funds"
            ),
            (
                402, receipt(false, reason: "settlement_pending"), nil, "", .unknown,
                "(settlement_pending, transaction 0xab)"
            ),
            (402, receipt(true), nil, "", .unknown, "do not pay again yet"),
            (402, nil, nil, "what?", .unknown, "words that cannot be understood"),
            (402, nil, base64("{}"), "", .unknown, "words that cannot be understood"),
            (409, nil, nil, #"{"error":"payment_in_flight"}"#, .unknown, "HTTP 409 payment_in_flight"),
            (502, receipt(true), nil, #"{"error":"outcome_unknown"}"#, .unknown, "HTTP 502 outcome_unknown"),
            (502, receipt(true), nil, #"{"error":"upstream_timeout"}"#, .httpError, "HTTP 502, though paid $0.02"),
            (429, nil, nil, #"{"error":"lease_busy","charged":false}"#, .httpError, "HTTP 429; nothing was charged"),
            (500, nil, nil, "broken", .httpError, "HTTP 500; no receipt came, the authorization 0x0000"),
            (500, nil, nil, "", .httpError, "can be used until 2027-01-15T08:05:00.000Z"),
            (404, receipt(true), nil, "", .httpError, "HTTP 404, though paid"),
            (302, receipt(true), nil, "", .httpError, "redirected to nowhere, which is not followed, though paid"),
        ] as [(Int, [UInt8]?, [UInt8]?, String, PayOutcome.Exit, String)])
    func answersToAPayment(
        status: Int, receipt: [UInt8]?, terms: [UInt8]?, body: String, exit: PayOutcome.Exit, words: String
    ) throws {
        let payment = try Self.sign(Self.required(), maximum: "$1")
        let answer = PayAnswer(status: status, terms: terms, receipt: receipt, body: Array(body.utf8))
        let outcome = PayOutcome.judge(paid: answer, with: payment)
        #expect(outcome.exit == exit)
        #expect(outcome.message?.contains(words) == true, "\(outcome)")
    }

    @Test func connectionsThatFail() throws {
        let payment = try Self.sign(Self.required(), maximum: "$1")
        #expect(
            PayOutcome.judge(fault: "reset", after: nil, wasSent: true) == PayOutcome(exit: .failed, message: "reset"))
        #expect(
            PayOutcome.judge(fault: "reset", after: payment, wasSent: false)
                == PayOutcome(exit: .failed, message: "reset"))
        #expect(PayOutcome.judge(fault: "reset", after: payment, wasSent: true).exit == .unknown)
        let cut = PayOutcome.judge(
            fault: "reset", after: payment, wasSent: true, answer: PayAnswer(status: 200, receipt: Self.receipt(true)))
        #expect(cut.exit == .unknown)
        #expect(cut.message?.hasPrefix("paid $0.02") == true && cut.message?.contains("not come whole: reset") == true)
    }
}
