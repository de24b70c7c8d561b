/// What came of one call.
public enum RPCReply: Hashable, Sendable {
    /// JSON text of `result`, as the node wrote it.
    case result([UInt8])
    /// The node's own error (JSON-RPC 2.0 §5.1); `data` holds the bytes of a revert where the node gives them as hex.
    case error(code: Int, message: String, data: [UInt8]?)
    /// No answer that can be used; the text names the network and the node, for operators.
    case unreachable(String)
}

/// Why a reply says nothing that can be relied on.
public enum RPCFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// No answer that can be used.
    case unreachable(String)
    /// The node answered with an error.
    case refused(code: Int, message: String, data: [UInt8]?)
    /// The result is not what the method gives; the text says which part.
    case malformed(String)

    public var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .refused(let code, let message, _): "the node answered with error \(code): \(message)"
        case .malformed(let what): "the node answered nonsense: \(what)"
        }
    }
}
