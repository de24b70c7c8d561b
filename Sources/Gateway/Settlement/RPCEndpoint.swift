/// A node's door: where JSON-RPC is posted to. Its path and query often hold the operator's key and are never shown.
struct RPCEndpoint: Hashable, Sendable {
    var endpoint: Endpoint
    /// What `Host` says (RFC 9110 §7.2).
    var authority: String
    /// Path and query, from its slash on.
    var target: String

    /// For messages: scheme, host and port.
    var name: String { endpoint.text }
}

extension RPCEndpoint {
    /// - Parameter caFile: PEM file of the authorities that may sign for it; nil: the system's.
    init(_ url: ServiceURL, caFile: String?) {
        self.init(
            endpoint: Endpoint(isTLS: url.isTLS, host: url.host, port: url.port, caFile: caFile),
            authority: url.authority, target: url.target)
    }
}

/// How a node does, for `/readyz` and `farebox wallet check`.
struct RPCHealth: Hashable, Sendable {
    enum State: Hashable, Sendable {
        /// Not asked yet.
        case unchecked
        case usable
        /// It failed and rests; the text says how.
        case failed(String)
        /// It serves another chain and is never used.
        case wrongChain(found: UInt64)
    }

    /// Scheme, host and port.
    var name: String
    var state: State
}
