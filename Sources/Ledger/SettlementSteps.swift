/// What the money loop says of claims that are settled on a chain.
extension LedgerCore {
    func sending(
        _ attempt: Attempt, _ transaction: SentTransaction?, _ reply: @escaping @Sendable (Sending) -> Void
    ) throws(StoreFault) {
        guard let entry = entry(attempt) else {
            outbox.put(reply, Sending.unavailable(reason: Self.notInFlight))
            return
        }
        var claim = entry.claim
        if claim.machine.isPaid {
            outbox.put(
                reply, .alreadyPaid(transaction: claim.transaction ?? "", mayForward: claim.state == .running))
            return
        }
        let sender: ClaimFacilitator? = transaction == nil ? nil : .chain
        guard claim.facilitator != .sandbox, (claim.facilitator == .chain) == (sender == .chain) else {
            outbox.put(reply, Sending.unavailable(reason: "\(claim.facilitator.rawText) does not settle like that"))
            return
        }
        if claim.order == .after { _ = apply(.answerCharged, to: &claim) }
        if claim.validBefore <= unixNow {
            if try refuse(entry, claim, .windowOver, Self.windowTooShort) {
                outbox.put(reply, Sending.refused(code: Self.windowTooShort))
            } else {
                outbox.put(reply, Sending.unavailable(reason: "the claim is \(entry.claim.state.rawValue)"))
            }
            return
        }
        guard apply(.sent, to: &claim) else {
            outbox.put(reply, Sending.unavailable(reason: "the claim is \(entry.claim.state.rawValue)"))
            return
        }
        if let transaction {
            guard try store.transactions.insertFirst(transaction, of: claim.id.row, now: unixNow) else {
                outbox.put(
                    reply, Sending.unavailable(reason: "nonce \(transaction.nonce) of the relayer is another claim's"))
                return
            }
            claim.transaction = transaction.hash.hex
        }
        let wasWatched = entry.claim.isWatched
        entry.claim = claim
        try save(claim, wasWatched: wasWatched, durable: true)
        outbox.put(reply, Sending.go)
    }

    func replacing(
        _ id: ClaimID, _ transaction: SentTransaction, _ reply: @escaping @Sendable (Bool) -> Void
    ) throws(StoreFault) {
        guard id.ledger == store.mark,
            try store.transactions.insertReplacement(transaction, of: id.row, now: unixNow)
        else {
            outbox.put(reply, false)
            return
        }
        didWrite(durable: true)
        outbox.put(reply, true)
    }

    /// Evidence goes the ways that the sandbox's settlement goes: the lease of what failed or is unknown ends, and whoever waits for
    /// the claim, or for the wallet's money, is looked at anew.
    func learn(
        _ evidence: Evidence, of id: ClaimID, _ reply: @escaping @Sendable (EvidenceOutcome) -> Void
    ) throws(StoreFault) {
        let entry = id.ledger == store.mark ? inFlight[id.row] : nil
        let stored = id.ledger == store.mark && entry == nil ? try store.claim(row: id.row) : nil
        guard let old = entry?.claim ?? stored, old.facilitator != .sandbox else {
            outbox.put(reply, EvidenceOutcome.refused)
            return
        }
        var claim = old
        guard claim.learn(evidence, now: unixNow) else {
            outbox.put(reply, EvidenceOutcome.refused)
            return
        }
        if claim != old {
            entry?.claim = claim
            try save(claim, wasAtRest: old.state.isAtRest, wasWatched: old.isWatched, durable: true)
        }
        if let wallet = wallets[claim.wallet] {
            if claim.machine.isPaid && !old.machine.isPaid {
                wallet.noteSettled(claim.amountAtomic, of: claim.key.asset)
            }
            toPump.append(wallet)
        }
        if let entry, !claim.state.isInFlight {
            finish(entry)
        } else if entry == nil && claim.state != old.state {
            wake(id.row)
        }
        outbox.put(reply, entry == nil ? .recorded(claim.state) : claim.told(of: evidence))
    }

    func watched(_ reply: @escaping @Sendable ([WatchedClaim]) -> Void) throws(StoreFault) {
        var watched: [WatchedClaim] = []
        for claim in try store.watchedClaims() {
            let transactions = try store.transactions.all(of: claim.id.row).map(\.transaction)
            watched.append(WatchedClaim(claim: claim, transactions: transactions))
        }
        outbox.put(reply, watched)
    }
}

extension ClaimRecord {
    /// What an exchange in flight hears of evidence that was taken up.
    fileprivate func told(of evidence: Evidence) -> EvidenceOutcome {
        switch evidence {
        case .settled: .settlement(.settled(transaction: transaction ?? "", mayForward: state == .running))
        case .refused(let code): .settlement(.refused(code: code))
        case .unknown: .settlement(.pending(transaction: transaction ?? ""))
        case .reorganized, .final: .recorded(state)
        }
    }
}
