/// Play money of one wallet in one asset, in atomic units. What was granted is kept, so that the sum can be proved:
/// balances + settled claims = grants.
struct SandboxBalance: Hashable, Sendable {
    let granted: UInt128
    private(set) var balance: UInt128

    init(granted: UInt128, balance: UInt128) {
        self.granted = granted
        self.balance = balance
    }

    /// Ten whole units for a wallet that is new here; as much as fits where the asset's decimals are absurd.
    init(newWithDecimals decimals: Int) {
        var grant: UInt128 = 10
        for _ in 0..<max(decimals, 0) {
            let (product, overflow) = grant.multipliedReportingOverflow(by: 10)
            if overflow {
                grant = .max
                break
            }
            grant = product
        }
        self.init(granted: grant, balance: grant)
    }

    /// False, and unchanged, where the balance does not cover the amount.
    mutating func debit(_ amountAtomic: UInt128) -> Bool {
        guard amountAtomic <= balance else { return false }
        balance -= amountAtomic
        return true
    }
}
