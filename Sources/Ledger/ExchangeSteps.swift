import Bytes

/// What an exchange with a ticket does to its claim.
extension LedgerCore {
    static let notInFlight = "this attempt is not in flight"

    func entry(_ attempt: Attempt) -> InFlight? {
        guard let entry = inFlight[attempt.row], entry.attempt == attempt else { return nil }
        return entry
    }

    func forwarding(_ attempt: Attempt, _ reply: @escaping @Sendable (Forwarding) -> Void) throws(StoreFault) {
        guard let entry = entry(attempt) else {
            outbox.put(reply, Forwarding.unavailable(reason: Self.notInFlight))
            return
        }
        if entry.claim.state != .running {
            guard apply(.forwarded, to: &entry.claim) else {
                outbox.put(reply, Forwarding.unavailable(reason: "the claim is \(entry.claim.state.rawValue)"))
                return
            }
            try save(entry.claim, durable: true)
        }
        outbox.put(reply, .go)
    }

    /// What asks for the settlement.
    enum SettleCall: Equatable {
        case afterAnswer
        case first(forwardsLater: Bool)
    }

    /// Settles on the sandbox: the debit and every state up to `settled` in this one transaction, so that `sent` is never seen.
    func settle(
        _ attempt: Attempt, _ call: SettleCall, _ reply: @escaping @Sendable (Settlement) -> Void
    ) throws(StoreFault) {
        guard let entry = entry(attempt) else {
            outbox.put(reply, Settlement.unavailable(reason: Self.notInFlight))
            return
        }
        if entry.claim.machine.isPaid {
            // A rerun, or the same question twice: paid once is paid.
            outbox.put(
                reply,
                .settled(transaction: entry.claim.transaction ?? "", mayForward: entry.claim.state == .running))
            return
        }
        guard entry.claim.facilitator == .sandbox else {
            outbox.put(reply, Settlement.unavailable(reason: "the ledger moves no money but the sandbox's"))
            return
        }
        guard call != .afterAnswer || apply(.answerCharged, to: &entry.claim) else {
            outbox.put(reply, unfit(entry))
            return
        }
        var balance = try sandboxBalance(entry.claim.key, decimals: entry.assetDecimals)
        if entry.claim.validBefore <= unixNow {
            let isRefused = try refuse(entry, entry.claim, .windowOver, Self.windowTooShort)
            outbox.put(reply, isRefused ? .refused(code: Self.windowTooShort) : unfit(entry))
        } else if !balance.debit(entry.claim.amountAtomic) {
            let isRefused = try refuse(entry, entry.claim, .settlementRefused, Self.insufficient)
            outbox.put(reply, isRefused ? .refused(code: Self.insufficient) : unfit(entry))
        } else {
            guard apply(.sent, to: &entry.claim), apply(.settled, to: &entry.claim) else {
                outbox.put(reply, unfit(entry))
                return
            }
            entry.claim.transaction = transactions.next()
            if call == .first(forwardsLater: false) { _ = apply(.forwarded, to: &entry.claim) }
            try store.put(balance, of: entry.claim.key)
            try save(entry.claim, durable: true)
            outbox.put(
                reply,
                .settled(transaction: entry.claim.transaction ?? "", mayForward: entry.claim.state == .running))
            // Whoever waits for the balance may learn that it does not suffice any more.
            toPump.append(entry.wallet)
        }
    }

    private func unfit(_ entry: InFlight) -> Settlement {
        .unavailable(reason: "the claim is \(entry.claim.state.rawValue)")
    }

    /// The claim, as it would be by now, fails; false, with nothing changed, where the machine does not allow it.
    func refuse(
        _ entry: InFlight, _ claim: ClaimRecord, _ event: ClaimEvent, _ code: String
    ) throws(StoreFault) -> Bool {
        var claim = claim
        guard apply(event, to: &claim) else { return false }
        claim.reason = code
        entry.claim = claim
        try save(claim, durable: true)
        finish(entry)
        return true
    }

    func ended(_ attempt: Attempt, _ end: ExchangeEnd) throws(StoreFault) {
        guard let entry = entry(attempt) else { return }
        let event: ClaimEvent
        switch end {
        case .delivered: event = .delivered
        case .undelivered(let noRequestByteWritten):
            event = .undelivered
            if noRequestByteWritten {
                // Nothing was asked again: this was no rerun.
                if entry.isRerun && !entry.givesStored { entry.claim.reruns -= 1 }
            } else {
                entry.claim.requestBytesWritten = true
            }
        case .uncharged(let reason):
            event = .uncharged
            if !entry.claim.machine.isPaid { entry.claim.reason = reason }
        }
        // An end that does not fit the state is no evidence of anything but that the exchange is over.
        if apply(event, to: &entry.claim) {
            try save(entry.claim, durable: false)
            finish(entry)
        } else {
            try lose(entry)
        }
    }

    func lost(_ attempt: Attempt) throws(StoreFault) {
        if let entry = entry(attempt) { try lose(entry) }
    }

    private func lose(_ entry: InFlight) throws(StoreFault) {
        entry.claim.loseExchange(now: unixNow)
        try save(entry.claim, durable: false)
        finish(entry)
    }

    /// The lease ends here, before the row's end is on disk: a crash in between makes the claim `owed` or `void`, which costs
    /// nobody anything, and whatever is claimed under the lease afterwards commits together with this end or later.
    func finish(_ entry: InFlight) {
        let row = entry.claim.id.row
        inFlight[row] = nil
        inFlightByToken[entry.token] = nil
        entry.wallet.inFlight.removeAll { $0 === entry }
        entry.wallet.leases[entry.leaseOrder] -= 1
        wake(row)
        toPump.append(entry.wallet)
    }

    func wake(_ row: Int64) {
        for presentation in awaiting.removeValue(forKey: row) ?? [] { awake.append(presentation) }
    }

    func resolve(
        _ id: ClaimID, _ resolution: ClaimResolution, _ reply: @escaping @Sendable (ResolveOutcome) -> Void
    ) throws(StoreFault) {
        let outcome = try store.resolve(id, resolution, now: unixNow)
        if outcome == .done {
            didWrite(durable: true)
            wake(id.row)
        }
        outbox.put(reply, outcome)
    }

    func sandboxBalance(_ key: ClaimKey, decimals: Int) throws(StoreFault) -> SandboxBalance {
        try store.sandboxBalance(key) ?? SandboxBalance(newWithDecimals: decimals)
    }
}
