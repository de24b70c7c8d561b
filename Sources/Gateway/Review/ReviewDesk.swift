import EventLoop
import Ledger
import Synchronization

/// Has approved requests run, on whichever loop is next: some at a time, and again later where they could not.
final class ReviewDesk: Sendable {
    static let runsAtOnce = 8
    static let retryNanoseconds: UInt64 = 5_000_000_000

    private struct State {
        var inboxes: [Inbox<Worker>] = []
        var next = 0
        var running = 0
    }

    private let ledger: Ledger
    private let state = Mutex(State())

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// From now on runs go to these loops; what a former process left approved is taken up.
    func open(_ inboxes: [Inbox<Worker>]) {
        state.withLock { $0.inboxes = inboxes }
        take()
    }

    /// Takes what is approved and waits to be run. From any thread.
    func take() {
        let room = state.withLock { $0.inboxes.isEmpty ? 0 : Self.runsAtOnce - $0.running }
        if room <= 0 { return }
        ledger.takeApproved(atMost: room) { [self] runs, more in
            for run in runs { begin(run) }
            if runs.isEmpty && more { takeLater() }
        }
    }

    private func begin(_ run: ReviewRun) {
        let inbox = state.withLock { state in
            state.running += 1
            state.next += 1
            return state.inboxes[state.next % state.inboxes.count]
        }
        inbox.post { $0.run(run) }
    }

    /// - Parameter isSettled: the ledger has the request's outcome; otherwise it is to be run again.
    func ended(isSettled: Bool) {
        state.withLock { $0.running -= 1 }
        if isSettled { take() } else { takeLater() }
    }

    private func takeLater() {
        let inbox = state.withLock { $0.inboxes.first }
        inbox?.post { $0.reviewClock.arm() }
    }
}

/// Wakes the desk, on the first loop.
final class ReviewClock: TimerTarget {
    private let timer: Timer
    private let loop: EventLoop
    private let desk: ReviewDesk

    init(_ loop: EventLoop, _ desk: ReviewDesk) {
        self.loop = loop
        self.desk = desk
        timer = Timer(loop.timers)
        timer.target = self
    }

    func arm() { timer.arm(atNanoseconds: loop.nowNanoseconds + ReviewDesk.retryNanoseconds) }

    func timerFired(_ timer: Timer) { desk.take() }
}
