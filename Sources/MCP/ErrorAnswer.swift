import Bytes
import JSON

/// A JSON-RPC error response (JSON-RPC 2.0 §5.1).
public enum ErrorAnswer {
    /// Appends what answers a message that is not forwarded. `body` is what the message was read from.
    public static func write(_ refusal: Refusal, of body: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        let id = refusal.id.map { UnsafeRawBufferPointer(rebasing: body[$0]) }
        write(id: id, code: refusal.code.rawValue, message: refusal.message, into: &out)
    }

    /// - Parameter id: as the request has it, byte for byte; nil where none could be read.
    public static func write(
        id: UnsafeRawBufferPointer?, code: Int, message: String, into out: inout ByteBuffer
    ) {
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("jsonrpc", &out)
        json.string("2.0", &out)
        json.key("id", &out)
        if let id { json.raw(id, &out) } else { json.null(&out) }
        json.key("error", &out)
        json.beginObject(&out)
        json.key("code", &out)
        json.number(code, &out)
        json.key("message", &out)
        json.string(message, &out)
        json.endObject(&out)
        json.endObject(&out)
    }
}
