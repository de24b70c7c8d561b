import Glibc

/// The one thread that writes: waits for the process lock, opens the store, takes up what is open, then serves letters until `stop`.
struct LedgerThread: Sendable {
    /// How often the lock is tried while another process holds it.
    static let lockTryNanoseconds: UInt64 = 50_000_000

    let configuration: LedgerConfiguration
    let clock: any LedgerClock
    let mailbox: Mailbox
    let board: HealthBoard

    /// Starts the thread. Signals stay with the threads that were made for them.
    func start() -> pthread_t {
        let body = Unmanaged.passRetained(Body(self))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().thread.run()
                return nil
            }, body.toOpaque())
        precondition(code == 0, "the ledger's thread cannot be made: \(String(cString: strerror(code)))")
        return thread
    }

    private final class Body {
        let thread: LedgerThread
        init(_ thread: LedgerThread) { self.thread = thread }
    }

    private func run() {
        var queued: [Letter] = []
        if let lock = waitForLock(&queued) {
            serve(&queued)
            withExtendedLifetime(lock) {}
        }
        for letter in queued { letter.answerUnavailable("the gateway is stopping") }
        for letter in mailbox.close() { letter.answerUnavailable("the gateway is stopping") }
        board.set(.stopped)
    }

    /// Nil when told to stop before the lock was free, or when there is no lock to be had.
    private func waitForLock(_ queued: inout [Letter]) -> ProcessLock? {
        var arrivals: [UInt64] = []
        // Who asks what is to be watched means the ledger that this process will hold.
        var questions: [Letter] = []
        defer { queued.append(contentsOf: questions) }
        var batch: [Letter] = []
        while true {
            switch ProcessLock.tryLock(ledger: configuration.path) {
            case .held(let lock): return lock
            case .taken: board.set(.waitingForLock)
            case .impossible(let reason):
                serveUnavailable(reason, &queued)
                return nil
            }
            mailbox.take(&batch, until: clock.monotonicNanoseconds() + Self.lockTryNanoseconds)
            let now = clock.monotonicNanoseconds()
            for letter in batch {
                switch letter {
                case .admit:
                    queued.append(letter)
                    arrivals.append(now)
                case .callerGone(let token):
                    if let at = queued.firstIndex(where: { $0.isAdmission(token) }) {
                        queued.remove(at: at)
                        arrivals.remove(at: at)
                    }
                case .watched: questions.append(letter)
                case .stop: return nil
                default: letter.answerUnavailable("another process holds the ledger \(configuration.path)")
                }
            }
            let waitNanoseconds = UInt64(min(max(configuration.lockWaitMilliseconds, 0), 86_400_000)) * 1_000_000
            while let first = arrivals.first, first + waitNanoseconds <= now {
                arrivals.removeFirst()
                queued.removeFirst().answerUnavailable("another process holds the ledger \(configuration.path)")
            }
        }
    }

    private func serve(_ letters: inout [Letter]) {
        let core: LedgerCore
        do throws(StoreFault) {
            let store = try Store(path: configuration.path, now: clock.unixSeconds())
            board.tell(try Recovery.run(store, now: clock.unixSeconds()))
            try store.tally.open(configuration.bounds)
            core = LedgerCore(store: store, clock: clock, mailbox: mailbox)
            if let keep = configuration.keepSeconds {
                core.retention = Retention(
                    store, keepSeconds: max(keep, configuration.longestWindowSeconds), now: clock.monotonicNanoseconds()
                )
            }
        } catch {
            serveUnavailable(error.description, &letters)
            return
        }
        board.set(.ready)
        var heads = HeadNotices(now: clock.monotonicNanoseconds())
        while true {
            let stops = letters.contains { $0.isStop }
            if core.run(letters) {
                board.set(core.failure.map { .unavailable(reason: $0) } ?? .ready)
                letters.removeAll(keepingCapacity: true)
            } else {
                turnAwayAdmissions(&letters)
            }
            if stops { break }
            let head = core.store.journal.head
            if heads.isDue(head, now: clock.monotonicNanoseconds()) { board.tell(head) }
            if letters.isEmpty {
                let deadlines = [core.nextDeadline, heads.deadline(for: head)].compactMap(\.self)
                mailbox.take(&letters, until: deadlines.min())
            } else {
                var more: [Letter] = []
                mailbox.take(&more, until: clock.monotonicNanoseconds())
                letters.append(contentsOf: more)
            }
        }
        core.stop()
        if heads.isNews(core.store.journal.head) { board.tell(core.store.journal.head) }
    }

    /// Another program holds SQLite's write lock: new payments are turned away, while what exchanges have to say is kept.
    private func turnAwayAdmissions(_ letters: inout [Letter]) {
        board.set(.busy)
        letters.removeAll { letter in
            guard letter.isAdmission else { return false }
            letter.answerUnavailable("another program is writing to the ledger")
            return true
        }
    }

    private func serveUnavailable(_ reason: String, _ letters: inout [Letter]) {
        board.set(.unavailable(reason: reason))
        while true {
            for letter in letters { letter.answerUnavailable(reason) }
            if letters.contains(where: { $0.isStop }) { break }
            mailbox.take(&letters, until: nil)
        }
        letters = []
    }
}

extension Letter {
    var isStop: Bool {
        if case .stop = self { return true }
        return false
    }

    var isAdmission: Bool {
        if case .admit = self { return true }
        return false
    }

    var isClaim: Bool {
        if case .claim = self { return true }
        return false
    }

    func isAdmission(_ token: AdmissionToken) -> Bool {
        if case .admit(_, token, _) = self { return true }
        return false
    }
}
