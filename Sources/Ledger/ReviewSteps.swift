import Bytes

/// What waits for a person, and what becomes of it.
extension LedgerCore {
    static let reviewRejected = "review_rejected"
    static let reviewExpired = "review_expired"
    /// Some other wallet, or another request, at a review's URL.
    static let reviewOfAnother = "review_wallet_mismatch"
    /// It ran, and its answer was not one to be charged.
    static let reviewUncharged = "review_run_uncharged"
    /// Why a payment is asked about again that waits already.
    static let inReview = "in_review"

    func handle(_ letter: ReviewLetter) throws(StoreFault) {
        switch letter {
        case .hold(let hold, let request, let why, let url, let limits, let reply):
            try holdForReview(hold, request, why: why, url: url, limits, reply)
        case .poll(let url, let token, let reply):
            let standing = try standing(url, token)
            outbox.put({ reply(standing) }, otherwise: { reply(.unavailable(reason: $0)) })
        case .decide(let id, let decision, let reply):
            let decided = try decide(id, decision)
            outbox.put({ reply(decided) }, otherwise: { reply(.unavailable(reason: $0)) })
        case .take(let count, let reply):
            let (runs, more) = try takeApproved(atMost: count)
            outbox.put({ reply(runs, more) }, otherwise: { _ in reply([], true) })
        case .runEnded(let row, let refusal): try reviewRunEnded(row, refusal)
        case .list(let limit, let reply):
            let reviews = try store.listReviews(limit: limit)
            outbox.put({ reply(reviews) }, otherwise: { _ in reply(nil) })
        }
    }

    // MARK: Waiting

    private func holdForReview(
        _ name: HoldName, _ request: ReviewRequest, why: String, url: Bytes32, _ limits: ReviewLimits,
        _ reply: @escaping @Sendable (ReviewHeld) -> Void
    ) throws(StoreFault) {
        let held: ReviewHeld
        if let presentation = takeHeld(name) {
            // What waits for a person holds no lease.
            giveBackHold(presentation)
            held = try enterReview(presentation.admission, request, why: why, url: url, limits)
        } else {
            held = .otherwise(.leaseBusy(.timedOut, retryAfterSeconds: 1))
        }
        outbox.put({ reply(held) }, otherwise: { reply(.otherwise(.unavailable(reason: $0))) })
    }

    private func enterReview(
        _ admission: Admission, _ request: ReviewRequest, why: String, url: Bytes32, _ limits: ReviewLimits
    ) throws(StoreFault) -> ReviewHeld {
        try sweepReviews()
        let known = try store.claim(admission.key)
        if let known {
            guard known.binding == admission.binding else { return .otherwise(.refused(code: Self.used)) }
            switch known.state {
            case .waiting:
                if let review = try store.reviews.review(claim: known.id.row) { return try addURL(url, to: review) }
            case .void:
                if let review = try store.reviews.review(claim: known.id.row), review.state == .rejected {
                    return .rejected(remark: review.remark)
                }
            case .claimed, .running, .answered, .sent, .settled:
                return .otherwise(.stillInFlight(retryAfterSeconds: 5))
            case .unknown: return .otherwise(.pending(transaction: known.transaction ?? ""))
            case .delivered, .owed, .failed: return .otherwise(.refused(code: Self.used))
            }
        }
        // A retry with a fresh nonce means the same purchase.
        if let open = try store.reviews.open(admission.key.wallet, binding: admission.binding) {
            return try addURL(url, to: open)
        }
        if try store.reviews.openCount(of: admission.key.wallet) >= limits.perWallet { return .full(ofWallet: true) }
        if try store.reviews.openCount() >= limits.total { return .full(ofWallet: false) }
        let claim = try putToWait(admission, known)
        try store.reviews.insert(claim, request, why: why, keepSeconds: limits.keepSeconds, now: unixNow)
        return try addURL(url, to: claim.id)
    }

    private func addURL(_ url: Bytes32, to review: ReviewRow) throws(StoreFault) -> ReviewHeld {
        try addURL(url, to: ClaimID(row: review.claim, ledger: store.mark))
    }

    private func addURL(_ url: Bytes32, to id: ClaimID) throws(StoreFault) -> ReviewHeld {
        guard try store.reviews.addURL(url, to: id.row) else { return .full(ofWallet: true) }
        didWrite(durable: true)
        return .waiting(id, position: try store.reviews.waitingCount())
    }

    /// The claim as it waits. A void one of the same authorization begins anew.
    private func putToWait(_ admission: Admission, _ known: ClaimRecord?) throws(StoreFault) -> ClaimRecord {
        var claim = ClaimRecord(admission, ledger: store.mark, now: unixNow)
        claim.machine = ClaimMachine(order: admission.order, reviewed: true)
        // No bound counts what may never run.
        claim.policies = ""
        try write(&claim, asAttemptOf: known)
        return claim
    }

    // MARK: Deciding

    private func decide(_ id: ClaimID, _ decision: ReviewDecision) throws(StoreFault) -> ReviewDecided {
        try sweepReviews()
        guard id.ledger == store.mark, let review = try store.reviews.review(claim: id.row) else { return .notFound }
        guard review.state == .waiting, var claim = try store.claim(row: id.row) else { return .already(review.state) }
        let isGood = claim.validBefore > unixNow
        switch decision {
        case .approve:
            try store.reviews.decide(id.row, .approved, remark: nil, now: unixNow)
            if !isGood { try end(&claim, .windowOver, Self.windowTooShort) }
        case .reject(let remark):
            try store.reviews.decide(id.row, .rejected, remark: remark, now: unixNow)
            try end(&claim, .denied, Self.reviewRejected)
        }
        didWrite(durable: true)
        return decision == .approve ? .approved(runs: isGood && claim.state == .waiting) : .rejected
    }

    /// What waited will not run with this authorization.
    func end(_ claim: inout ClaimRecord, _ event: ClaimEvent, _ reason: String) throws(StoreFault) {
        guard claim.state == .waiting, apply(event, to: &claim) else { return }
        claim.reason = reason
        try save(claim, durable: true)
        wake(claim.id.row)
    }

    /// Ends what nobody decided upon in time, and forgets what was decided long ago; some at a time.
    func sweepReviews() throws(StoreFault) {
        for review in try store.reviews.over(now: unixNow) {
            guard var claim = try store.claim(row: review.claim) else { continue }
            try end(&claim, .denied, Self.reviewExpired)
            if review.state == .waiting {
                try store.reviews.decide(review.claim, .expired, remark: nil, now: unixNow)
            } else if inFlight[review.run] == nil {
                try store.reviews.delete(review.claim)
            }
            didWrite(durable: false)
        }
    }

    // MARK: Running

    private func takeApproved(atMost count: Int) throws(StoreFault) -> (runs: [ReviewRun], more: Bool) {
        try sweepReviews()
        var runs: [ReviewRun] = []
        let approved = try store.reviews.approvedToRun()
        for review in approved where !reviewsGiven.contains(review.claim) {
            guard var claim = try store.claim(row: review.claim) else { continue }
            if claim.validBefore <= unixNow {
                try end(&claim, .windowOver, Self.windowTooShort)
            } else if runs.count < count, let request = try store.reviews.request(of: review.claim) {
                reviewsGiven.insert(review.claim)
                runs.append(ReviewRun(claim, request, mailbox: mailbox))
            }
        }
        return (runs, !approved.isEmpty)
    }

    private func reviewRunEnded(_ row: Int64, _ refusal: String?) throws(StoreFault) {
        reviewsGiven.remove(row)
        guard let refusal, var claim = try store.claim(row: row) else { return }
        try end(&claim, refusal == Self.windowTooShort ? .windowOver : .denied, refusal)
    }

    /// What a review says to a payment that comes by it, the lease being held; true where that was the answer. An approval lets one
    /// request run once.
    func reviewDecides(
        _ presentation: Presentation, _ wallet: WalletState, known: ClaimRecord?
    ) throws(StoreFault) -> Bool {
        guard let pass = presentation.admission.review else { return false }
        let admission = presentation.admission
        let said: Admitted?
        if pass.review.ledger == store.mark, let review = try store.reviews.review(claim: pass.review.row),
            review.state == .approved, review.wallet == admission.key.wallet, review.binding == admission.binding
        {
            switch pass {
            case .stored(let id): said = try judgeStored(admission, wallet, known?.id == id ? known : nil)
            case .paid:
                let run = try run(of: review)
                if run?.state == .owed, try redeemOrAwait(presentation, wallet) { return true }
                said = run.map(Self.judgePaid) ?? .refused(code: Self.reviewOfAnother)
            }
        } else {
            said = .refused(code: Self.reviewOfAnother)
        }
        guard let said else { return false }
        turnAway(presentation, wallet, said)
        return true
    }

    /// What is owed for the same request is redeemed before anything else is charged: the person's word then waits for that.
    private func judgeStored(
        _ admission: Admission, _ wallet: WalletState, _ known: ClaimRecord?
    ) throws(StoreFault) -> Admitted? {
        guard known?.state == .waiting else { return .refused(code: Self.used) }
        let since = unixNow - admission.redeliverForSeconds
        if try !store.claimsToRedeem(wallet.wallet, binding: admission.binding, owedSince: since).isEmpty {
            return .refused(code: Self.used)
        }
        return wallet.exchangeToAwait(for: admission) == nil ? nil : .stillInFlight(retryAfterSeconds: 1)
    }

    private static func judgePaid(_ run: ClaimRecord) -> Admitted? {
        switch run.state {
        case .void, .failed: nil
        case .owed: .outcomeUnknown(transaction: run.transaction ?? "")
        case .unknown: .pending(transaction: run.transaction ?? "")
        // Whoever asks again, without paying, gets its answer.
        case .waiting, .claimed, .running, .answered, .sent, .settled, .delivered: .stillInFlight(retryAfterSeconds: 1)
        }
    }

    /// Nobody waits for what ran after a review: its answer is kept as long as the review is. 0 for any other.
    func reviewKeepSeconds(_ admission: Admission) throws(StoreFault) -> Int64 {
        guard let pass = admission.review else { return 0 }
        return try store.reviews.review(claim: pass.review.row)?.keepSeconds ?? 0
    }

    /// The claim that the request is paid with, as it is by now.
    func run(of review: ReviewRow) throws(StoreFault) -> ClaimRecord? {
        if let entry = inFlight[review.run] { return entry.claim }
        return try store.claim(row: review.run)
    }
}
