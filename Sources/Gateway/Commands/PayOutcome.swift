import Bytes
import Chains
import JSON
import Payments

/// An answer as `farebox pay` judges it.
struct PayAnswer: Equatable {
    var status: Int
    /// `PAYMENT-REQUIRED`.
    var terms: [UInt8]?
    /// `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
    var receipt: [UInt8]?
    var location: String?
    /// Kept only of answers that are judged by it: 402 and above.
    var body: [UInt8] = []
}

/// How `farebox pay` ends: its exit code and what it says on standard error.
struct PayOutcome: Equatable {
    /// What scripts rely on.
    enum Exit: Int32 {
        case done = 0
        /// Nothing was paid.
        case failed = 1
        case aboveMaximum = 3
        case refused = 4
        /// The payment may have been made: nothing may be signed again for this request without asking the seller.
        case unknown = 5
        /// As with `curl --fail`; redirects, which are not followed, too.
        case httpError = 22
        case usage = 64
    }

    var exit: Exit
    var message: String?

    // MARK: before a signature

    enum Asked: Equatable {
        case sign(PaymentRequired)
        case end(PayOutcome)
    }

    /// The answer to the request without a payment.
    static func judge(asked answer: PayAnswer) -> Asked {
        guard answer.status == 402 else { return .end(plain(answer)) }
        do throws(PaymentFault) {
            return .sign(try required(answer))
        } catch {
            let why =
                "the server asks for a payment in terms that cannot be read (\(error.code.rawValue) \(error.detail))"
            return .end(PayOutcome(exit: .httpError, message: why))
        }
    }

    /// Nothing was signed.
    static func judge(refusal: PaymentSigner.Refusal, of required: PaymentRequired, maximum: PayMaximum) -> PayOutcome {
        switch refusal {
        case .aboveMaximum(let amount, _):
            let entry = required.entries.first { $0.amountAtomic == amount }
            let decimals = entry.flatMap { PayMaximum.token(of: $0) }?.decimals ?? 6
            let price = PayMaximum.dollars(amount, decimals: decimals)
            return PayOutcome(
                exit: .aboveMaximum,
                message: "the price is \(price), above the maximum of \(maximum.text): nothing was paid")
        case .nothingPayable:
            let networks = Set(required.entries.map(\.network)).sorted().joined(separator: ", ")
            let why =
                networks.isEmpty
                ? "it takes no exact payment on an EVM chain" : "it takes no USDC known here on \(networks)"
            return PayOutcome(exit: .failed, message: "nothing was paid: \(why)")
        }
    }

    // MARK: after it

    /// The answer to the request with its one payment.
    static func judge(paid answer: PayAnswer, with payment: PaymentSigner.SignedPayment) -> PayOutcome {
        let receipt = receipt(answer)
        let said = JSONWords(answer.body)
        if said.error == PaymentCode.outcomeUnknown.rawValue || said.error == "payment_in_flight" {
            return unknown(payment, "the server answered HTTP \(answer.status) \(said.error ?? "")")
        }
        if answer.status == 402 { return judge(refused: answer, receipt, payment) }
        guard let receipt else {
            var outcome = plain(answer)
            switch outcome.exit {
            case .done:
                outcome.message =
                    switch (said.charged, answer.status) {
                    // It may still be charged when somebody has looked at it.
                    case (false?, 202): "nothing was charged yet; \(usableUntil(payment))"
                    case (false?, _): "nothing was charged"
                    default: "no receipt came with the answer: whether it was charged is not known"
                    }
            default:
                outcome.message! +=
                    said.charged == false ? "; nothing was charged" : "; no receipt came, \(usableUntil(payment))"
            }
            return outcome
        }
        guard receipt.success else {
            var outcome = plain(answer)
            let why = "the receipt says that the payment failed: \(receipt.errorReason ?? "no reason given")"
            outcome.message = [outcome.message, why].compactMap { $0 }.joined(separator: "; ")
            return outcome
        }
        let paid = paidText(receipt, payment)
        var outcome = plain(answer)
        guard outcome.exit != .done else { return PayOutcome(exit: .done, message: paid) }
        let advice =
            answer.status >= 500 ? "; a Farebox gives what is owed, uncharged, to the same request made again" : ""
        outcome.message = "\(outcome.message ?? ""), though \(paid)\(advice)"
        return outcome
    }

    /// The connection failed. `wasSent` is true once a byte of the request with its payment left; `answer` is what came of
    /// an answer, without its body.
    static func judge(
        fault: String, after payment: PaymentSigner.SignedPayment?, wasSent: Bool, answer: PayAnswer? = nil
    ) -> PayOutcome {
        guard let payment, wasSent else { return PayOutcome(exit: .failed, message: fault) }
        guard let receipt = answer.flatMap(receipt), receipt.success else { return unknown(payment, fault) }
        return PayOutcome(
            exit: .unknown,
            message: "\(paidText(receipt, payment)), but the answer did not come whole: \(fault); do not pay again yet")
    }

    private static func receipt(_ answer: PayAnswer) -> PaymentResponse? {
        answer.receipt.flatMap { header in header.withUnsafeBytes { PaymentResponse.decode($0) } }
    }

    private static func judge(
        refused answer: PayAnswer, _ receipt: PaymentResponse?, _ payment: PaymentSigner.SignedPayment
    ) -> PayOutcome {
        if let receipt {
            let reason = receipt.errorReason ?? "no reason given"
            if receipt.success || reason == PaymentCode.settlementPending.rawValue {
                let transaction = receipt.transaction.isEmpty ? "" : ", transaction \(receipt.transaction)"
                return unknown(payment, "the payment was sent and is not confirmed (\(reason)\(transaction))")
            }
            return PayOutcome(exit: .refused, message: "the payment was refused at its settlement: \(reason)")
        }
        guard let terms = try? required(answer) else {
            return unknown(payment, "the server answered 402 in words that cannot be understood")
        }
        return PayOutcome(exit: .refused, message: "the server refused the payment: \(terms.error)")
    }

    // MARK: words

    private static func required(_ answer: PayAnswer) throws(PaymentFault) -> PaymentRequired {
        let result = answer.body.withUnsafeBytes { body -> Result<PaymentRequired, PaymentFault> in
            guard let terms = answer.terms else {
                return Result { () throws(PaymentFault) in try PaymentRequired.decode(v2Header: nil, v1Body: body) }
            }
            return terms.withUnsafeBytes { header in
                Result { () throws(PaymentFault) in try PaymentRequired.decode(v2Header: header, v1Body: body) }
            }
        }
        return try result.get()
    }

    private static func plain(_ answer: PayAnswer) -> PayOutcome {
        switch answer.status {
        case 200..<300: PayOutcome(exit: .done, message: nil)
        case 300..<400:
            PayOutcome(
                exit: .httpError,
                message: "HTTP \(answer.status): redirected to \(answer.location ?? "nowhere"), which is not followed")
        default: PayOutcome(exit: .httpError, message: "HTTP \(answer.status)")
        }
    }

    private static func unknown(_ payment: PaymentSigner.SignedPayment, _ what: String) -> PayOutcome {
        PayOutcome(
            exit: .unknown, message: "\(what): the outcome is unknown, do not pay again yet; \(usableUntil(payment))")
    }

    private static func usableUntil(_ payment: PaymentSigner.SignedPayment) -> String {
        var text = ByteBuffer()
        var clock = WallClockText()
        // What nanoseconds hold ends in 2262.
        let seconds = min(payment.authorization.validBefore.clampedToInt64, 9_223_372_035)
        clock.append(nanoseconds: seconds * 1_000_000_000, to: &text)
        return "the authorization \(payment.authorization.nonce.hex) can be used until \(text.text)"
    }

    /// What was signed; the receipt is only quoted for what it alone knows.
    private static func paidText(_ receipt: PaymentResponse, _ payment: PaymentSigner.SignedPayment) -> String {
        let entry = payment.entry
        let decimals = PayMaximum.token(of: entry)?.decimals ?? 6
        let price = PayMaximum.dollars(entry.amountAtomic, decimals: decimals)
        return "paid \(price) (\(entry.amountAtomic) atomic) on \(entry.network) from \(payment.payer.checksummed) to "
            + "\(entry.payTo.checksummed), transaction \(receipt.transaction.isEmpty ? "not named" : receipt.transaction)"
    }
}

/// What a gateway's own error body says, where it is one.
private struct JSONWords {
    var error: String?
    var charged: Bool?

    init(_ body: [UInt8]) {
        body.withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes) else { return }
            let root = tape.root(over: bytes)
            guard root.kind == .object else { return }
            error = root["error"]?.string
            charged = root["charged"]?.bool
        }
    }
}
