import Ledger

/// What `review:` says of requests that wait for a person.
public struct ReviewSettings: Sendable, Equatable {
    /// How much may wait, and how long it is kept (`per_wallet`, `total`, `keep`).
    public var limits = ReviewLimits()
    /// The largest body of a request that may wait (`body`); above it 413.
    public var bodyBytes = 64 << 10
}
