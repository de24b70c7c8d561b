import Synchronization

/// What a person may say about a claim that waits for one.
public enum ClaimResolution: String, CaseIterable, Sendable {
    /// `owed` → `delivered`: the caller got it by other means.
    case delivered
    /// `unknown` → `owed`: the money came.
    case owed
    /// `unknown` → `failed`: it did not and will not.
    case failed
}

public enum ResolveOutcome: Hashable, Sendable {
    case done
    case notFound
    /// The claim is in a state that this resolution does not fit.
    case refused(ClaimState)
    case unavailable(reason: String)
}

/// Where the ledger lives and who else may be there.
public struct LedgerConfiguration: Sendable {
    /// The database; `-wal`, `-shm` and `.lock` files stand beside it.
    public var path: String
    /// How long a paid request waits while another process holds the ledger.
    public var lockWaitMilliseconds = 30_000

    public init(path: String) { self.path = path }
}

/// The one door to the money: every method may be called from any thread, returns at once, and answers by its closure on the
/// ledger's thread, after what it says is on disk. The closure posts itself to its own loop and does nothing else there.
public final class Ledger: Sendable {
    let mailbox: Mailbox
    let health_: Mutex<LedgerHealth>
    let lastToken = Atomic<UInt64>(0)

    /// Starts the thread; the file is opened there, so a bad path shows in `health`.
    public init(_ configuration: LedgerConfiguration, clock: any LedgerClock = SystemClock()) {
        mailbox = Mailbox()
        health_ = Mutex(.starting)
    }

    public var health: LedgerHealth { health_.withLock { $0 } }

    /// Steps 3 to 8 for one proven payment. `reply` is called once, except after `callerGone` came while it still waited.
    @discardableResult
    public func admit(_ admission: Admission, reply: @escaping @Sendable (Admitted) -> Void) -> AdmissionToken {
        let token = AdmissionToken(number: lastToken.add(1, ordering: .relaxed).newValue)
        mailbox.post(.admit(admission, token, reply))
        return token
    }

    /// The caller went away. Waiting presentations leave; a claim goes on to its end, and a retry with a fresh nonce waits for it.
    public func callerGone(_ token: AdmissionToken) { mailbox.post(.callerGone(token)) }

    /// `running`, on disk, before the first upstream byte. Needed only where neither the ticket nor its settlement said `mayForward`.
    public func forwarding(_ ticket: Ticket, reply: @escaping @Sendable (Forwarding) -> Void) {
        mailbox.post(.forwarding(ticket.here, reply))
    }

    /// `after`: a whole chargeable answer is held. Settles, and says whether the answer may go. (An answer that is not
    /// charged is `ended(.uncharged)`.)
    public func answered(_ ticket: Ticket, reply: @escaping @Sendable (Settlement) -> Void) {
        mailbox.post(.answerCharged(ticket.here, reply))
    }

    /// `first`: moves the money before the upstream is asked.
    public func settle(_ ticket: Ticket, reply: @escaping @Sendable (Settlement) -> Void) {
        mailbox.post(.settle(ticket.here, reply))
    }

    /// The exchange is over. The lease is free at once; the row follows within 50 ms, or with the next commit.
    public func ended(_ ticket: Ticket, _ end: ExchangeEnd) {
        mailbox.post(.ended(ticket.here, end))
    }

    /// A person's word on a claim that waits for one.
    public func resolve(
        _ id: ClaimID, as resolution: ClaimResolution, reply: @escaping @Sendable (ResolveOutcome) -> Void
    ) {
        mailbox.post(.resolve(id, resolution, reply))
    }

    /// Commits what is there, answers what waits with `unavailable`, lets go of the lock, and joins the thread.
    public func stop() { mailbox.post(.stop) }
}
