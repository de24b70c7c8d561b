import Bytes
import JSON

/// The answer to a call whose payment was sent and whose outcome is not known yet. It has no `accepts` anywhere: it must
/// never be read as an invitation to pay again.
public enum PendingResult {
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - reason: a stable code, such as "settlement_pending".
    ///   - receipt: the settlement's result so far as one JSON object, on one line.
    ///   - retryAfterSeconds: when the same call may be tried again.
    public static func write(
        id: UnsafeRawBufferPointer, reason: String, receipt: UnsafeRawBufferPointer, retryAfterSeconds: Int,
        form: AnswerForm, into out: inout ByteBuffer
    ) {
        var content = ByteBuffer(capacity: receipt.count + 128)
        var json = JSONWriter()
        json.beginObject(&content)
        json.key("error", &content)
        json.string(reason, &content)
        json.key("retryAfterSeconds", &content)
        json.number(retryAfterSeconds, &content)
        json.key("x402/payment-response", &content)
        json.raw(receipt, &content)
        json.endObject(&content)
        form.write(
            id: id, code: 402, message: "Settlement pending", content: content.readable,
            meta: [("x402/payment-response", receipt)], into: &out)
    }
}
