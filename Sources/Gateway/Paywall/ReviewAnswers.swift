import Bytes
import Chains
import HTTP
import Ledger
import Payments

extension Answer {
    static let reviewUnknown = Answer(404, "no_review", "There is nothing at this URL.")

    static let reviewTakesNoBody = Answer(400, "body_not_wanted", "Ask this URL with GET and without a body.")

    static let reviewRouteGone = Answer(
        410, "review_route_gone", "The request that was reviewed is not offered any more. Nothing was charged.")

    static let reviewExpired = Answer(
        410, "review_expired", "Nobody decided on this request in time. Nothing was charged.")

    static var reviewWaiting: Answer {
        var answer = Answer.uncharged(
            202, "review_waiting", "A person has not decided on this request yet. Ask again later.",
            retryAfterSeconds: 30)
        answer.outcome = .waiting
        answer.progress = "waiting"
        return answer
    }

    static var reviewRunning: Answer {
        var answer = Answer(202, "review_running", "The request was let through and is under way. Ask again.")
        answer.outcome = .waiting
        answer.progress = "running"
        answer.retryAfterSeconds = 1
        return answer
    }

    /// - Parameter remark: what the person said, if anything.
    static func reviewRejected(_ remark: String?) -> Answer {
        var answer = Answer.uncharged(
            403, "review_rejected", "A person has looked at this request and does not let it through.")
        answer.remark = remark
        return answer
    }

    static func reviewFull(ofWallet: Bool) -> Answer {
        .uncharged(
            429, ofWallet ? "review_wallet_full" : "review_full",
            ofWallet
                ? "As many requests of this wallet wait for a person as may." : "Too many requests wait for a person.",
            retryAfterSeconds: 600)
    }

    static var reviewBodyTooLarge: Answer {
        .uncharged(
            413, "review_body_too_large", "A request of this size cannot wait for a person. Nothing was charged.")
    }

    static var reviewNotForHead: Answer {
        .uncharged(
            403, "review_not_for_head",
            "A person has to look at this wallet's requests first; send a GET. Nothing was charged.")
    }
}

/// The answers to requests that wait for a person, and at their URLs.
extension Exchange {
    /// 202: the request waits, and nothing is charged until a person lets it through.
    func answer(waiting id: ClaimID, at url: String, position: Int) -> Progress {
        record.outcome = .waiting
        record.code = "review_waiting"
        beginOwnHead(202)
        out.append("Location: ")
        out.append(string: url)
        out.append("\r\nRetry-After: 30\r\n")
        appendOwnCORS()
        var body = ByteBuffer(capacity: 256)
        body.append("{\"status\":\"waiting\",\"url\":\"")
        body.append(string: url)
        body.append("\",\"id\":\"")
        body.append(string: id.idempotencyKey)
        body.append("\",\"position\":")
        body.append(decimal: position)
        body.append(
            ",\"message\":\"A person looks at this request before it runs. Ask at the URL.\",\"charged\":false,\"retry_after_seconds\":30}\n"
        )
        return finishOwnAnswer(body.readable, type: "application/json")
    }

    /// The answer that was paid for, as the upstream gave it, with its receipt.
    func answer(reviewed stored: StoredAnswer, _ receipt: ReviewReceipt) -> Progress {
        record.outcome = .delivered
        beginOwnHead(stored.status, caching: "private, no-store")
        out.append(stored.head)
        append(receipt, success: true, errorReason: nil)
        appendOwnCORS()
        if stored.status != 204 { out.appendField("Content-Length", decimal: stored.body.count) }
        out.appendEmptyLine()
        stored.body.withUnsafeBytes { body in
            record.bytesOut += out.count + body.count
            downstream?.send(out.readable, body)
        }
        out.clear()
        finishAnswer()
        return .ready
    }

    func answer(reviewPending receipt: ReviewReceipt) -> Progress {
        record.outcome = .unsettled
        let code = PaymentCode.settlementPending.rawValue
        record.code = code
        beginOwnHead(402)
        append(receipt, success: false, errorReason: code)
        out.append("Retry-After: 5\r\n")
        return finishReview(
            code, "The payment was sent and is not confirmed yet. Do not pay again; ask again later.", charged: nil)
    }

    func answer(reviewErased receipt: ReviewReceipt) -> Progress {
        record.outcome = .answered
        record.code = "answer_erased"
        beginOwnHead(410)
        append(receipt, success: true, errorReason: nil)
        return finishReview(
            "answer_erased", "The answer was delivered, and is kept no longer. Nothing is charged again.", charged: true
        )
    }

    private func finishReview(_ code: String, _ message: String, charged: Bool?) -> Progress {
        appendOwnCORS()
        var body = ByteBuffer(capacity: 256)
        body.append("{\"error\":\"")
        body.append(string: code)
        body.append("\",\"message\":\"")
        body.append(string: message)
        body.append("\"")
        if let charged { body.append(charged ? ",\"charged\":true" : ",\"charged\":false") }
        body.append("}\n")
        return finishOwnAnswer(body.readable, type: "application/json")
    }

    private func append(_ receipt: ReviewReceipt, success: Bool, errorReason: String?) {
        let offer = prepared.revision.payments.first { $0.network == receipt.key.chain }
        let response = PaymentResponse(
            success: success, transaction: receipt.transaction, network: receipt.key.chain,
            networkV1Name: offer?.networkV1Name ?? receipt.key.chain, payer: Address(receipt.key.payer),
            amountAtomic: success ? receipt.amountAtomic : nil, errorReason: errorReason)
        let version: ProtocolVersion = receipt.paymentVersion == 1 ? .v1 : .v2
        out.append(version == .v1 ? "X-PAYMENT-RESPONSE: " : "PAYMENT-RESPONSE: ")
        response.encode(version, into: &out)
        out.appendEmptyLine()
    }
}
