import Bytes
import HTTP
import Ledger
import Payments

extension Answer {
    static func stillInFlight(retryAfterSeconds: Int) -> Answer {
        var answer = Answer(
            409, "payment_in_flight",
            "This payment's own request is still under way. Send the same payment again later.")
        answer.retryAfterSeconds = retryAfterSeconds
        return answer
    }

    static var identifierConflict: Answer {
        .uncharged(
            409, "payment_identifier_conflict",
            "Another payment came with this payment-identifier. Send that payment again, or a new identifier. Nothing was charged."
        )
    }

    static func leaseBusy(_ trouble: LeaseTrouble, retryAfterSeconds: Int) -> Answer {
        .uncharged(
            429, trouble.rawValue,
            "Too many paid requests of this wallet are under way at once. Send this one again later.",
            retryAfterSeconds: retryAfterSeconds)
    }

    static var ledgerUnavailable: Answer {
        .uncharged(
            503, "ledger_unavailable", "Payments cannot be taken now. Nothing was charged.", retryAfterSeconds: 5)
    }

    /// The ledger failed while it settled: the debit may be on disk or not.
    static var settlementUnsure: Answer {
        var answer = Answer(
            503, "settlement_unsure",
            "The payment may have been charged or not. Once the gateway is well again, the same request is not charged twice."
        )
        answer.retryAfterSeconds = 30
        return answer
    }

    /// The chain or the facilitator could not be asked: nothing is claimed.
    static var facilitatorUnreachable: Answer {
        .uncharged(
            503, "facilitator_unreachable", "Payments of this kind cannot be verified now. Nothing was charged.",
            retryAfterSeconds: 5)
    }

    static var answerTooLarge: Answer {
        .uncharged(
            502, "answer_too_large", "The API's answer is larger than this gateway holds. Nothing was charged.")
    }

    static var cannotHold: Answer {
        .uncharged(
            503, "cannot_hold", "This gateway has no room for the exchange now. Nothing was charged.",
            retryAfterSeconds: 5)
    }
}

/// The answers to a payment that is not honoured.
extension Exchange {
    /// 402 with fresh terms, and why the payment that came is not honoured.
    func answer(challenging route: Route, error: PaymentCode?) -> Progress {
        answer(challenging: route, code: error?.rawValue)
    }

    /// - Parameter code: nil where no payment came at all.
    func answer(challenging route: Route, code: String?) -> Progress {
        record.outcome = .challenged
        if let code { record.code = code }
        if let form = noticeForm { return challenge(form, route, code: code, refused: nil) }
        record.status = 402
        answerStarted = true
        out.clear()
        beginChallengeHead()
        worker.challenges.append(
            route, of: prepared, target: target, code: code, withBody: head.method != .head, to: &out)
        flushOut()
        finishAnswer()
        return .ready
    }

    private func beginChallengeHead() {
        out.append("HTTP/1.1 402 Payment Required\r\nDate: ")
        out.append(worker.dateText)
        out.append("\r\n")
        appendConnectionField()
    }

    /// 402 whose settlement was refused: the receipt says so, and no terms invite to pay at once again.
    func answer(settlementRefused code: String, _ purchase: Purchase) -> Progress {
        if let form = noticeForm, let route {
            record.outcome = .unsettled
            record.code = code
            return challenge(form, route, code: code, refused: purchase.refusal(code))
        }
        return answer(
            unsettled: purchase.refusal(code), purchase, code: code,
            message: "The payment was refused at its settlement. Nothing was charged.", charged: false,
            retryAfterSeconds: nil)
    }

    /// 402 for a payment whose truth is not known yet: never an invitation to pay again.
    func answer(pending transaction: String, _ purchase: Purchase) -> Progress {
        let code = PaymentCode.settlementPending.rawValue
        return answer(
            unsettled: purchase.refusal(code, transaction: transaction), purchase, code: code,
            message: "The payment was sent and is not confirmed yet. Do not pay again; ask again later.", charged: nil,
            retryAfterSeconds: 5)
    }

    /// 502 for what is paid for and may not be run again: a person will see to it.
    func answer(outcomeUnknown transaction: String, _ purchase: Purchase) -> Progress {
        purchase.paid(transaction)
        return answer(
            paidStatus: 502, purchase, code: PaymentCode.outcomeUnknown.rawValue,
            message:
                "This request was paid for and may have run; it may not be run again. This new payment was not charged.",
            retryAfterSeconds: nil)
    }

    /// The upstream gave no whole answer: void where nothing was charged, owed where it was.
    func answerUndelivered(_ purchase: Purchase, _ fault: ClientFault) -> Progress {
        record.upstreamFault = fault
        timer.cancel()
        purchase.voidReason = "\(fault.code)"
        if purchase.holdsAnswer { purchase.dropHeld() }
        if purchase.isPaid {
            return answer(
                paidStatus: fault.status, purchase, code: "\(fault.code)",
                message:
                    "\(fault.explanation) \(purchase.promise)",
                retryAfterSeconds: 1)
        }
        return answer(.uncharged(fault.status, "\(fault.code)", "\(fault.explanation) Nothing was charged."))
    }

    private func answer(
        unsettled receipt: PaymentResponse, _ purchase: Purchase, code: String, message: String, charged: Bool?,
        retryAfterSeconds: Int?
    ) -> Progress {
        record.outcome = .unsettled
        return finish(402, receipt, purchase, code, message, charged: charged, retryAfterSeconds)
    }

    func answer(
        paidStatus status: Int, _ purchase: Purchase, code: String, message: String, retryAfterSeconds: Int?
    ) -> Progress {
        record.outcome = .owed
        return finish(status, purchase.receipt(), purchase, code, message, charged: true, retryAfterSeconds)
    }

    private func finish(
        _ status: Int, _ receipt: PaymentResponse, _ purchase: Purchase, _ code: String, _ message: String,
        charged: Bool?, _ retryAfterSeconds: Int?
    ) -> Progress {
        record.code = code
        var body = ByteBuffer(capacity: 256)
        body.append("{\"error\":\"")
        body.append(string: code)
        body.append("\",\"message\":\"")
        body.append(string: message)
        body.append("\"")
        if let charged { body.append(charged ? ",\"charged\":true" : ",\"charged\":false") }
        body.append("}")
        if let form = noticeForm {
            return notify(
                form, status: status, content: body.readable, receipt: receipt, retryAfterSeconds: retryAfterSeconds)
        }
        beginOwnHead(status)
        purchase.appendReceipt(receipt, to: &out)
        if let retryAfterSeconds { out.appendField("Retry-After", decimal: retryAfterSeconds) }
        appendOwnCORS()
        body.append("\n")
        return finishOwnAnswer(body.readable, type: "application/json")
    }
}
