import Bytes
import Ledger

/// One entry of `policies:`: bounds that every route which names it shares.
public struct PolicySettings: Sendable, Equatable {
    public var name: String
    /// What it says of leases.
    public var lease: LeaseKeys
    /// What the ledger counts by it.
    public var bounds: BoundPolicy
    /// Requests of one address to priced routes that end without a proven payment.
    public var unpaidPerAddress: RateBound?
    /// Requests of one address to free routes.
    public var freePerAddress: RateBound?
    /// Payers that are turned away.
    public var deny: Set<Bytes20>
    public var proven: ProvenRequirement?
    /// What happens to a wallet that has not shown what `proven` asks.
    public var otherwise: GateOutcome
    public var breaker: BreakerSettings?
    public var place: ConfigPlace

    public static func == (a: PolicySettings, b: PolicySettings) -> Bool {
        a.name == b.name && a.lease == b.lease && a.bounds == b.bounds && a.unpaidPerAddress == b.unpaidPerAddress
            && a.freePerAddress == b.freePerAddress && a.deny == b.deny && a.proven == b.proven
            && a.otherwise == b.otherwise && a.breaker == b.breaker
    }

    /// The policy of routes that name none.
    public static let defaultName = "default"
}

/// The keys of a policy that say how many exchanges of one wallet may be in flight; nil where one is not written.
public struct LeaseKeys: Sendable, Equatable {
    public var inFlightAfter: Int?
    public var inFlightFirst: Int?
    public var leaseWaitMilliseconds: Int?
    public var leaseQueue: Int?

    /// Where several policies write a key, the smallest counts.
    static func strictest(_ all: [LeaseKeys]) -> LeasePolicy {
        var policy = LeasePolicy()
        policy.inFlightAfter = all.compactMap(\.inFlightAfter).min() ?? policy.inFlightAfter
        policy.inFlightFirst = all.compactMap(\.inFlightFirst).min() ?? policy.inFlightFirst
        policy.leaseWaitMilliseconds = all.compactMap(\.leaseWaitMilliseconds).min() ?? policy.leaseWaitMilliseconds
        policy.leaseQueue = all.compactMap(\.leaseQueue).min() ?? policy.leaseQueue
        return policy
    }
}
