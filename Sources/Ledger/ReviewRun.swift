import Synchronization

/// The right to run one approved request with the authorization that waits for it, given to one at a time. Let go without
/// `Ledger.ended`, it is given again.
public final class ReviewRun: Sendable {
    public let id: ClaimID
    public let request: ReviewRequest
    /// As it waits: the terms are those that its payer signed for.
    public let claim: ClaimRecord
    private let mailbox: Mailbox
    private let hasEnded = Atomic(false)

    init(_ claim: ClaimRecord, _ request: ReviewRequest, mailbox: Mailbox) {
        id = claim.id
        self.claim = claim
        self.request = request
        self.mailbox = mailbox
    }

    deinit {
        if !hasEnded.load(ordering: .relaxed) { mailbox.post(.review(.runEnded(row: id.row, refusal: nil))) }
    }

    func didEnd() { hasEnded.store(true, ordering: .relaxed) }
}
