import Synchronization

/// A wallet's lease while the payment is read against the chain, or shown to a remote facilitator: nothing is claimed yet. Ended by
/// `Ledger.claim` or `Ledger.release`; the ledger takes it back by itself after `LedgerCore.holdNanoseconds`.
///
/// A hold that is let go without either gives its lease back: a lease cannot leak.
public final class LeaseHold: Sendable {
    /// For `Ledger.callerGone`: the admission's own.
    public var token: AdmissionToken { name.token }
    /// Nothing else of the wallet was in flight when it was given: that the payment would settle says enough of its balance.
    public let isAlone: Bool
    let name: HoldName
    private let mailbox: Mailbox
    private let hasEnded = Atomic(false)

    init(name: HoldName, isAlone: Bool, mailbox: Mailbox) {
        self.name = name
        self.isAlone = isAlone
        self.mailbox = mailbox
    }

    deinit {
        if !hasEnded.load(ordering: .relaxed) { mailbox.post(.release(name)) }
    }

    func didEnd() { hasEnded.store(true, ordering: .relaxed) }
}

/// One hold, as messages name it: an admission may be told to verify several times.
struct HoldName: Hashable, Sendable {
    let token: AdmissionToken
    let number: Int
}
