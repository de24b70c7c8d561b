/// Step 6 of the order of work: the bounds, and the gates beside them.
extension LedgerCore {
    enum GateVerdict {
        case pass
        case review(reason: GateRefusal.Code)
        case deny(GateRefusal)
    }

    /// Where one gate denies, nobody needs to look at the payment.
    func verdict(of gate: AdmissionGate, on admission: Admission) throws(StoreFault) -> GateVerdict {
        if gate.isApproved { return .pass }
        var review: GateRefusal.Code?
        if let breaker = gate.breaker {
            switch breaker.then {
            case .review: review = .breakerOpen
            case .deny:
                return .deny(
                    GateRefusal(
                        code: .breakerOpen, policy: breaker.name, retryAfterSeconds: breaker.retryAfterSeconds,
                        missing: ""))
            }
        }
        if let proven = gate.proven,
            let lack = try store.tally.history(of: admission.key.wallet, isPlay: admission.facilitator == .sandbox)
                .lacks(proven.requirement, now: store.tally.now)
        {
            switch proven.otherwise {
            case .review: review = review ?? .walletUnproven
            case .deny:
                return .deny(
                    GateRefusal(
                        code: .walletUnproven, policy: proven.requirement.name, retryAfterSeconds: lack.waitSeconds,
                        missing: lack.text))
            }
        }
        return review.map { .review(reason: $0) } ?? .pass
    }
}
