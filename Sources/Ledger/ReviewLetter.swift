import Bytes

/// What the ledger thread is asked about reviews.
enum ReviewLetter: Sendable {
    case hold(
        HoldName, ReviewRequest, why: String, url: Bytes32, ReviewLimits, @Sendable (ReviewHeld) -> Void)
    case poll(url: Bytes32, AdmissionToken, @Sendable (ReviewStanding) -> Void)
    case decide(ClaimID, ReviewDecision, @Sendable (ReviewDecided) -> Void)
    case take(atMost: Int, @Sendable ([ReviewRun], _ more: Bool) -> Void)
    case runEnded(row: Int64, refusal: String?)
    case list(limit: Int, @Sendable ([ReviewRecord]?) -> Void)

    /// The answer of a ledger that takes nothing.
    func answerUnavailable(_ reason: String) {
        switch self {
        case .hold(_, _, _, _, _, let reply): reply(.otherwise(.unavailable(reason: reason)))
        case .poll(_, _, let reply): reply(.unavailable(reason: reason))
        case .decide(_, _, let reply): reply(.unavailable(reason: reason))
        case .take(_, let reply): reply([], true)
        case .runEnded: break
        case .list(_, let reply): reply(nil)
        }
    }
}

extension Ledger {
    /// Has a payment wait for a person, with its request: both are on disk when this answers, and the lease is free. A request that
    /// waits already is not stored again, it only gets one more URL.
    ///
    /// - Parameters:
    ///   - why: the code that `Admitted.review` gave.
    ///   - url: SHA-256 of what makes the URL unguessable.
    public func hold(
        forReview hold: LeaseHold, _ request: ReviewRequest, why: String, url: Bytes32, limits: ReviewLimits,
        reply: @escaping @Sendable (ReviewHeld) -> Void
    ) {
        hold.didEnd()
        post(.review(.hold(hold.name, request, why: why, url: url, limits, reply)))
    }

    /// Where a review stands, by the hash of its URL. An answer that was paid for and not delivered is redeemed by this.
    public func review(url: Bytes32, reply: @escaping @Sendable (ReviewStanding) -> Void) {
        post(.review(.poll(url: url, newToken(), reply)))
    }

    /// A person's word.
    public func decide(_ id: ClaimID, _ decision: ReviewDecision, reply: @escaping @Sendable (ReviewDecided) -> Void) {
        post(.review(.decide(id, decision, reply)))
    }

    /// Approved requests that wait to be run, each given once until its run is let go. `more`: there are others, or there may be soon.
    public func takeApproved(atMost count: Int, reply: @escaping @Sendable ([ReviewRun], _ more: Bool) -> Void) {
        post(.review(.take(atMost: count, reply)))
    }

    /// The run is over. `refusal`: the stored authorization will not do, for this reason; the review then waits for another payment.
    public func ended(_ run: ReviewRun, refusal: String?) {
        run.didEnd()
        post(.review(.runEnded(row: run.id.row, refusal: refusal)))
    }

    /// Undecided and approved reviews, the oldest first; nil where the ledger takes nothing.
    public func reviews(limit: Int, reply: @escaping @Sendable ([ReviewRecord]?) -> Void) {
        post(.review(.list(limit: limit, reply)))
    }
}
