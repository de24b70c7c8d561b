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
        precondition(terms.last == 0x7D && terms.count > 2, "terms are an object with members")
        var content = ByteBuffer(capacity: terms.count + receipt.count + 64)
        content.append(UnsafeRawBufferPointer(rebasing: terms[..<(terms.count - 1)]))
        content.append(",\"x402/payment-response\":")
        content.append(receipt)
        content.append("}")
        form.write(
            id: id, code: 402, message: "Payment refused", content: content.readable,
            meta: [("x402/error", content.readable), ("x402/payment-response", receipt)], into: &out)
    }
}
