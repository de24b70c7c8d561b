import Bytes
import HTTP
import MCP
import Payments

/// What the gateway itself says to a call, in the form that its caller looks at.
extension Exchange {
    /// Nil where HTTP alone says it.
    var noticeForm: AnswerForm? {
        guard let message, message.isPriced, let request = message.request else { return nil }
        // Where events have left, no other head can.
        if message.answer?.streamHasBegun == true { return message.form ?? resultForm(of: request, message) }
        return message.form
    }

    /// - Parameters:
    ///   - status: the HTTP status that says the same.
    ///   - content: one JSON object.
    func notify(
        _ form: AnswerForm, status: Int, content: UnsafeRawBufferPointer, receipt: PaymentResponse?,
        retryAfterSeconds: Int?
    ) -> Progress {
        guard let message else { preconditionFailure("a notice is for a call") }
        var text = ByteBuffer(capacity: content.count * 3 + 512)
        let receiptText = receipt.map(receiptText)
        withReceipt(receiptText) {
            NoticeResult.write(
                id: message.id, status: status, content: content, receipt: $0, form: form, into: &text)
        }
        return give(text.readable, receipt: receipt, terms: nil, retryAfterSeconds: retryAfterSeconds)
    }

    /// The terms in every place that a client looks for them; with the receipt of a payment that was refused, if there is one.
    func challenge(_ form: AnswerForm, _ route: Route, code: String?, refused: PaymentResponse?) -> Progress {
        guard let message else { preconditionFailure("a notice is for a call") }
        var header = ByteBuffer()
        prepared.challenge(of: route).renderHeader(
            target: target, code: code ?? PaymentCode.paymentRequired.rawValue, into: &header)
        guard let terms = Base64.decode(header.readable) else { preconditionFailure("the gateway's own base64") }
        var text = ByteBuffer(capacity: terms.count * 4 + 512)
        let receiptText = refused.map(receiptText)
        terms.withUnsafeBytes { terms in
            withReceipt(receiptText) { receipt in
                if let receipt {
                    RefusedResult.write(id: message.id, terms: terms, receipt: receipt, form: form, into: &text)
                } else {
                    ChallengeResult.write(id: message.id, terms: terms, form: form, into: &text)
                }
            }
        }
        return give(text.readable, receipt: refused, terms: header.readable, retryAfterSeconds: nil)
    }

    /// The receipt as one JSON object, on one line.
    func receiptText(_ receipt: PaymentResponse) -> [UInt8] {
        var text = ByteBuffer(capacity: 384)
        receipt.write(purchase?.payload.version ?? .v2, payerText: purchase?.payerText, into: &text)
        return text.array
    }

    private func withReceipt(_ text: [UInt8]?, _ use: (UnsafeRawBufferPointer?) -> Void) {
        guard let text else { return use(nil) }
        text.withUnsafeBytes { use($0) }
    }

    /// Gives the caller a JSON-RPC message in place of the answer: as the whole answer, or as the last of its events.
    private func give(
        _ text: UnsafeRawBufferPointer, receipt: PaymentResponse?, terms: UnsafeRawBufferPointer?,
        retryAfterSeconds: Int?
    ) -> Progress {
        timer.cancel()
        abandonConnection()
        purchase?.answerIsUpstreams = false
        if let answer = message?.answer, answer.streamHasBegun {
            var event = ByteBuffer(capacity: text.count + 16)
            StreamEvent.write(data: text, into: &event)
            relayBody(event.readable)
            endRelay(trailers: nil)
            finishAnswer()
            return .ready
        }
        beginOwnHead(200)
        if let terms {
            out.append("PAYMENT-REQUIRED: ")
            out.append(terms)
            out.append("\r\n")
        }
        if let receipt { purchase?.appendReceipt(receipt, to: &out) }
        if let retryAfterSeconds { out.appendField("Retry-After", decimal: retryAfterSeconds) }
        appendOwnCORS()
        return finishOwnAnswer(text, type: "application/json")
    }
}
