import DequeModule

/// Waiting in queues and for other exchanges, and how it ends.
extension LedgerCore {
    func answer(_ presentation: Presentation, _ value: Admitted) {
        presentation.place = .moving
        waitingByToken[presentation.token] = nil
        outbox.put(presentation.reply, value)
    }

    /// `deadline`: when its waiting is over, where that was fixed before.
    func enqueue(
        _ presentation: Presentation, _ wallet: WalletState, atFront: Bool, until deadline: UInt64? = nil
    ) {
        let admission = presentation.admission
        presentation.place = .queued
        presentation.deadline =
            deadline ?? monotonicNow + UInt64(min(max(admission.leaseWaitMilliseconds, 0), 86_400_000)) * 1_000_000
        deadlines.insert(presentation)
        if atFront {
            wallet.queues[admission.order].prepend(presentation)
        } else {
            wallet.queues[admission.order].append(presentation)
        }
    }

    /// Waits for a claim to come to its end, at most 30 s over the presentation's whole life.
    func park(_ presentation: Presentation, row: Int64, holdsLease: Bool) throws(StoreFault) {
        let deadline = presentation.awaitDeadline ?? monotonicNow + Self.awaitNanoseconds
        presentation.awaitDeadline = deadline
        presentation.place = .awaiting(row: row, holdsLease: holdsLease)
        presentation.deadline = deadline
        if deadline > monotonicNow && awaiting[row, default: []].count < Self.copiesWaiting {
            awaiting[row, default: []].append(presentation)
            deadlines.insert(presentation)
        } else {
            try stopAwaiting(presentation, row: row, holdsLease: holdsLease)
        }
    }

    /// The time of a waiting is over.
    func expire(_ presentation: Presentation) throws(StoreFault) {
        switch presentation.place {
        case .moving, .held: break
        case .awaiting(let row, let holdsLease):
            leaveAwaited(presentation, row: row)
            try stopAwaiting(presentation, row: row, holdsLease: holdsLease)
        case .queued:
            leaveQueue(presentation)
            // A copy that was behind in another queue may have been claimed by now: then "not charged" would not be true.
            let known = try store.claim(presentation.admission.key)
            if try !answerKnown(presentation, known) { answerBusy(presentation, known, .timedOut) }
        }
    }

    private func stopAwaiting(_ presentation: Presentation, row: Int64, holdsLease: Bool) throws(StoreFault) {
        if holdsLease { giveBackLease(presentation) }
        if inFlight[row] == nil, let claim = try store.claim(row: row), claim.state == .unknown {
            answer(presentation, .pending(transaction: claim.transaction ?? ""))
        } else {
            answer(presentation, .stillInFlight(retryAfterSeconds: 5))
        }
    }

    /// No lease is to be had. What is paid for already is not said to be uncharged.
    func answerBusy(_ presentation: Presentation, _ known: ClaimRecord?, _ trouble: LeaseTrouble) {
        if known?.machine.isPaid == true {
            answer(presentation, .stillInFlight(retryAfterSeconds: 1))
        } else {
            answer(presentation, .leaseBusy(trouble, retryAfterSeconds: 1))
        }
    }

    func giveBackLease(_ presentation: Presentation) {
        guard let wallet = wallets[presentation.admission.key.wallet] else { return }
        wallet.leases[presentation.admission.order] -= 1
        toPump.append(wallet)
    }

    private func leaveQueue(_ presentation: Presentation) {
        guard let wallet = wallets[presentation.admission.key.wallet] else { return }
        wallet.queues[presentation.admission.order].removeAll { $0 === presentation }
        // The head may have been what the others were blocked by.
        toPump.append(wallet)
    }

    private func leaveAwaited(_ presentation: Presentation, row: Int64) {
        awaiting[row]?.removeAll { $0 === presentation }
        if awaiting[row]?.isEmpty == true { awaiting[row] = nil }
    }

    /// The caller went away: what waits leaves, what is claimed goes on without it.
    func callerGone(_ token: AdmissionToken) {
        if let entry = inFlightByToken[token] {
            entry.isCallerGone = true
        } else if let presentation = held[token] {
            giveBackHold(presentation)
        } else if let presentation = waitingByToken.removeValue(forKey: token) {
            switch presentation.place {
            case .moving, .held: break
            case .queued: leaveQueue(presentation)
            case .awaiting(let row, let holdsLease):
                leaveAwaited(presentation, row: row)
                if holdsLease { giveBackLease(presentation) }
            }
            presentation.place = .moving
        }
    }
}
