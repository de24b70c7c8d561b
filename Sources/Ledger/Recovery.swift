/// Taking up what a former process left in flight.
enum Recovery {
    /// How many claims came to which state.
    struct Report: Hashable, Sendable {
        var void = 0
        var owed = 0
        /// Their truth is to be found on the chain, or by a person.
        var unknown = 0
    }

    /// One transaction: every claim that is not at rest goes where the machine sends it when its exchange is lost.
    static func run(_ store: Store, now: Int64) throws(StoreFault) -> Report {
        var report = Report()
        try store.beginIfNeeded()
        for var claim in try store.openClaims() {
            if claim.loseExchange(now: now) { try store.update(claim, wasAtRest: false) }
            switch claim.state {
            case .void: report.void += 1
            case .owed: report.owed += 1
            case .unknown: report.unknown += 1
            case .waiting, .claimed, .running, .answered, .sent, .settled, .delivered, .failed: break
            }
        }
        try store.commit(at: now)
        return report
    }
}

extension ClaimRecord {
    /// No exchange works on it any more. From `running` on nobody knows what the upstream has seen. True if anything changed.
    @discardableResult
    mutating func loseExchange(now: Int64) -> Bool {
        let old = state
        guard case .moved = apply(.exchangeLost, now: now) else { return false }
        if old == .running || order == .after { requestBytesWritten = true }
        if state == .void { reason = "exchange_lost" }
        return true
    }
}

extension Store {
    /// A person's word on a claim at rest or `unknown`.
    func resolve(_ id: ClaimID, _ resolution: ClaimResolution, now: Int64) throws(StoreFault) -> ResolveOutcome {
        guard id.ledger == mark, var claim = try claim(row: id.row) else { return .notFound }
        let event: ClaimEvent =
            switch resolution {
            case .delivered: .resolvedDelivered
            case .owed: .resolvedOwed
            case .failed: .resolvedFailed
            }
        let wasAtRest = claim.state.isAtRest
        guard case .moved = claim.apply(event, now: now) else { return .refused(claim.state) }
        claim.reason = "resolved_by_hand"
        // A remote facilitator need not have named one.
        if claim.machine.isPaid && claim.transaction == nil { claim.transaction = "" }
        try update(claim, wasAtRest: wasAtRest)
        return .done
    }
}
