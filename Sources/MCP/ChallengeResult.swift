import Bytes

/// The answer to a priced call without a payment that counts: the terms, in every place a client looks
/// (x402 specification, MCP transport): `structuredContent`, the text, and `_meta["x402/error"]`.
public enum ChallengeResult {
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - terms: `PaymentRequired` of version 2 as one JSON object, on one line.
    public static func write(
        id: UnsafeRawBufferPointer, terms: UnsafeRawBufferPointer, form: AnswerForm, into out: inout ByteBuffer
    ) {
        form.write(
            id: id, code: 402, message: "Payment required", content: terms, meta: [("x402/error", terms)], into: &out)
    }
}
