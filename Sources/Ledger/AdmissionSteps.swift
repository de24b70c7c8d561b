import DequeModule

/// Steps 3 to 8 of the order of work. They run inside the transaction that writes the claim, by the only thread that writes, so every
/// look-up here is the one that counts.
extension LedgerCore {
    enum Step {
        case done
        /// The wallet's balance is tied up by what is in flight: wait as for a lease.
        case blocked
    }

    static let used = "invalid_exact_evm_nonce_already_used"
    static let windowTooShort = "invalid_exact_evm_payload_authorization_valid_before"
    static let insufficient = "invalid_exact_evm_insufficient_balance"

    func present(_ presentation: Presentation) throws(StoreFault) {
        let admission = presentation.admission
        waitingByToken[presentation.token] = presentation
        presentation.reading = nil
        let known = try store.claim(admission.key)
        if try answerKnown(presentation, known) { return }
        if let fault = admission.termsFault {
            answer(presentation, .refused(code: fault))
            return
        }
        let wallet = wallets[admission.key.wallet] ?? WalletState(admission.key.wallet)
        wallets[wallet.wallet] = wallet
        if wallet.queues[admission.order].isEmpty, wallet.hasFreeLease(for: admission) {
            wallet.leases[admission.order] += 1
            if case .done = try take(presentation, wallet, known: known, isVerified: false) { return }
        }
        guard wallet.queues[admission.order].count < admission.leaseQueue else {
            answer(presentation, .leaseBusy(.queueFull, retryAfterSeconds: 1))
            toPump.append(wallet)
            return
        }
        enqueue(presentation, wallet, atFront: false)
    }

    /// Step 3: true where the table of answers decides.
    func answerKnown(_ presentation: Presentation, _ known: ClaimRecord?) throws(StoreFault) -> Bool {
        guard let known else { return false }
        let isSame = known.binding == presentation.admission.binding
        switch known.machine.on(isSame ? .presentedAgain : .presentedForAnother) {
        case .moved: return false
        case .stayed(let actions) where actions == [.awaitEnd]:
            try park(presentation, row: known.id.row, holdsLease: false)
        case .stayed(let actions) where actions == [.answerPending]:
            answer(presentation, .pending(transaction: known.transaction ?? ""))
        case .stayed, .refused: answer(presentation, .refused(code: Self.used))
        }
        return true
    }

    /// Steps 5 to 8, with a lease that the caller took for it: claims, redeems, has it verified, waits or refuses. The lease is given
    /// back where neither a claim nor a hold nor a waiting retry keeps it.
    func take(
        _ presentation: Presentation, _ wallet: WalletState, known: ClaimRecord?, isVerified: Bool
    ) throws(StoreFault) -> Step {
        let admission = presentation.admission
        if admission.bind == .body, try redeemOrAwait(presentation, wallet) { return .done }
        if try store.hasRedeemed(admission.key) {
            // A copy of a retry that redeemed: the payer meant one purchase, and has it.
            refuse(presentation, wallet, .refused(code: Self.used))
            return .done
        }
        let (needed, overflow) = unixNow.addingReportingOverflow(admission.neededSeconds)
        if overflow || admission.validBefore < needed {
            refuse(presentation, wallet, .refused(code: Self.windowTooShort))
            return .done
        }
        let verdict = try verdict(of: admission.gate, on: admission)
        if case .deny(let refusal) = verdict {
            refuse(presentation, wallet, .denied(refusal))
            return .done
        }
        if let refusal = try store.tally.refusal(of: admission) {
            refuse(presentation, wallet, .bounded(refusal))
            return .done
        }
        switch try judge(presentation, wallet, isVerified: isVerified) {
        case .read: try hold(presentation, wallet) { .verify($0) }
        case .tooLittle: refuse(presentation, wallet, .refused(code: Self.insufficient))
        case .good:
            if case .review(let reason) = verdict {
                try hold(presentation, wallet) { .review($0, reason: reason.rawValue) }
            } else {
                try claim(presentation, wallet, known: known)
            }
        case .blocked:
            wallet.leases[admission.order] -= 1
            return .blocked
        }
        return .done
    }

    private func refuse(_ presentation: Presentation, _ wallet: WalletState, _ answer: Admitted) {
        wallet.leases[presentation.admission.order] -= 1
        toPump.append(wallet)
        self.answer(presentation, answer)
    }

    /// True where an earlier claim of this wallet with this binding decides: it is redeemed, waited for, or cannot be told.
    private func redeemOrAwait(_ presentation: Presentation, _ wallet: WalletState) throws(StoreFault) -> Bool {
        let admission = presentation.admission
        var unknown: ClaimRecord?
        var untold: ClaimRecord?
        let since = unixNow - admission.redeliverForSeconds
        for claim in try store.claimsToRedeem(wallet.wallet, binding: admission.binding, owedSince: since) {
            if claim.facilitator == .sandbox && admission.facilitator != .sandbox {
                // Play money has paid for it: no reason to give a real payment's answer away.
                continue
            } else if claim.state == .unknown {
                unknown = unknown ?? claim
            } else if claim.mayRerun(by: admission) {
                try redeem(claim, presentation, wallet)
                return true
            } else {
                untold = untold ?? claim
            }
        }
        if let row = wallet.exchangeToAwait(for: admission)?.claim.id.row ?? unknown?.id.row {
            try park(presentation, row: row, holdsLease: true)
            return true
        }
        if let untold {
            wallet.leases[admission.order] -= 1
            toPump.append(wallet)
            answer(presentation, .outcomeUnknown(transaction: untold.transaction ?? ""))
            return true
        }
        return false
    }

    private func redeem(
        _ owed: ClaimRecord, _ presentation: Presentation, _ wallet: WalletState
    ) throws(StoreFault) {
        var claim = owed
        guard apply(.redeemed, to: &claim) else { preconditionFailure("an owed claim can be redeemed") }
        claim.attempts += 1
        claim.reruns += 1
        try store.noteRedemption(
            presentation.admission.key, of: claim.id, validBefore: presentation.admission.validBefore)
        try save(claim, wasAtRest: true, durable: true)
        let ticket = start(claim, presentation, wallet, isRerun: true)
        answer(presentation, .redeemed(ticket, transaction: claim.transaction ?? ""))
    }

    /// Step 8. Under `after` the claim is written as `running` at once: a crash makes `void` of either, so a commit between them
    /// would tell nothing.
    private func claim(
        _ presentation: Presentation, _ wallet: WalletState, known: ClaimRecord?
    ) throws(StoreFault) {
        let admission = presentation.admission
        var claim = ClaimRecord(admission, ledger: store.mark, now: unixNow)
        if admission.order == .after { _ = apply(.forwarded, to: &claim) }
        if let known {
            guard case .moved = known.machine.on(.presentedAgain) else {
                preconditionFailure("only a void claim is taken up again")
            }
            claim.id = known.id
            claim.createdAt = known.createdAt
            claim.countedAt = store.tally.now
            claim.attempts = known.attempts + 1
            try store.updateTerms(claim)
            try save(claim, wasAtRest: true, durable: true)
        } else {
            try store.insert(&claim)
            didWrite(durable: true)
        }
        answer(presentation, .claimed(start(claim, presentation, wallet, isRerun: false)))
    }

    private func start(
        _ claim: ClaimRecord, _ presentation: Presentation, _ wallet: WalletState, isRerun: Bool
    ) -> Ticket {
        let admission = presentation.admission
        let entry = InFlight(
            claim, wallet: wallet, leaseOrder: admission.order, token: presentation.token, isRerun: isRerun,
            assetDecimals: admission.assetDecimals)
        wallet.inFlight.append(entry)
        inFlight[claim.id.row] = entry
        inFlightByToken[entry.token] = entry
        return Ticket(
            id: claim.id, attempt: claim.attempts, token: entry.token, mayForward: claim.state == .running,
            mailbox: mailbox)
    }

    /// Gives the wallet's free leases to whoever came first.
    func pump(_ wallet: WalletState) throws(StoreFault) {
        var blocked = PerOrder(after: false, first: false)
        while let order = wallet.nextOrder(except: blocked), let presentation = wallet.queues[order].popFirst() {
            presentation.place = .moving
            let known = try store.claim(presentation.admission.key)
            if try answerKnown(presentation, known) { continue }
            wallet.leases[order] += 1
            if case .blocked = try take(presentation, wallet, known: known, isVerified: false) {
                presentation.place = .queued
                wallet.queues[order].prepend(presentation)
                blocked[order] = true
            }
        }
        if wallet.isIdle, wallets[wallet.wallet] === wallet { wallets[wallet.wallet] = nil }
    }

    /// Goes on with one whose claim came to its end. A copy starts over; a retry kept its lease and goes on from there.
    func resume(_ presentation: Presentation) throws(StoreFault) {
        guard case .awaiting(_, let holdsLease) = presentation.place else { return }
        presentation.place = .moving
        guard holdsLease, let wallet = wallets[presentation.admission.key.wallet] else {
            try present(presentation)
            return
        }
        let known = try store.claim(presentation.admission.key)
        if try answerKnown(presentation, known) {
            wallet.leases[presentation.admission.order] -= 1
            toPump.append(wallet)
        } else if case .blocked = try take(presentation, wallet, known: known, isVerified: false) {
            enqueue(presentation, wallet, atFront: true)
        }
    }
}

extension ClaimRecord {
    init(_ admission: Admission, ledger: UInt32, now: Int64) {
        self.init(
            id: ClaimID(row: 0, ledger: ledger), key: admission.key, binding: admission.binding, bind: admission.bind,
            machine: ClaimMachine(order: admission.order), facilitator: admission.facilitator,
            amountAtomic: admission.amountAtomic, assetDecimals: admission.assetDecimals, payTo: admission.payTo,
            route: admission.route,
            revision: admission.revision,
            request: String(decoding: admission.request.utf8.prefix(Self.requestBytes), as: UTF8.self),
            validBefore: admission.validBefore,
            createdAt: now,
            updatedAt: now, countedAt: now,
            policies: admission.bounds.lazy.map(\.name).joined(separator: ","), paymentID: admission.paymentID,
            owedAt: nil, attempts: 1,
            reruns: 0, requestBytesWritten: false, transaction: nil,
            reason: nil)
    }

    /// As much of a method and target as a row keeps.
    static let requestBytes = 1024
    /// An owed claim that was rerun as often waits for a person; a new authorization is an ordinary payment then.
    static let rerunsAllowed = 3

    /// Whether asking the upstream again can do no second harm, or the route accepts that it may.
    func mayRerun(by admission: Admission) -> Bool {
        switch admission.redeliver {
        case .never: false
        case .rerun: true
        case .safe: admission.isIdempotent || !requestBytesWritten
        }
    }
}
