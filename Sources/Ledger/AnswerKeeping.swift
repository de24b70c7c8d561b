/// Answers that are kept, given again, and erased when their time is over.
extension LedgerCore {
    /// Between two steps of erasing.
    static let erasePauseNanoseconds: UInt64 = 5_000_000
    /// How long erasing may sleep: the wall clock may be set in between.
    static let eraseSleepSecondsAtMost: Int64 = 60

    func keep(_ answer: StoredAnswer, of attempt: Attempt) throws(StoreFault) {
        guard let entry = entry(attempt) else { return }
        try store.answers.put(answer, of: attempt.row, keepSeconds: entry.keepSeconds, now: unixNow)
        didWrite(durable: false)
        eraseNoLater(inSeconds: entry.keepSeconds)
    }

    /// Erases a few answers whose time is over, in the transaction that is open.
    func eraseAnswersIfDue() throws(StoreFault) {
        guard let due = nextErasure, due <= monotonicNow else { return }
        nextErasure = nil
        if try store.answers.eraseExpired(now: unixNow) {
            didWrite(durable: false)
            nextErasure = monotonicNow + Self.erasePauseNanoseconds
        } else if let earliest = try store.answers.earliestExpiry() {
            eraseNoLater(inSeconds: earliest.subtractingSaturated(unixNow))
        }
    }

    private func eraseNoLater(inSeconds seconds: Int64) {
        let sleep = UInt64(min(max(seconds, 1), Self.eraseSleepSecondsAtMost)) * 1_000_000_000
        nextErasure = min(nextErasure ?? .max, monotonicNow + sleep)
    }

    /// The payment comes again with its identifier and was delivered. Nil where its answer is kept no more.
    func given(_ claim: ClaimRecord, to admission: Admission) throws(StoreFault) -> Admitted? {
        guard claim.state == .delivered, claim.isIdentified(by: admission),
            let answer = try store.answers.answer(of: claim.id.row, keptAt: unixNow)
        else { return nil }
        return .stored(answer, transaction: claim.transaction ?? "")
    }

    /// What comes of an owed claim whose own payment comes again with its identifier; the lease is held.
    func redeemOwn(
        _ claim: ClaimRecord, _ presentation: Presentation, _ wallet: WalletState
    ) throws(StoreFault) {
        let admission = presentation.admission
        let since = unixNow.subtractingSaturated(admission.redeliverForSeconds)
        guard let owedAt = claim.owedAt, owedAt >= since, claim.mayBeGiven(for: admission) else {
            return turnAway(presentation, wallet, .refused(code: Self.used))
        }
        let answer = try store.answers.answer(of: claim.id.row)
        if answer != nil || claim.mayRerun(by: admission) && claim.reruns < ClaimRecord.rerunsAllowed {
            try redeem(claim, presentation, wallet, answer)
        } else if claim.reruns < ClaimRecord.rerunsAllowed {
            turnAway(presentation, wallet, .outcomeUnknown(transaction: claim.transaction ?? ""))
        } else {
            turnAway(presentation, wallet, .refused(code: Self.used))
        }
    }
}

extension ClaimRecord {
    /// It comes for what this claim was made for, with the identifier that came with it.
    func isIdentified(by admission: Admission) -> Bool {
        paymentID != nil && paymentID == admission.paymentID && binding == admission.binding
    }

    /// Play money has paid for it: no reason to give a real payment's answer away.
    func mayBeGiven(for admission: Admission) -> Bool {
        facilitator != .sandbox || admission.facilitator == .sandbox
    }
}
