/// What the money loop says of claims that are settled on a chain.
extension LedgerCore {
    func sending(
        _ attempt: Attempt, _ transaction: SentTransaction?, _ reply: @escaping @Sendable (Sending) -> Void
    ) throws(StoreFault) {
        let entry: InFlight
        var claim: ClaimRecord
        switch try readyToSend(attempt, hasTransaction: transaction != nil) {
        case .failure(let refusal):
            outbox.put(reply, refusal.sending)
            return
        case .success(let ready): (entry, claim) = ready
        }
        if let transaction {
            guard try store.transactions.insertFirst(transaction, of: [claim.id.row], now: unixNow) else {
                outbox.put(reply, Sending.unavailable(reason: Self.notItsNonce(transaction)))
                return
            }
            claim.transaction = transaction.hash.hex
        }
        entry.claim = claim
        try save(claim, durable: true)
        outbox.put(reply, Sending.go)
    }

    func sendingTogether(
        _ attempts: [Attempt], _ transaction: SentTransaction, _ reply: @escaping @Sendable (BatchSending) -> Void
    ) throws(StoreFault) {
        var refused: [Int: Sending] = [:]
        var ready: [(entry: InFlight, claim: ClaimRecord)] = []
        var chains: Set<String> = []
        for (at, attempt) in attempts.enumerated() {
            switch try readyToSend(attempt, hasTransaction: true) {
            case .failure(let refusal): refused[at] = refusal.sending
            case .success(let one):
                ready.append(one)
                chains.insert(one.claim.key.chain)
            }
        }
        guard refused.isEmpty else {
            outbox.put(reply, .without(refused))
            return
        }
        guard chains.count == 1, Set(attempts).count == attempts.count,
            try store.transactions.insertFirst(transaction, of: ready.map(\.claim.id.row), now: unixNow)
        else {
            outbox.put(reply, BatchSending.unavailable(reason: Self.notItsNonce(transaction)))
            return
        }
        for (entry, claim) in ready {
            entry.claim = claim
            entry.claim.transaction = transaction.hash.hex
            try save(entry.claim, durable: true)
        }
        outbox.put(reply, .go)
    }

    private static func notItsNonce(_ transaction: SentTransaction) -> String {
        "nonce \(transaction.nonce) of the relayer is another claim's"
    }

    private struct NotReady: Error {
        let sending: Sending
    }

    /// The claim as it would be when it is sent; nothing is written, unless its window is over.
    private func readyToSend(
        _ attempt: Attempt, hasTransaction: Bool
    ) throws(StoreFault) -> Result<(entry: InFlight, claim: ClaimRecord), NotReady> {
        guard let entry = entry(attempt) else {
            return .failure(NotReady(sending: .unavailable(reason: Self.notInFlight)))
        }
        var claim = entry.claim
        if claim.machine.isPaid {
            let sending = Sending.alreadyPaid(
                transaction: claim.transaction ?? "", mayForward: claim.state == .running)
            return .failure(NotReady(sending: sending))
        }
        guard claim.facilitator != .sandbox, (claim.facilitator == .chain) == hasTransaction else {
            let reason = "\(claim.facilitator.rawText) does not settle like that"
            return .failure(NotReady(sending: .unavailable(reason: reason)))
        }
        if claim.order == .after { _ = apply(.answerCharged, to: &claim) }
        if claim.validBefore <= unixNow, try refuse(entry, claim, .windowOver, Self.windowTooShort) {
            return .failure(NotReady(sending: .refused(code: Self.windowTooShort)))
        }
        guard claim.validBefore > unixNow, apply(.sent, to: &claim) else {
            let reason = "the claim is \(entry.claim.state.rawValue)"
            return .failure(NotReady(sending: .unavailable(reason: reason)))
        }
        return .success((entry, claim))
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
            try save(claim, wasAtRest: old.state.isAtRest, durable: true)
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
            let row = claim.id.row
            let transactions = try store.transactions.all(of: row).map(\.transaction)
            let place = try store.transactions.place(of: row)
            watched.append(
                WatchedClaim(
                    claim: claim, transactions: transactions, place: place.place, batchCount: place.count))
        }
        outbox.put(reply, watched)
    }
}

extension ClaimRecord {
    /// What an exchange in flight hears of evidence that was taken up.
    fileprivate func told(of evidence: Evidence) -> EvidenceOutcome {
        switch evidence {
        case .settled: .settlement(.settled(transaction: transaction ?? "", mayForward: state == .running))
        case .refused(let code, _): .settlement(.refused(code: code))
        case .unknown: .settlement(.pending(transaction: transaction ?? ""))
        case .reorganized, .final: .recorded(state)
        }
    }
}
