/// One entry of `upstreams:`.
public struct UpstreamSettings: Sendable, Equatable {
    public var name: String
    public var url: UpstreamURL
    public var host: UpstreamHost
    /// Set on every request to this upstream, replacing what the caller sent under these names.
    public var headers: [UpstreamHeader]
    /// PEM file of the authorities that may sign its certificate; nil: the system's.
    public var caFile: String?
    public var timeouts: UpstreamTimeouts
    /// Idle connections kept by each loop.
    public var keepAliveConnections: Int
    /// Paid requests carry a signed assertion (`assertion: on`).
    public var wantsAssertion: Bool
    public var place: ConfigPlace

    /// Where its connections go.
    var endpoint: Endpoint { Endpoint(isTLS: url.isTLS, host: url.host, port: url.port, caFile: caFile) }
}

/// Which `Host` the upstream sees.
public enum UpstreamHost: Sendable, Equatable {
    /// The caller's.
    case preserve
    /// The upstream's own authority: the default.
    case upstream
    case name(String)
}

/// A header field that the gateway sets upstream. Its value is often a secret and is never printed.
public struct UpstreamHeader: Sendable, Equatable, CustomStringConvertible {
    public enum Source: Sendable, Equatable {
        case literal
        case secret(SecretSource)
    }

    public var name: String
    public var source: Source
    /// A valid field value (RFC 9110 §5.5); nil only in a revision loaded for `check`, where the secret is missing.
    public var value: [UInt8]?

    public var description: String { "\(name): (hidden)" }
}
