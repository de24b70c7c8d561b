import Glibc
import Synchronization

/// Where the ledger lives and who hears of it.
public struct LedgerConfiguration: Sendable {
    /// The database; `-wal`, `-shm` and `.lock` files stand beside it.
    public var path: String
    /// How long a paid request waits while another process holds the ledger.
    public var lockWaitMilliseconds = 30_000
    /// The policies whose counters are to stand before the ledger is ready. Others are counted up from the rows when a payment first
    /// names them, which for a long window may take a second.
    public var bounds: [BoundPolicy] = []
    /// How long claims at rest are kept, and the journal with them; never shorter than a window of `bounds`. Nil: for ever.
    public var keepSeconds: Int64?
    /// Called on the ledger's thread; for the log.
    public var notice: (@Sendable (LedgerNotice) -> Void)?

    public init(path: String) { self.path = path }

    /// Of `bounds`: what is counted in it is read from claims.
    var longestWindowSeconds: Int64 {
        let windows = bounds.flatMap {
            [
                $0.walletRate?.windowSeconds, $0.walletSpend?.windowSeconds, $0.everyoneRate?.windowSeconds,
                $0.everyoneSpend?.windowSeconds,
            ]
        }
        return Int64(windows.compactMap(\.self).max() ?? 0)
    }
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
        let token = newToken()
        post(.admit(admission, token, reply))
        return token
    }

    /// Steps 6 to 8 for a payment that was found good: what `admit` looked up is looked up again in the claim's transaction, so the
    /// answer may be any of `admit`'s. It is `.verify` once more where what is in flight had to rest first.
    ///
    /// - Parameter balanceAtomic: the payer's balance of the asset as read after the hold was given; for a remote facilitator
    ///   without reads of the chain the amount itself, the least that is known. Nil where it was not read because the hold was
    ///   alone: the payment would settle; where others came in between, the answer is `.verify` again.
    public func claim(
        _ hold: LeaseHold, balanceAtomic: UInt128?, reply: @escaping @Sendable (Admitted) -> Void
    ) {
        hold.didEnd()
        post(.claim(hold.name, balanceAtomic: balanceAtomic, reply))
    }

    /// The payment was not found good, or could not be looked at: the lease is free, nothing was claimed.
    public func release(_ hold: LeaseHold) {
        hold.didEnd()
        post(.release(hold.name))
    }

    /// The caller went away. A hold gives its lease back. A waiting presentation leaves and gets no reply; a claim goes on to its end (its reply comes all the
    /// same), and a retry with a fresh nonce waits for it.
    public func callerGone(_ token: AdmissionToken) { post(.callerGone(token)) }

    /// `running`, on disk, before the first upstream byte. Needed only where neither the ticket nor its settlement said
    /// `mayForward`: after `settle(forwardsLater: true)`.
    public func forwarding(_ ticket: Ticket, reply: @escaping @Sendable (Forwarding) -> Void) {
        post(.forwarding(ticket.here, reply))
    }

    /// The upstream's whole answer, to be kept with the claim: to be said before `answered`, `sending` or `ended`, with whose commit it
    /// is on disk. Kept for the admission's `redeliverForSeconds`; a later one takes the place of an earlier one.
    public func store(_ ticket: Ticket, _ answer: StoredAnswer) { post(.store(ticket.here, answer)) }

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

    /// Before money is sent: `sent` is on disk with the transaction, in one commit. Under `after` a whole chargeable answer is held
    /// (`running` → `answered` → `sent`), under `first` nothing was asked of the upstream yet (`claimed` → `sent`).
    ///
    /// - Parameter transaction: the relayer's; nil, and only then, where a remote facilitator sends.
    public func sending(
        _ ticket: Ticket, transaction: SentTransaction?, reply: @escaping @Sendable (Sending) -> Void
    ) {
        post(.sending(ticket.here, transaction, reply))
    }

    /// The same for several claims that one transaction of the relayer's carries: all of them are `sent` in one commit, or none.
    public func sending(
        _ tickets: [Ticket], together transaction: SentTransaction, reply: @escaping @Sendable (BatchSending) -> Void
    ) {
        post(.sendingTogether(tickets.map(\.here), transaction, reply))
    }

    /// A replacement of a claim's transaction, of one that carries several as well, by one with the same relayer and nonce: on disk when this answers true, and only then
    /// to be broadcast. False where the claim was never sent with this nonce, or the ledger takes nothing.
    public func replacing(
        _ claim: ClaimID, with transaction: SentTransaction, reply: @escaping @Sendable (Bool) -> Void
    ) {
        post(.replacing(claim, transaction, reply))
    }

    /// What was learned of a claim's money, at any time, in any order, any number of times: what does not fit changes nothing.
    /// Under `first`, `.settled` writes `running` with it, as `settle` does.
    public func evidence(
        _ claim: ClaimID, _ evidence: Evidence, reply: @escaping @Sendable (EvidenceOutcome) -> Void
    ) {
        post(.evidence(claim, evidence, reply))
    }

    /// Every claim whose truth on its chain is not final, oldest first; none where the ledger takes nothing. Where another process
    /// holds the ledger, the answer comes when this one has taken it over.
    public func watched(reply: @escaping @Sendable ([WatchedClaim]) -> Void) { post(.watched(reply)) }

    /// The exchange is over, however it ended: to be said once for every ticket, except after `Settlement.refused` or `.pending`
    /// and `Sending.refused`. The
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

    func newToken() -> AdmissionToken {
        AdmissionToken(number: lastToken.add(1, ordering: .relaxed).newValue)
    }

    func post(_ letter: Letter) {
        if !mailbox.post(letter) { letter.answerUnavailable("the gateway is stopping") }
    }
}
