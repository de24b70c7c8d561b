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
        if let fault = admission.termsFault, known?.state != .owed, known?.state != .waiting {
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
            answerBusy(presentation, known, .queueFull)
            toPump.append(wallet)
            return
        }
        enqueue(presentation, wallet, atFront: false)
    }

    /// Step 3: true where the table of answers decides. What is owed to the very payment that comes again, with its identifier, is
    /// redeemed under a lease.
    func answerKnown(_ presentation: Presentation, _ known: ClaimRecord?) throws(StoreFault) -> Bool {
        guard let known else { return false }
        let isSame = known.binding == presentation.admission.binding
        // What waits for a person is told so, or runs by now.
        if isSame && known.state == .waiting { return false }
        switch known.machine.on(isSame ? .presentedAgain : .presentedForAnother) {
        case .moved: return false
        case .stayed(let actions) where actions == [.awaitEnd]:
            try park(presentation, row: known.id.row, holdsLease: false)
        case .stayed(let actions) where actions == [.answerPending]:
            answer(presentation, .pending(transaction: known.transaction ?? ""))
        case .stayed, .refused:
            if known.state == .owed && known.isIdentified(by: presentation.admission) { return false }
            answer(presentation, try given(known, to: presentation.admission) ?? .refused(code: Self.used))
        }
        return true
    }

    /// Steps 5 to 8, with a lease that the caller took for it: claims, redeems, has it verified, waits or refuses. The lease is given
    /// back where neither a claim nor a hold nor a waiting retry keeps it.
    func take(
        _ presentation: Presentation, _ wallet: WalletState, known: ClaimRecord?, isVerified: Bool
    ) throws(StoreFault) -> Step {
        let admission = presentation.admission
        if try reviewDecides(presentation, wallet, known: known) { return .done }
        if known?.state == .waiting && admission.review == nil {
            try hold(presentation, wallet) { .review($0, reason: Self.inReview) }
            return .done
        }
        if let known, known.state == .owed {
            try redeemOwn(known, presentation, wallet)
            return .done
        }
        if admission.bind == .body, try redeemOrAwait(presentation, wallet) { return .done }
        if let row = try store.redeemedRow(admission.key) {
            // A copy of a retry that redeemed: the payer meant one purchase, and has it.
            let redeemed = try store.claim(row: row)
            let value = try redeemed.flatMap { claim throws(StoreFault) in try given(claim, to: admission) }
            turnAway(presentation, wallet, value ?? .refused(code: Self.used))
            return .done
        }
        if try isIdentifierHeld(admission) {
            turnAway(presentation, wallet, .idConflict)
            return .done
        }
        let (needed, overflow) = unixNow.addingReportingOverflow(admission.neededSeconds)
        if overflow || admission.validBefore < needed {
            turnAway(presentation, wallet, .refused(code: Self.windowTooShort))
            return .done
        }
        let verdict = try verdict(of: admission.gate, on: admission)
        if case .deny(let refusal) = verdict {
            turnAway(presentation, wallet, .denied(refusal))
            return .done
        }
        if let refusal = try store.tally.refusal(of: admission) {
            turnAway(presentation, wallet, .bounded(refusal))
            return .done
        }
        switch try judge(presentation, wallet, isVerified: isVerified) {
        case .read: try hold(presentation, wallet) { .verify($0) }
        case .tooLittle: turnAway(presentation, wallet, .refused(code: Self.insufficient))
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

    /// Gives its lease back, and this answer.
    func turnAway(_ presentation: Presentation, _ wallet: WalletState, _ value: Admitted) {
        wallet.leases[presentation.admission.order] -= 1
        toPump.append(wallet)
        answer(presentation, value)
    }

    /// Another payment's claim has this identifier, and is not over and done with.
    private func isIdentifierHeld(_ admission: Admission) throws(StoreFault) -> Bool {
        guard let id = admission.paymentID else { return false }
        let since = unixNow.subtractingSaturated(admission.redeliverForSeconds)
        return try store.isIdentifierHeld(id, by: admission.key, deliveredSince: since)
    }

    /// True where an earlier claim of this wallet with this binding decides: it is redeemed, waited for, or cannot be told.
    func redeemOrAwait(_ presentation: Presentation, _ wallet: WalletState) throws(StoreFault) -> Bool {
        let admission = presentation.admission
        var unknown: ClaimRecord?
        var untold: ClaimRecord?
        let since = unixNow - admission.redeliverForSeconds
        for claim in try store.claimsToRedeem(wallet.wallet, binding: admission.binding, owedSince: since) {
            guard claim.mayBeGiven(for: admission) else { continue }
            if claim.state == .unknown {
                unknown = unknown ?? claim
                continue
            }
            let answer = try store.answers.answer(of: claim.id.row)
            if answer != nil || claim.mayRerun(by: admission) {
                try redeem(claim, presentation, wallet, answer)
                return true
            }
            untold = untold ?? claim
        }
        if let row = wallet.exchangeToAwait(for: admission)?.claim.id.row ?? unknown?.id.row {
            try park(presentation, row: row, holdsLease: true)
            return true
        }
        if let untold {
            turnAway(presentation, wallet, .outcomeUnknown(transaction: untold.transaction ?? ""))
            return true
        }
        return false
    }

    /// With an answer that is kept, the upstream is not asked, and it is no rerun.
    func redeem(
        _ owed: ClaimRecord, _ presentation: Presentation, _ wallet: WalletState, _ stored: StoredAnswer?
    ) throws(StoreFault) {
        var claim = owed
        guard apply(.redeemed, to: &claim) else { preconditionFailure("an owed claim can be redeemed") }
        claim.attempts += 1
        if stored == nil { claim.reruns += 1 }
        let admission = presentation.admission
        if admission.key != claim.key {
            try store.noteRedemption(admission.key, of: claim.id, validBefore: admission.validBefore)
        }
        try save(claim, wasAtRest: true, durable: true)
        let ticket = try start(claim, presentation, wallet, isRerun: true, givesStored: stored != nil)
        answer(presentation, .redeemed(ticket, transaction: claim.transaction ?? "", answer: stored))
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
            guard case .moved = known.machine.on(known.state == .waiting ? .approved : .presentedAgain) else {
                preconditionFailure("only a void claim is taken up again, or one that waited")
            }
        }
        try write(&claim, asAttemptOf: known)
        if case .paid(let review) = admission.review { try store.reviews.setRun(claim.id.row, of: review.row) }
        answer(presentation, .claimed(try start(claim, presentation, wallet, isRerun: false)))
    }

    /// Writes a claim that is new, or one more attempt of `known`, and gives it its row.
    func write(_ claim: inout ClaimRecord, asAttemptOf known: ClaimRecord?) throws(StoreFault) {
        guard let known else {
            try store.insert(&claim)
            return didWrite(durable: true)
        }
        claim.id = known.id
        claim.createdAt = known.createdAt
        claim.countedAt = store.tally.now
        claim.attempts = known.attempts + 1
        // An answer that was held when the former attempt came to nothing.
        try store.answers.erase(known.id.row)
        try store.updateTerms(claim)
        try save(claim, wasAtRest: known.state.isAtRest, durable: true)
    }

    private func start(
        _ claim: ClaimRecord, _ presentation: Presentation, _ wallet: WalletState, isRerun: Bool,
        givesStored: Bool = false
    ) throws(StoreFault) -> Ticket {
        let admission = presentation.admission
        let entry = InFlight(
            claim, wallet: wallet, leaseOrder: admission.order, token: presentation.token, isRerun: isRerun,
            givesStored: givesStored, assetDecimals: admission.assetDecimals,
            keepSeconds: max(admission.redeliverForSeconds, try reviewKeepSeconds(admission)))
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
