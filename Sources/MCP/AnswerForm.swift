import Bytes
import JSON

/// How a caller is told about its payment inside JSON-RPC, at HTTP status 200.
public enum AnswerForm: Hashable, Sendable {
    /// A tool's result with `isError`, for `tools/call`.
    ///
    /// - Parameters:
    ///   - structured: whether it has `structuredContent`. Some clients hold that against the tool's `outputSchema` even
    ///     on errors: it is left out for a tool that declares one.
    ///   - typed: whether it says that it is the last word (`resultType`, asked for from revision 2026-07-28 on).
    case toolResult(structured: Bool, typed: Bool = false)
    /// A JSON-RPC error, for any other method, whose results have shapes of their own.
    case error

    /// Appends the whole response.
    ///
    /// - Parameters:
    ///   - id: as the request has it, byte for byte.
    ///   - code: of a JSON-RPC error: the HTTP status that says the same.
    ///   - message: of a JSON-RPC error; needs no escaping.
    ///   - content: one JSON object, on one line.
    ///   - meta: of a tool's result: keys that need no escaping, and their values as JSON text.
    func write(
        id: UnsafeRawBufferPointer, code: Int, message: StaticString, content: UnsafeRawBufferPointer,
        meta: [(key: StaticString, value: UnsafeRawBufferPointer)], into out: inout ByteBuffer
    ) {
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("jsonrpc", &out)
        json.string("2.0", &out)
        json.key("id", &out)
        json.raw(id, &out)
        switch self {
        case .toolResult(let structured, let typed):
            json.key("result", &out)
            AnswerForm.writeResult(structured, typed, content, meta, &json, &out)
        case .error:
            json.key("error", &out)
            json.beginObject(&out)
            json.key("code", &out)
            json.number(code, &out)
            json.key("message", &out)
            json.string("\(message)", &out)
            json.key("data", &out)
            json.raw(content, &out)
            json.endObject(&out)
        }
        json.endObject(&out)
    }

    private static func writeResult(
        _ structured: Bool, _ typed: Bool, _ content: UnsafeRawBufferPointer,
        _ meta: [(key: StaticString, value: UnsafeRawBufferPointer)], _ json: inout JSONWriter, _ out: inout ByteBuffer
    ) {
        json.beginObject(&out)
        json.key("isError", &out)
        json.bool(true, &out)
        if typed {
            json.key("resultType", &out)
            json.string("complete", &out)
        }
        if structured {
            json.key("structuredContent", &out)
            json.raw(content, &out)
        }
        json.key("content", &out)
        json.beginArray(&out)
        json.beginObject(&out)
        json.key("type", &out)
        json.string("text", &out)
        json.key("text", &out)
        json.string(content, &out)
        json.endObject(&out)
        json.endArray(&out)
        if !meta.isEmpty {
            json.key("_meta", &out)
            json.beginObject(&out)
            for (key, value) in meta {
                json.key(key, &out)
                json.raw(value, &out)
            }
            json.endObject(&out)
        }
        json.endObject(&out)
    }
}
