import Ledger

/// What a route lets through beside payments, and what it asks of those who pay.
public struct RouteDoors: Sendable, Equatable {
    /// Indexes in `Revision.policies`, in the order in which the route names them.
    public var policies: [Int] = []
    /// Indexes in `Revision.customers`.
    public var customers: [Int] = []
    /// Requests that each address, and each wallet, has for nothing.
    public var freeQuota: RateBound?
}
