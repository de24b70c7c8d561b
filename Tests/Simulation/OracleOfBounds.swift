@testable import Ledger

/// Holds the counters of bounds against the rows that they count, from both sides, whenever one of them has spoken.
extension Oracle {
    /// What a policy's window holds of a wallet, or of all, as the rows have it.
    private struct Count {
        var claims: UInt128 = 0
        var attodollars: UInt128 = 0
    }

    /// - Parameter everything: claims too that left the window within this very turn, or came back to it after they had failed.
    private func count(
        _ policy: String, of wallet: Int?, isPlay: Bool, seconds: Int64, everything: Bool
    ) -> Count {
        guard let core = world?.server?.core else { return Count() }
        var count = Count()
        for payment in payments.values where payment.route.isPlay == isPlay {
            if let wallet, payment.wallet != wallet { continue }
            guard payment.route.bounds.contains(where: { $0.name == policy }),
                let claim = try? core.store.claim(key(payment)), claim.countedAt > core.store.tally.now - seconds
            else { continue }
            let left = !claim.state.isCounted
            if left && !(everything && claim.updatedAt >= core.unixNow) { continue }
            if !everything && payment.wasGivenUp { continue }
            count.claims += 1
            count.attodollars += Attodollars.of(amountAtomic: claim.amountAtomic, decimals: 0)
        }
        return count
    }

    private func look(
        at policy: BoundPolicy, _ shopper: Shopper, everything: Bool,
        _ body: (BoundRefusal.Code, _ used: UInt128, _ limit: UInt128) -> Void
    ) {
        let isPlay = shopper.route.isPlay
        func used(_ wallet: Int?, _ seconds: Int64) -> Count {
            count(policy.name, of: wallet, isPlay: isPlay, seconds: seconds, everything: everything)
        }
        if let bound = policy.walletRate {
            body(.walletRate, used(shopper.wallet, bound.windowSeconds).claims, UInt128(bound.count))
        }
        if let bound = policy.walletSpend {
            body(.walletSpend, used(shopper.wallet, bound.windowSeconds).attodollars, bound.attodollars)
        }
        if let bound = policy.everyoneRate {
            body(.everyoneRate, used(nil, bound.windowSeconds).claims, UInt128(bound.count))
        }
        if let bound = policy.everyoneSpend {
            body(.everyoneSpend, used(nil, bound.windowSeconds).attodollars, bound.attodollars)
        }
    }

    /// A claim was taken: no bound is passed by it.
    func judgeBounds(_ call: Call) {
        for policy in call.shopper.route.bounds {
            look(at: policy, call.shopper, everything: false) { code, used, limit in
                if used > limit {
                    fault("\(code.rawValue) of \(policy.name) is passed: \(code.text(used)) of \(code.text(limit))")
                }
            }
        }
    }

    /// A payment was turned away: it would have passed a bound.
    func judgeBounded(_ refusal: BoundRefusal, _ call: Call) {
        let price = Attodollars.of(amountAtomic: call.shopper.route.amount, decimals: 0)
        for policy in call.shopper.route.bounds where policy.name == refusal.policy {
            look(at: policy, call.shopper, everything: true) { code, used, limit in
                guard code == refusal.code, used + (code.isSpend ? price : 1) <= limit else { return }
                fault(
                    "\(code.rawValue) of \(policy.name) turned away what fits: \(code.text(used)) of \(code.text(limit))"
                )
            }
        }
    }
}
