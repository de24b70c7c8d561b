import JSON

/// One JSON-RPC message of a client, checked: the parts that the gateway judges by.
struct MessageParts {
    /// Nil for a response.
    let method: JSONValue?
    let idValue: JSONValue?
    let id: MessageID?
    /// An object; nil where there is none.
    let params: JSONValue?
    let isToolCall: Bool

    init(_ message: JSONValue) throws(Refusal) {
        guard message.kind == .object else { throw Refusal(.invalidRequest, "the message is not an object") }
        let idValue = message["id"]
        let id = idValue.flatMap { MessageID(ofRequest: $0) }
        let idRange = id == nil ? nil : idValue?.range
        func refusal(_ code: Refusal.Code, _ text: String) -> Refusal { Refusal(code, text, id: idRange) }

        guard !ProtocolKeys.message.hasLookalike(in: message) else {
            throw refusal(.invalidRequest, "a key of the message is a protocol key in other letters")
        }
        guard let version = message["jsonrpc"], version.isString("2.0") else {
            throw refusal(.invalidRequest, "jsonrpc is not \"2.0\"")
        }
        self.idValue = idValue
        self.id = id
        guard let method = message["method"] else {
            guard idValue != nil, (message["result"] != nil) != (message["error"] != nil) else {
                throw refusal(.invalidRequest, "neither a request nor a response")
            }
            self.method = nil
            params = nil
            isToolCall = false
            return
        }
        guard message["result"] == nil, message["error"] == nil else {
            throw refusal(.invalidRequest, "a request and a response at once")
        }
        guard idValue == nil || id != nil else {
            throw refusal(
                .invalidRequest,
                "id is neither a string of at most \(MessageID.maximumBytes) bytes nor an integer below 2^53")
        }
        guard method.withString({ MessageParts.isName($0) }) == true else {
            throw refusal(.invalidRequest, "method is not a method's name")
        }
        self.method = method
        let given = message["params"]
        isToolCall = method.isString("tools/call")
        if let given, given.kind != .object, !given.isNull || isToolCall {
            throw refusal(.invalidParams, "params is not an object")
        }
        params = given?.kind == .object ? given : nil
        if let params, ProtocolKeys.params.hasLookalike(in: params) {
            throw refusal(.invalidRequest, "a key of params is a protocol key in other letters")
        }
        if let meta = params?["_meta"], meta.kind != .object, !meta.isNull {
            throw refusal(.invalidParams, "params._meta is not an object")
        }
        guard isToolCall else { return }
        guard id != nil else { throw refusal(.invalidRequest, "tools/call without an id") }
        guard let params else { throw refusal(.invalidParams, "tools/call without params") }
        guard params["name"]?.withString({ MessageParts.isName($0) }) == true else {
            throw refusal(.invalidParams, "tools/call without a tool's name")
        }
        if let arguments = params["arguments"], arguments.kind != .object, !arguments.isNull {
            throw refusal(.invalidParams, "arguments is not an object")
        }
    }

    /// Not empty, not too long, and without controls: a reader that ends a name at a NUL would run another tool.
    private static func isName(_ text: UnsafeRawBufferPointer) -> Bool {
        !text.isEmpty && text.count <= ClientMessageReader.maximumNameBytes
            && text.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
