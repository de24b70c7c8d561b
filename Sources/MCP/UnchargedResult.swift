import Bytes
import JSON

/// The answer to a call that did not run and was not charged, and for which nothing is asked: a bound that is reached, a
/// wallet that is denied, a service that is not there.
public enum UnchargedResult {
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - status: the HTTP status that says the same; a JSON-RPC error's code.
    ///   - reason: a stable code.
    ///   - retryAfterSeconds: nil where trying again is of no use.
    public static func write(
        id: UnsafeRawBufferPointer, status: Int, reason: String, retryAfterSeconds: Int?, form: AnswerForm,
        into out: inout ByteBuffer
    ) {
        var content = ByteBuffer(capacity: 128)
        var json = JSONWriter()
        json.beginObject(&content)
        json.key("error", &content)
        json.string(reason, &content)
        json.key("charged", &content)
        json.bool(false, &content)
        if let retryAfterSeconds {
            json.key("retryAfterSeconds", &content)
            json.number(retryAfterSeconds, &content)
        }
        json.endObject(&content)
        form.write(
            id: id, code: status, message: "The call did not run", content: content.readable, meta: [], into: &out)
    }
}
