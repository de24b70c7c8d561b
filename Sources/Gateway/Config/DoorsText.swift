import Ledger

/// Policies, customers and quotas as `check` and `explain` show them.
enum DoorsText {
    /// Rows of `check`: a policy and what it says.
    static func policyRows(_ revision: Revision) -> [[String]] {
        revision.policies.map { [$0.name, parts($0).joined(separator: "; ")] }
    }

    static func customerRows(_ revision: Revision) -> [[String]] {
        revision.customers.map { [$0.name, $0.header, $0.rate.map(BoundText.text) ?? "any"] }
    }

    /// Rows of `explain`: what the route lets through unpaid, and what it asks of those who pay.
    static func rows(_ route: Route, _ revision: Revision) -> [(String, String)] {
        var rows: [(String, String)] = []
        for policy in route.doors.policies.map({ revision.policies[$0] }) {
            let parts = route.isPriced || route.menu != nil ? parts(policy) : freeParts(policy)
            if !parts.isEmpty { rows.append(("policy", "\(policy.name): \(parts.joined(separator: "; "))")) }
        }
        for customer in route.doors.customers.map({ revision.customers[$0] }) {
            let rate = customer.rate.map { ", \(BoundText.text($0))" } ?? ""
            rows.append(("customer", "\(customer.name): passes unpaid by \(customer.header)\(rate)"))
        }
        if let quota = route.doors.freeQuota {
            rows.append(("free", "\(BoundText.text(quota)) for each address, and for each wallet"))
        }
        if let charge = route.terms?.chargeWhen {
            let json = charge.json.map { ", \($0.pointer) is \($0.expected.text)" }.joined()
            rows.append(("charged", "when the status is \(charge.statuses)\(json)"))
        }
        return rows
    }

    private static func freeParts(_ policy: PolicySettings) -> [String] {
        policy.freePerAddress.map { ["each address \(BoundText.text($0))"] } ?? []
    }

    private static func parts(_ policy: PolicySettings) -> [String] {
        var parts: [String] = []
        func add(_ what: String, _ bounds: [String?]) {
            let texts = bounds.compactMap(\.self)
            if !texts.isEmpty { parts.append("\(what) \(texts.joined(separator: ", "))") }
        }
        let bounds = policy.bounds
        add("each wallet", [bounds.walletRate.map(BoundText.text), bounds.walletSpend.map(BoundText.text)])
        add(
            "each address",
            [
                policy.unpaidPerAddress.map { "\(BoundText.text($0)) unpaid" },
                policy.freePerAddress.map { "\(BoundText.text($0)) free" },
            ])
        add("everyone", [bounds.everyoneRate.map(BoundText.text), bounds.everyoneSpend.map(BoundText.text)])
        if !policy.deny.isEmpty { parts.append("\(policy.deny.count) denied") }
        if let proven = policy.proven {
            parts.append("unproven wallets: \(policy.otherwise.rawValue) (\(text(proven)))")
        }
        if let breaker = policy.breaker { parts.append(text(breaker)) }
        add(
            "in flight",
            [
                policy.lease.inFlightAfter.map { "\($0) after" }, policy.lease.inFlightFirst.map { "\($0) first" },
            ])
        return parts
    }

    private static func text(_ proven: ProvenRequirement) -> String {
        var parts: [String] = []
        if proven.settled > 0 { parts.append("\(proven.settled) settled") }
        if proven.ageSeconds > 0 {
            parts.append("age \(ConfigValue.text(milliseconds: Int(proven.ageSeconds) * 1_000))")
        }
        if proven.spentAttodollars > 0 { parts.append("\(BoundText.dollars(proven.spentAttodollars)) spent") }
        if let percent = proven.failedPercent { parts.append("at most \(percent)% failed") }
        return parts.joined(separator: ", ")
    }

    private static func text(_ breaker: BreakerSettings) -> String {
        let bad = [
            breaker.header.map { "\($0.name): \($0.value)" },
            breaker.statuses.ranges.isEmpty ? nil : "\(breaker.statuses)",
        ]
        .compactMap(\.self).joined(separator: " or ")
        let time = ConfigValue.text(milliseconds: breaker.forSeconds * 1_000)
        return
            "over \(breaker.overPercent)% of \(breaker.ofLast) answers with \(bad): \(breaker.then.rawValue) for \(time)"
    }
}

extension JSONCondition.JSONScalar {
    /// As JSON writes it, but for escapes.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .number(let text): text
        case .string(let text): "\"\(text)\""
        }
    }
}
