/// How a claim takes up what happens to it: the machine's word, and what a row keeps beside it.
extension ClaimRecord {
    /// Moves as the machine says; unchanged where it refuses.
    mutating func apply(_ event: ClaimEvent, now: Int64) -> ClaimOutcome {
        let outcome = machine.on(event)
        switch outcome {
        case .refused: break
        case .stayed(let actions): watch(as: actions)
        case .moved(let next, let actions):
            machine = next
            updatedAt = now
            if next.state == .owed && owedAt == nil { owedAt = now }
            // An answer is here: whatever its settlement comes to, the upstream has seen the request.
            if next.state == .answered { requestBytesWritten = true }
            watch(as: actions)
        }
        return outcome
    }

    /// The sandbox has no chain to watch.
    private mutating func watch(as actions: [ClaimAction]) {
        guard facilitator != .sandbox else { return }
        if actions.contains(.watchChain) || actions.contains(.watchFinality) { isWatched = true }
    }

    /// False, and unchanged, where the evidence does not fit. Evidence that came before, or contradicts what is known already,
    /// changes no state.
    mutating func learn(_ evidence: Evidence, now: Int64) -> Bool {
        switch evidence {
        case .settled(let transaction, let block, let gasWei): learnSettled(transaction, block, gasWei, now: now)
        case .refused(let code, let gasWei): learnRefused(code, gasWei, now: now)
        case .unknown(let transaction): learnUnknown(transaction, now: now)
        case .reorganized: learnReorganized(now: now)
        case .final: learnFinal()
        }
    }

    private mutating func learnSettled(
        _ transaction: String, _ block: UInt64?, _ gasWei: UInt128?, now: Int64
    ) -> Bool {
        let wasPaid = machine.isPaid
        answerIfRunning(now: now)
        if case .refused = apply(.settled, now: now) { return false }
        if !wasPaid && state == .settled && order == .first { _ = apply(.forwarded, now: now) }
        // A second transaction can be no second payment: the chain uses an authorization once. It counts where the first was taken
        // back.
        if !wasPaid || reorganizedAt != nil { self.transaction = transaction }
        if self.transaction == transaction {
            evidenceBlock = block
            reorganizedAt = nil
            self.gasWei = gasWei ?? self.gasWei
        }
        return true
    }

    private mutating func learnRefused(_ code: String, _ gasWei: UInt128?, now: Int64) -> Bool {
        answerIfRunning(now: now)
        switch apply(.settlementRefused, now: now) {
        case .refused: return false
        case .stayed: return true
        case .moved:
            reason = code
            self.gasWei = gasWei ?? self.gasWei
            return true
        }
    }

    /// Under `after` a settlement is judged while an answer is held, and `answered` has no commit of its own. Should the upstream be
    /// at work still, a payment that came is owed when the exchange ends otherwise, and one that failed pays for no answer.
    private mutating func answerIfRunning(now: Int64) {
        if state == .running && !machine.isPaid { _ = apply(.answerCharged, now: now) }
    }

    private mutating func learnUnknown(_ transaction: String?, now: Int64) -> Bool {
        if case .refused = apply(.settlementUnknown, now: now) { return false }
        self.transaction = transaction ?? self.transaction
        return true
    }

    private mutating func learnReorganized(now: Int64) -> Bool {
        if case .refused = apply(.reorganized, now: now) { return false }
        if machine.isPaid {
            reorganizedAt = reorganizedAt ?? now
            evidenceBlock = nil
        }
        return true
    }

    private mutating func learnFinal() -> Bool {
        guard machine.isPaid || state == .failed else { return false }
        isWatched = false
        return true
    }
}
