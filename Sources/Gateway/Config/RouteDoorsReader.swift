import Ledger

/// Reads what a route says of policies, customers and its free quota.
struct RouteDoorsReader {
    let problems: ConfigProblems
    let policies: [PolicySettings]
    let declaredPolicies: Declared
    let customers: Declared

    /// - Parameter prices: those of the route that are in order.
    func read(_ map: ConfigMap, isFree: Bool, prices: [WrittenPrice]) -> RouteDoors {
        let named = indexes("policies", of: "policy", declaredPolicies, map)
        let byDefault = map.has("policies") ? nil : declaredPolicies.indexes[PolicySettings.defaultName]
        var doors = RouteDoors(policies: named + (byDefault.map { [$0] } ?? []))
        if !isFree {
            doors.customers = indexes("customers", of: "customer", customers, map)
            doors.freeQuota = quota(map)
        }
        checkGates(doors, map)
        for price in prices { checkPrice(price, doors) }
        return doors
    }

    private func indexes(_ key: String, of what: String, _ declared: Declared, _ map: ConfigMap) -> [Int] {
        var indexes: [Int] = []
        for (name, place, path) in map.texts(key, expected: "names of \(key)") ?? [] {
            guard declared.check(name, what, place, path, problems), let index = declared.indexes[name] else {
                continue
            }
            if indexes.contains(index) {
                problems.error(place, path, "\"\(name)\" is named twice")
            } else {
                indexes.append(index)
            }
        }
        return indexes
    }

    private func quota(_ map: ConfigMap) -> RateBound? {
        guard let node = map.entry("free_quota")?.value,
            let own = ConfigMap(node, map.below("free_quota"), known: KnownKeys.freeQuota, problems: problems)
        else { return nil }
        if !own.has("per_wallet_or_address") {
            own.missing("per_wallet_or_address", "is missing; write how many are free, such as 10/day")
        }
        return own.rate("per_wallet_or_address")
    }

    /// A route asks its wallets one thing, and has one breaker.
    private func checkGates(_ doors: RouteDoors, _ map: ConfigMap) {
        for (key, has) in [("requires", { $0.proven != nil }), ("trip", { $0.breaker != nil })]
            as [(String, (PolicySettings) -> Bool)]
        {
            let names = doors.policies.map { policies[$0] }.filter(has).map(\.name)
            if names.count > 1 {
                map.error(
                    "policies", "\"\(names[0])\" and \"\(names[1])\" both have \(key); a route takes one of them")
            }
        }
    }

    /// A bound on money below the price would let nobody pay, ever.
    private func checkPrice(_ written: WrittenPrice, _ doors: RouteDoors) {
        let price = written.price
        let whole = price.wholeAtomic(decimals: 18)
        for policy in doors.policies.map({ policies[$0] }) {
            for (key, bound) in [
                ("per_wallet", policy.bounds.walletSpend), ("everyone", policy.bounds.everyoneSpend),
            ] {
                guard let bound, whole > bound.attodollars else { continue }
                problems.error(
                    written.place, written.path,
                    "\(price.text) is above policies.\(policy.name).\(key).spend \(BoundText.text(bound)), so nobody could ever pay it"
                )
            }
        }
    }
}
