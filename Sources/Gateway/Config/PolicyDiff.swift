import Ledger

/// What a reload changed in one policy.
enum PolicyDiff {
    static func changes(_ from: PolicySettings, _ to: PolicySettings) -> [String] {
        var changes: [String] = []
        func note(_ key: String, _ read: (PolicySettings) -> String?) {
            let (old, new) = (read(from) ?? "none", read(to) ?? "none")
            if old != new { changes.append("\(key) \(old) → \(new)") }
        }
        note("per_wallet.rate") { $0.bounds.walletRate.map(BoundText.text) }
        note("per_wallet.spend") { $0.bounds.walletSpend.map(BoundText.text) }
        note("per_address.unpaid") { $0.unpaidPerAddress.map(BoundText.text) }
        note("per_address.free") { $0.freePerAddress.map(BoundText.text) }
        note("everyone.rate") { $0.bounds.everyoneRate.map(BoundText.text) }
        note("everyone.spend") { $0.bounds.everyoneSpend.map(BoundText.text) }
        if from.lease != to.lease { changes.append("leases changed") }
        if from.deny != to.deny { changes.append("deny: \(from.deny.count) → \(to.deny.count) wallets") }
        if from.proven != to.proven || from.otherwise != to.otherwise { changes.append("requires changed") }
        if from.breaker != to.breaker { changes.append("trip changed") }
        return changes
    }
}
