import Ledger
import Synchronization

/// What bounds count while the process runs: shared by all loops, kept when the config is loaded again. What counts money is the
/// ledger's.
final class LiveBounds: Sendable {
    /// Requests to priced routes that end without a proven payment.
    let unpaid = CallerTable()
    let free = CallerTable()
    let quota = CallerTable()

    private struct Known {
        var scopes: [String: UInt32] = [:]
        var breakers: [String: Breaker] = [:]
        var customers: [String: CustomerUse] = [:]
    }

    private let known = Mutex(Known())

    /// A number for a counter's name; the same for the same name as long as the process runs.
    func scope(_ name: String) -> UInt32 {
        known.withLock { known in
            if let scope = known.scopes[name] { return scope }
            let scope = UInt32(known.scopes.count)
            known.scopes[name] = scope
            return scope
        }
    }

    /// The breaker of a route and policy: the one there is, where its settings are what they were.
    func breaker(_ policy: PolicySettings, of route: Route) -> Breaker? {
        guard let settings = policy.breaker else { return nil }
        let name = "\(policy.name) \(route.matchText)"
        return known.withLock { known in
            if let breaker = known.breakers[name], breaker.settings == settings { return breaker }
            let breaker = Breaker(settings)
            known.breakers[name] = breaker
            return breaker
        }
    }

    func use(of customer: CustomerSettings) -> CustomerUse {
        // Another window would read the counts wrongly.
        let name = "\(customer.name) \(customer.rate?.windowSeconds ?? 0)"
        return known.withLock { known in
            if let use = known.customers[name] { return use }
            let use = CustomerUse()
            known.customers[name] = use
            return use
        }
    }
}
