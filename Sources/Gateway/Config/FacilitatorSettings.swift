/// One entry of `facilitators:`: a service that verifies and settles for us.
public struct FacilitatorSettings: Sendable, Equatable {
    public var name: String
    /// Its target is put before `/verify`, `/settle` and `/supported`; never with a slash at its end but `/` itself.
    public var url: ServiceURL
    public var access: FacilitatorAccess
    /// PEM file of the authorities that may sign its certificate; nil: the system's.
    public var caFile: String?
    /// Of one call to `/verify` or `/supported`; `/settle` may take what is left of the network's `settle_timeout`.
    public var timeoutMilliseconds: Int
    public var place: ConfigPlace

    public static let defaultTimeoutMilliseconds = 10_000
}

/// How a facilitator knows us.
public enum FacilitatorAccess: Sendable, Equatable {
    case open
    /// `Authorization: Bearer …` (RFC 6750 §2.1), the same on every call.
    case bearer(Secret)
    /// A signed token for each call, as Coinbase's hosted facilitator wants it.
    case coinbase(keyID: String, key: Secret)

    /// `bearer (env TOKEN)`: what may be shown of it.
    public var text: String {
        switch self {
        case .open: "no credentials"
        case .bearer(let secret): "bearer (\(secret.source))"
        case .coinbase(let keyID, let key): "coinbase key \(keyID) (\(key.source))"
        }
    }
}
