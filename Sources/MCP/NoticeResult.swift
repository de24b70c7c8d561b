import Bytes

/// What the gateway itself answers to a call, beside the terms: a bound that is reached, a service that is not there, a
/// payment whose outcome is not known yet, an answer that is owed. It has no `accepts` anywhere: it must never be read as
/// an invitation to pay again.
public enum NoticeResult {
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - status: the HTTP status that says the same; a JSON-RPC error's code.
    ///   - content: one JSON object with members, on one line: a stable code in `error`, and whether anything was charged.
    ///   - receipt: the settlement's result so far as one JSON object, on one line; nil where nothing was sent.
    public static func write(
        id: UnsafeRawBufferPointer, status: Int, content: UnsafeRawBufferPointer, receipt: UnsafeRawBufferPointer?,
        form: AnswerForm, into out: inout ByteBuffer
    ) {
        guard let receipt else {
            return form.write(
                id: id, code: status, message: "The call did not run", content: content, meta: [], into: &out)
        }
        let whole = withReceipt(content, receipt)
        form.write(
            id: id, code: status, message: "The call has no answer yet", content: whole.readable,
            meta: [("x402/payment-response", receipt)], into: &out)
    }

    /// `content` with the receipt as its last member.
    static func withReceipt(_ content: UnsafeRawBufferPointer, _ receipt: UnsafeRawBufferPointer) -> ByteBuffer {
        precondition(content.last == 0x7D && content.count > 2, "an object with members")
        var whole = ByteBuffer(capacity: content.count + receipt.count + 64)
        whole.append(UnsafeRawBufferPointer(rebasing: content[..<(content.count - 1)]))
        whole.append(",\"x402/payment-response\":")
        whole.append(receipt)
        whole.append("}")
        return whole
    }
}
