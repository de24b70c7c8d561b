import Bytes
import Ledger

/// A bound by address, of one policy.
struct CallerBound: Sendable {
    /// The policy's name; empty for a free quota.
    let policy: String
    let bound: RateBound
    let scope: UInt32
    /// For payments alone, beside all that is unpaid: those that prove nothing.
    let paymentScope: UInt32
}

/// What policies say, whatever the route: shared by the routes that name the same ones.
struct PolicyLists: Sendable {
    /// What the ledger counts by.
    var bounds: [BoundPolicy] = []
    var lease = LeasePolicy()
    var unpaid: [CallerBound] = []
    var free: [CallerBound] = []
    /// Policies that deny payers, by name.
    var deny: [(policy: String, payers: Set<Bytes20>)] = []
    var proven: AdmissionGate.Proven?

    init(_ policies: [PolicySettings], _ live: LiveBounds) {
        lease = LeaseKeys.strictest(policies.map(\.lease))
        for policy in policies {
            bounds.append(policy.bounds)
            if let bound = policy.unpaidPerAddress { unpaid.append(Self.bound("unpaid", policy, bound, live)) }
            if let bound = policy.freePerAddress { free.append(Self.bound("free", policy, bound, live)) }
            if !policy.deny.isEmpty { deny.append((policy.name, policy.deny)) }
            if let requirement = policy.proven {
                proven = AdmissionGate.Proven(requirement: requirement, otherwise: policy.otherwise)
            }
        }
    }

    private static func bound(
        _ what: String, _ policy: PolicySettings, _ bound: RateBound, _ live: LiveBounds
    ) -> CallerBound {
        // Another window would read the counts wrongly.
        let name = "\(what) \(policy.name) \(bound.windowSeconds)"
        return CallerBound(
            policy: policy.name, bound: bound, scope: live.scope(name), paymentScope: live.scope("payments \(name)"))
    }
}

/// What stands before one route of one revision, ready to be asked.
final class PreparedDoors: Sendable {
    let lists: PolicyLists
    let breaker: (policy: String, breaker: Breaker)?
    /// Counted by address, and by wallet in the scope of payments.
    let quota: CallerBound?
    let customers: [Customer]

    /// - Parameter route: a priced one; nil for what is free, which has nothing of its own.
    init(_ lists: PolicyLists, _ route: Route?, _ revision: Revision, _ customers: [Customer], _ live: LiveBounds) {
        self.lists = lists
        guard let route else {
            (breaker, quota, self.customers) = (nil, nil, [])
            return
        }
        let policies = route.doors.policies.map { revision.policies[$0] }
        breaker = policies.compactMap { policy in live.breaker(policy, of: route).map { (policy.name, $0) } }.first
        self.customers = route.doors.customers.map { customers[$0] }
        quota = route.doors.freeQuota.map { quota in
            let name = "quota \(route.matchText) \(quota.windowSeconds)"
            return CallerBound(
                policy: "", bound: quota, scope: live.scope(name), paymentScope: live.scope("wallets \(name)"))
        }
    }
}

/// The doors of every route of a revision.
struct RevisionDoors: Sendable {
    private let doors: [PreparedDoors]
    /// Of paths that no route matches, where `unmatched` lets them through.
    let unmatched: PreparedDoors

    init(_ revision: Revision, _ live: LiveBounds) {
        let customers = revision.customers.map { Customer($0, live.use(of: $0)) }
        var shared: [[Int]: PolicyLists] = [:]
        func lists(_ indexes: [Int]) -> PolicyLists {
            if let known = shared[indexes] { return known }
            let made = PolicyLists(indexes.map { revision.policies[$0] }, live)
            shared[indexes] = made
            return made
        }
        doors = revision.routes.map { route in
            PreparedDoors(lists(route.doors.policies), route.isPriced ? route : nil, revision, customers, live)
        }
        let byDefault = revision.policies.firstIndex { $0.name == PolicySettings.defaultName }
        unmatched = PreparedDoors(lists(byDefault.map { [$0] } ?? []), nil, revision, [], live)
    }

    subscript(route: Route) -> PreparedDoors { doors[route.index] }
}
