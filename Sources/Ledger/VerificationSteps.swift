/// Steps 6 and 7 as the ledger sees them: a lease without a claim, while others look whether the payment is good.
extension LedgerCore {
    /// Answers with a hold; the presentation keeps the lease that it has.
    func hold(
        _ presentation: Presentation, _ wallet: WalletState, _ told: (LeaseHold) -> Admitted
    ) throws(StoreFault) {
        let key = presentation.admission.key
        let settled = wallet.settledAtomic(of: key.asset)
        let unknown = try store.unknownAtomic(key, openAt: unixNow - Self.chainLagSeconds)
        let isAlone = wallet.leases.after + wallet.leases.first == 1 && unknown == 0
        let (name, reply) = presentation.hold(
            from: Presentation.HoldStart(settledAtomic: settled, unixSeconds: unixNow))
        holdEnds.append((monotonicNow + Self.holdNanoseconds, name))
        held[presentation.token] = presentation
        waitingByToken[presentation.token] = nil
        outbox.put(reply, told(LeaseHold(name: name, isAlone: isAlone, mailbox: mailbox)))
    }

    /// Nil where the hold is over.
    func takeHeld(_ name: HoldName) -> Presentation? {
        guard let presentation = held[name.token], case .held(name.number) = presentation.place else { return nil }
        held[name.token] = nil
        return presentation
    }

    /// The payment is good: everything that `present` looked up is looked up again, in the transaction that writes the claim.
    func claim(
        _ name: HoldName, _ balanceAtomic: UInt128?, _ reply: @escaping @Sendable (Admitted) -> Void
    ) throws(StoreFault) {
        guard let presentation = takeHeld(name), let wallet = wallets[presentation.admission.key.wallet] else {
            outbox.put(reply, .leaseBusy(.timedOut, retryAfterSeconds: 1))
            return
        }
        presentation.verified(balanceAtomic: balanceAtomic, reply: reply)
        waitingByToken[presentation.token] = presentation
        let known = try store.claim(presentation.admission.key)
        if try answerKnown(presentation, known) {
            wallet.leases[presentation.admission.order] -= 1
        } else if case .blocked = try take(presentation, wallet, known: known, isVerified: true) {
            enqueue(presentation, wallet, atFront: true, until: presentation.balanceDeadline)
            presentation.balanceDeadline = presentation.deadline
        }
        toPump.append(wallet)
    }

    func release(_ name: HoldName) {
        if let presentation = takeHeld(name) { giveBackHold(presentation) }
    }

    /// The lease of a hold that is over: released, let go, its caller gone, or its time up.
    func giveBackHold(_ presentation: Presentation) {
        held[presentation.token] = nil
        presentation.place = .moving
        giveBackLease(presentation)
    }

    /// Takes back what was held for too long. All holds last as long, so the first given is the first over; what came back before is
    /// passed over.
    func expireHolds() {
        while let (end, name) = holdEnds.first {
            let presentation = held[name.token]
            if let presentation, case .held(name.number) = presentation.place {
                if end > monotonicNow { return }
                giveBackHold(presentation)
            }
            holdEnds.removeFirst()
        }
    }

    enum BalanceJudgement {
        /// No reading, or one that says too little: read anew.
        case read
        case tooLittle
        case blocked
        case good
    }

    /// Whether the wallet's money suffices beside what is in flight. A reading is good for what was in flight when the hold was
    /// given: what was paid since may be in it still, and is taken off.
    func judge(_ presentation: Presentation, _ wallet: WalletState, isVerified: Bool) throws(StoreFault)
        -> BalanceJudgement
    {
        let admission = presentation.admission
        let asset = admission.key.asset
        if admission.facilitator == .sandbox {
            let balance = try sandboxBalance(admission.key, decimals: admission.assetDecimals).balance
            if admission.amountAtomic > balance { return .tooLittle }
            let free = balance.subtractingSaturated(wallet.reservedAtomic(of: asset, inSandbox: true))
            return admission.amountAtomic > free ? .blocked : .good
        }
        guard let reading = presentation.reading else { return .read }
        if isVerified, let balance = reading.balanceAtomic, admission.amountAtomic > balance { return .tooLittle }
        let tied = wallet.reservedAtomic(of: asset, inSandbox: false)
            .addingSaturated(
                try store.unknownAtomic(
                    admission.key, openAt: reading.since.unixSeconds - Self.chainLagSeconds))
        let paidSince = wallet.settledAtomic(of: asset).subtractingSaturated(reading.since.settledAtomic)
        guard let balance = reading.balanceAtomic else {
            return isVerified && tied == 0 && paidSince == 0 ? .good : .read
        }
        let left = balance.subtractingSaturated(paidSince)
        if admission.amountAtomic <= left.subtractingSaturated(tied) { return isVerified ? .good : .read }
        // With nothing in flight it is the reading that is too old.
        return tied > 0 || isVerified ? .blocked : .read
    }
}
