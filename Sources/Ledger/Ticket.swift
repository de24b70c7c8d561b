import Synchronization

/// The right to work on one claim, for one attempt: held by the exchange from `claimed` or `redeemed` until `ended`.
///
/// A ticket that is let go without an end is reported as lost, and the claim goes on as after a crash: a lease cannot leak.
public final class Ticket: Sendable {
    public let id: ClaimID
    /// 1 for the first presentation, one more for every further one and for every rerun.
    public let attempt: Int
    /// For `Ledger.callerGone`.
    public let token: AdmissionToken
    /// The claim is `running` on disk: the upstream may be asked at once. Otherwise ask `Ledger.settle`.
    public let mayForward: Bool
    private let mailbox: Mailbox
    private let hasEnded = Atomic(false)

    init(id: ClaimID, attempt: Int, token: AdmissionToken, mayForward: Bool, mailbox: Mailbox) {
        self.id = id
        self.attempt = attempt
        self.token = token
        self.mayForward = mayForward
        self.mailbox = mailbox
    }

    deinit {
        if !hasEnded.load(ordering: .relaxed) { mailbox.post(.lost(here)) }
    }

    /// For `Idempotency-Key` upstream.
    public var idempotencyKey: String { id.idempotencyKey }

    var here: Attempt { Attempt(row: id.row, number: attempt) }

    func didEnd() { hasEnded.store(true, ordering: .relaxed) }
}

/// One attempt at one claim, as messages name it without holding the ticket.
struct Attempt: Hashable, Sendable {
    let row: Int64
    let number: Int
}
