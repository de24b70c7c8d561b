/// Why a message is not forwarded, as its sender is told: a JSON-RPC error (JSON-RPC 2.0 §5.1) and the HTTP status it
/// goes with.
public struct Refusal: Error, Hashable, Sendable {
    /// The codes that are answered here.
    public enum Code: Int, Hashable, Sendable {
        case parseError = -32700
        case invalidRequest = -32600
        case methodNotFound = -32601
        case invalidParams = -32602
        /// Fields of the HTTP head that disagree with the body (Model Context Protocol, 2026-07-28).
        case headerMismatch = -32020
    }

    public let code: Code
    /// What is wrong and where; it never repeats what the client wrote.
    public let message: String
    /// The id as it was written, where one could be read; the answer's id is null otherwise.
    public var id: Range<Int>?
    /// 400; 413 where the body is too large; 409 where the id is another call's; 200 for what is understood and not
    /// offered, as a server would answer it.
    public let httpStatus: Int

    public init(_ code: Code, _ message: String, id: Range<Int>? = nil, httpStatus: Int = 400) {
        self.code = code
        self.message = message
        self.id = id
        self.httpStatus = httpStatus
    }
}
