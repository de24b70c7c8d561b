import Bytes

/// The answer to a call whose payment was taken and then refused by whoever settles: the terms again, beside the receipt
/// that says why; what the tool answered is withheld.
public enum RefusedResult {
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - terms: `PaymentRequired` of version 2 with its `error`, as one JSON object on one line that ends with its
    ///     brace.
    ///   - receipt: the settlement's result as one JSON object, on one line.
    public static func write(
        id: UnsafeRawBufferPointer, terms: UnsafeRawBufferPointer, receipt: UnsafeRawBufferPointer, form: AnswerForm,
        into out: inout ByteBuffer
    ) {
        let content = NoticeResult.withReceipt(terms, receipt)
        form.write(
            id: id, code: 402, message: "Payment refused", content: content.readable,
            meta: [("x402/error", content.readable), ("x402/payment-response", receipt)], into: &out)
    }
}
