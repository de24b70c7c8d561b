import JSON

/// What a client POSTs to a Model Context Protocol endpoint.
public enum ClientMessage: Sendable {
    /// It asks for an answer: `tools/call`, or any other method.
    case request(ClientRequest)
    /// A method without an id; never `tools/call`.
    case notification(ClientRequest)
    /// The client's answer to something the server asked.
    case response
    /// Several messages at once, which only revision 2025-03-26 knows.
    case batch(ClientBatch)
    case refused(Refusal)
}

/// One request or notification: where its parts stand in the body it was read from.
public struct ClientRequest: Sendable {
    /// `id` as it was written, a string with its quotes; nil for a notification.
    public let idRange: Range<Int>?
    /// `id` by value; nil for a notification.
    public let id: MessageID?
    /// The method is `tools/call`, so that `params.name` is a tool's name.
    public let isToolCall: Bool
    let tape: JSONTape

    /// The method's name, unescaped. `body` must be what was read.
    public func withMethod<T>(of body: UnsafeRawBufferPointer, _ use: (UnsafeRawBufferPointer) -> T) -> T {
        // The reader takes no message whose method is no string.
        tape.root(over: body)["method"]!.withString(use)!
    }

    /// The tool's name, or that of whatever else `params.name` names, unescaped; nil where there is none.
    public func withName<T>(of body: UnsafeRawBufferPointer, _ use: (UnsafeRawBufferPointer) -> T) -> T? {
        params(of: body)?["name"]?.withString(use)
    }

    /// `params`; nil where there is none, or null.
    public func params(of body: UnsafeRawBufferPointer) -> JSONValue? {
        guard let params = tape.root(over: body)["params"], params.kind == .object else { return nil }
        return params
    }

    /// The call is to run as a task (Model Context Protocol 2025-11-25, `params.task`): its answer only names the task, and
    /// `tasks/list` and `tasks/result` give what it did to whoever asks. Priced by its answer it could be had for
    /// nothing, so that it is for routes that settle first.
    public func asksForTask(of body: UnsafeRawBufferPointer) -> Bool {
        params(of: body)?["task"].map { !$0.isNull } ?? false
    }

    /// `params.arguments` as it was written; nil where there is none.
    public func arguments(of body: UnsafeRawBufferPointer) -> Range<Int>? { params(of: body)?["arguments"]?.range }
}

/// The messages of a batch, every one of them well-formed. None of it can be paid for.
public struct ClientBatch: Sendable {
    /// One message, as far as its price asks.
    struct Part: Sendable {
        let id: MessageID?
        /// Nil for a response.
        let method: [UInt8]?
        /// `params.name` of a `tools/call`.
        let tool: [UInt8]?
    }

    let parts: [Part]

    /// The ids of its requests, whose responses may come on any stream of the session.
    public var ids: [MessageID] { parts.compactMap(\.id) }
}
