import DequeModule

/// The ledger without its thread: letters in, one transaction for all of them, answers out. Owns leases, queues, reservations and
/// the exchanges in flight; what is at rest it reads from the store each time.
final class LedgerCore {
    /// How long a row may lag behind what nobody waits for (an exchange's end).
    static let lazyCommitNanoseconds: UInt64 = 3_000_000
    /// How long the same payment, or a retry of it, waits for an exchange in flight.
    static let awaitNanoseconds: UInt64 = 30_000_000_000
    /// How long a wallet's lease is kept for a payment that is being verified.
    static let holdNanoseconds: UInt64 = 60_000_000_000
    /// How far the blocks that a reading shows may lag behind the clock.
    static let chainLagSeconds: Int64 = 60
    /// Copies that may wait for one claim; the next is told at once that it is in flight.
    static let copiesWaiting = 1024

    let store: Store
    let clock: any LedgerClock
    let mailbox: Mailbox
    private let steadyClock: SteadyClock

    var wallets: [Wallet: WalletState] = [:]
    var inFlight: [Int64: InFlight] = [:]
    var inFlightByToken: [AdmissionToken: InFlight] = [:]
    /// Every presentation that has no answer yet, wherever it is.
    var waitingByToken: [AdmissionToken: Presentation] = [:]
    /// Every presentation that was told to verify and has not come back.
    var held: [AdmissionToken: Presentation] = [:]
    /// When each hold is over, in monotonic nanoseconds.
    var holdEnds: Deque<(end: UInt64, hold: HoldName)> = []
    /// By the row of the claim they wait for, first come first.
    var awaiting: [Int64: [Presentation]] = [:]
    var deadlines = DeadlineHeap()
    /// Presentations whose claim came to its end, to be looked at anew.
    var awake: Deque<Presentation> = []
    /// Wallets where a lease or a reservation may have become free.
    var toPump: Deque<WalletState> = []
    /// Approved requests that are being run, by the row of the review.
    var reviewsGiven: Set<Int64> = []
    var outbox = Outbox()
    var transactions = SandboxTransactions()
    /// When answers are to be erased next, in monotonic nanoseconds: at the first turn, and while any are kept.
    var nextErasure: UInt64? = 0

    /// Nil: everything is kept.
    var retention: Retention?

    var unixNow: Int64 = 0
    var monotonicNow: UInt64 = 0
    /// Some answer in the outbox speaks of what this transaction wrote.
    var needsCommit = false
    /// When the open transaction first wrote something.
    private var dirtySince: UInt64?
    /// Set once, by the first fault of the store; from then on nothing is read or written.
    private(set) var failure: String?

    init(store: Store, clock: any LedgerClock, mailbox: Mailbox) {
        self.store = store
        self.clock = clock
        self.mailbox = mailbox
        steadyClock = SteadyClock(second: store.tally.now, monotonicNanoseconds: clock.monotonicNanoseconds())
    }

    /// When `run` wants to be called even with no letters: a waiting ends, or lazy rows become due.
    var nextDeadline: UInt64? {
        if failure != nil { return nil }
        var earliest = dirtySince.map { $0 + Self.lazyCommitNanoseconds }
        if let waiting = deadlines.earliest { earliest = min(waiting, earliest ?? waiting) }
        if let hold = holdEnds.first { earliest = min(hold.end, earliest ?? hold.end) }
        if let nextErasure { earliest = min(nextErasure, earliest ?? nextErasure) }
        if let retention { earliest = min(retention.dueNanoseconds, earliest ?? retention.dueNanoseconds) }
        return earliest
    }

    /// Handles every letter in one transaction and answers after its commit. False, with nothing done, where another process
    /// writes to the file just now: to be called again.
    func run(_ letters: [Letter]) -> Bool {
        if let failure {
            for letter in letters { letter.answerUnavailable(failure) }
            return true
        }
        unixNow = clock.unixSeconds()
        monotonicNow = clock.monotonicNanoseconds()
        store.tally.now = steadyClock.second(at: monotonicNow)
        var next = 0
        var isHandling = false
        do throws(StoreFault) {
            do throws(StoreFault) {
                try store.beginIfNeeded()
            } catch  where error.isBusy {
                return false
            }
            for letter in letters {
                isHandling = true
                try handle(letter)
                isHandling = false
                next += 1
                try settleDown()
            }
            while let presentation = deadlines.popDue(now: monotonicNow) {
                try expire(presentation)
                try settleDown()
            }
            expireHolds()
            try settleDown()
            try eraseAnswersIfDue()
            if try retention?.run(unixNow: unixNow, monotonicNow: monotonicNow) == true { didWrite(durable: false) }
            let lazyIsDue = dirtySince.map { monotonicNow >= $0 + Self.lazyCommitNanoseconds } ?? true
            if needsCommit || lazyIsDue {
                try store.commit(at: unixNow)
                dirtySince = nil
                needsCommit = false
            }
            outbox.send()
            try store.checkpointIfDue()
        } catch {
            // A presentation on its way is among those that wait, whom `fail` answers.
            if isHandling, letters[next].isAdmission || letters[next].isClaim { next += 1 }
            fail(error)
            for letter in letters[next...] { letter.answerUnavailable(error.description) }
        }
        return true
    }

    /// Writes what was lazy and answers what waits; claims in flight are taken up again by the next process.
    func stop() {
        if failure == nil {
            do throws(StoreFault) {
                if dirtySince != nil { try store.commit(at: unixNow) }
                try store.close()
            } catch {
                fail(error)
            }
        }
        turnAwayAll("the gateway is stopping")
    }

    /// No payments from here on. Nothing is rolled back or closed: either could write.
    private func fail(_ fault: StoreFault) {
        failure = fault.description
        turnAwayAll(fault.description)
    }

    private func turnAwayAll(_ reason: String) {
        outbox.sendUnavailable(reason)
        for presentation in waitingByToken.values { presentation.reply(.unavailable(reason: reason)) }
        waitingByToken = [:]
        held = [:]
        holdEnds = []
        awaiting = [:]
        awake = []
        toPump = []
        inFlight = [:]
        inFlightByToken = [:]
        wallets = [:]
        deadlines = DeadlineHeap()
    }

    private func handle(_ letter: Letter) throws(StoreFault) {
        switch letter {
        case .admit(let admission, let token, let reply): try present(Presentation(admission, token, reply))
        case .callerGone(let token): callerGone(token)
        case .claim(let hold, let balanceAtomic, let reply): try claim(hold, balanceAtomic, reply)
        case .release(let hold): release(hold)
        case .forwarding(let attempt, let reply): try forwarding(attempt, reply)
        case .store(let attempt, let answer): try keep(answer, of: attempt)
        case .answerCharged(let attempt, let reply): try settle(attempt, .afterAnswer, reply)
        case .settle(let attempt, let forwardsLater, let reply):
            try settle(attempt, .first(forwardsLater: forwardsLater), reply)
        case .sending(let attempt, let transaction, let reply): try sending(attempt, transaction, reply)
        case .sendingTogether(let attempts, let transaction, let reply):
            try sendingTogether(attempts, transaction, reply)
        case .replacing(let id, let transaction, let reply): try replacing(id, transaction, reply)
        case .evidence(let id, let evidence, let reply): try learn(evidence, of: id, reply)
        case .watched(let reply): try watched(reply)
        case .ended(let attempt, let end): try ended(attempt, end)
        case .lost(let attempt): try lost(attempt)
        case .resolve(let id, let resolution, let reply): try resolve(id, resolution, reply)
        case .review(let letter): try handle(letter)
        case .stop: break
        }
    }

    /// Looks anew at whoever the last step set free, until nobody moves.
    private func settleDown() throws(StoreFault) {
        while true {
            if let presentation = awake.popFirst() {
                try resume(presentation)
            } else if let wallet = toPump.popFirst() {
                try pump(wallet)
            } else {
                return
            }
        }
    }

    /// Writes a claim's progress. `durable`: an answer that waits in the outbox depends on it.
    func save(
        _ claim: ClaimRecord, wasAtRest: Bool = false, wasWatched: Bool? = nil, durable: Bool
    ) throws(StoreFault) {
        try store.update(claim, wasAtRest: wasAtRest, wasWatched: wasWatched)
        didWrite(durable: durable)
    }

    func didWrite(durable: Bool) {
        if dirtySince == nil { dirtySince = monotonicNow }
        if durable { needsCommit = true }
    }

    /// Moves the claim as the machine says; false where it does not move.
    func apply(_ event: ClaimEvent, to claim: inout ClaimRecord) -> Bool {
        if case .moved = claim.apply(event, now: unixNow) { true } else { false }
    }
}
