/// What one head (start line and fields) or trailer section may hold; every part over it is refused.
public struct HeadLimits: Sendable, Equatable {
    /// Bytes of the start line and all field lines together, line ends included.
    public var headBytes: Int
    /// Field lines.
    public var fieldCount: Int
    /// Bytes of the request target.
    public var targetBytes: Int

    public init(headBytes: Int = 32768, fieldCount: Int = 100, targetBytes: Int = 8192) {
        self.headBytes = headBytes
        self.fieldCount = fieldCount
        self.targetBytes = targetBytes
    }

    /// For trailer sections (RFC 9112 §7.1.2).
    public static let trailers = HeadLimits(headBytes: 8192, fieldCount: 32, targetBytes: 0)
}

/// What a parser made of the bytes so far.
public enum HeadOutcome: Equatable, Sendable {
    /// No end of the head yet and no fault either: call again with more bytes behind the same ones.
    case incomplete
    /// The head is filled in; `consumed` bytes of the input belong to it, the body begins behind them.
    case complete(consumed: Int)
    /// The message cannot be read: answer with the fault's status and close.
    case refused(HTTPFault)
}

/// How the end of a message's body is found (RFC 9112 §6.3).
public enum BodyFraming: Equatable, Sendable {
    /// No body.
    case none
    /// Exactly this many bytes, 0 or more.
    case length(Int)
    case chunked
    /// Responses only: the body ends where the connection does.
    case untilClose
}
