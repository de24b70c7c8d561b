import Glibc
import Synchronization

/// Where the ledger lives and who hears of it.
public struct LedgerConfiguration: Sendable {
    /// The database; `-wal`, `-shm` and `.lock` files stand beside it.
    public var path: String
    /// How long a paid request waits while another process holds the ledger.
    public var lockWaitMilliseconds = 30_000
    /// Called on the ledger's thread; for the log.
    public var notice: (@Sendable (LedgerNotice) -> Void)?

    public init(path: String) { self.path = path }
}

/// The one door to the money: every method may be called from any thread, returns at once, and answers by its closure, on the
/// ledger's thread, after what it says is on disk (on the caller's thread when the ledger has been stopped). The closure posts
/// itself to its own loop and does nothing else where it is called.
public final class Ledger: Sendable {
    private let mailbox = Mailbox()
    private let board: HealthBoard
    private let lastToken = Atomic<UInt64>(0)
    private let thread: Mutex<pthread_t?>

    /// Starts the thread; the file is opened there, so a bad path shows in `health`.
    public init(_ configuration: LedgerConfiguration, clock: any LedgerClock = SystemClock()) {
        board = HealthBoard(notice: configuration.notice)
        thread = Mutex(
            LedgerThread(configuration: configuration, clock: clock, mailbox: mailbox, board: board).start())
    }

    deinit {
        mailbox.post(.stop)
        thread.withLock { if let running = $0 { pthread_detach(running) } }
    }

    /// Readable from any thread at any time.
    public var health: LedgerHealth { board.current }

    /// Steps 3 to 8 for one proven payment. `reply` is called once, except after `callerGone` came while it still waited.
    @discardableResult
    public func admit(
        _ admission: Admission, reply: @escaping @Sendable (Admitted) -> Void
    ) -> AdmissionToken {
        let token = AdmissionToken(number: lastToken.add(1, ordering: .relaxed).newValue)
        post(.admit(admission, token, reply))
        return token
    }

    /// The caller went away. A waiting presentation leaves and gets no reply; a claim goes on to its end (its reply comes all the
    /// same), and a retry with a fresh nonce waits for it.
    public func callerGone(_ token: AdmissionToken) { post(.callerGone(token)) }

    /// `running`, on disk, before the first upstream byte. Needed only where neither the ticket nor its settlement said
    /// `mayForward`: after `settle(forwardsLater: true)`.
    public func forwarding(_ ticket: Ticket, reply: @escaping @Sendable (Forwarding) -> Void) {
        post(.forwarding(ticket.here, reply))
    }

    /// `after`: a whole chargeable answer is held. Settles, and says whether the answer may go. (An answer that is not
    /// charged is `ended(.uncharged)`; a rerun's is `.settled` at once with the old transaction.)
    public func answered(_ ticket: Ticket, reply: @escaping @Sendable (Settlement) -> Void) {
        post(.answerCharged(ticket.here, reply))
    }

    /// `first`: moves the money before the upstream is asked. `running` is written with it, so that the upstream may be asked at
    /// once; after a crash from here on nobody knows whether the upstream has seen the request. With `forwardsLater` the claim
    /// stays `settled` until `forwarding`, and a crash before that leaves a request that may be made again for certain: worth a
    /// second commit where the method is not idempotent.
    public func settle(
        _ ticket: Ticket, forwardsLater: Bool = false, reply: @escaping @Sendable (Settlement) -> Void
    ) {
        post(.settle(ticket.here, forwardsLater: forwardsLater, reply))
    }

    /// The exchange is over, however it ended: to be said once for every ticket, except after `Settlement.refused` or `.pending`. The
    /// lease is free at once; the row follows with the next commit, at most 3 ms later. An end that does not fit the claim's
    /// state (a rerun that is "uncharged") counts as the exchange being lost: what is paid is owed, what is not is void.
    public func ended(_ ticket: Ticket, _ end: ExchangeEnd) {
        ticket.didEnd()
        post(.ended(ticket.here, end))
    }

    /// A person's word on a claim that waits for one.
    public func resolve(
        _ id: ClaimID, as resolution: ClaimResolution, reply: @escaping @Sendable (ResolveOutcome) -> Void
    ) {
        post(.resolve(id, resolution, reply))
    }

    /// Commits what is there, answers what waits with `unavailable`, lets go of the lock, and returns when all that is done. Not
    /// to be called from a reply.
    public func stop() {
        mailbox.post(.stop)
        let joining = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let joining { pthread_join(joining, nil) }
    }

    private func post(_ letter: Letter) {
        if !mailbox.post(letter) { letter.answerUnavailable("the gateway is stopping") }
    }
}
