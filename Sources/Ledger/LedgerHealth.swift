import Synchronization

/// Whether the ledger takes payments, for `/readyz`.
public enum LedgerHealth: Hashable, Sendable {
    /// The thread has not opened the file yet.
    case starting
    /// Another process holds the ledger: paid requests queue until it lets go.
    case waitingForLock
    case ready
    /// Another program writes to the file just now: paid requests are turned away until it is done.
    case busy
    /// No payments until the process is started anew; the reason is for the operator.
    case unavailable(reason: String)
    case stopped
}

/// What happened on the ledger's thread that an operator wants in the log.
public enum LedgerNotice: Hashable, Sendable {
    case health(LedgerHealth)
    /// Claims of a former process that were taken up: how many are `void`, `owed` and `unknown` now.
    case recovered(void: Int, owed: Int, unknown: Int)
    /// The journal's newest entry, which shows later whether anything before it was changed.
    case head(JournalHead)
}

/// The health, written by the ledger's thread and read by any.
final class HealthBoard: Sendable {
    private let health = Mutex(LedgerHealth.starting)
    private let notice: (@Sendable (LedgerNotice) -> Void)?

    init(notice: (@Sendable (LedgerNotice) -> Void)?) { self.notice = notice }

    var current: LedgerHealth { health.withLock { $0 } }

    func set(_ next: LedgerHealth) {
        let changed = health.withLock { health in
            defer { health = next }
            return health != next
        }
        if changed { notice?(.health(next)) }
    }

    func tell(_ head: JournalHead) { notice?(.head(head)) }

    func tell(_ report: Recovery.Report) {
        if report != Recovery.Report() {
            notice?(.recovered(void: report.void, owed: report.owed, unknown: report.unknown))
        }
    }
}
