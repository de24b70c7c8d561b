import Ledger
import Synchronization

/// What the process as a whole is doing; read by the admin listener, written by whoever knows.
final class GatewayStatus: Sendable {
    private let openConnections = Atomic<Int>(0)
    private let refusedConnections = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)

    var connections: Int { openConnections.load(ordering: .relaxed) }
    var refused: Int { refusedConnections.load(ordering: .relaxed) }
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    func connectionOpened() { openConnections.add(1, ordering: .relaxed) }
    func connectionClosed() { openConnections.subtract(1, ordering: .relaxed) }
    func countRefused() { refusedConnections.add(1, ordering: .relaxed) }
    func beginDraining() { draining.store(true, ordering: .releasing) }
}

/// Whether a load balancer should send requests here.
struct GatewayReadiness: Equatable {
    let isReady: Bool
    /// Stable codes of what keeps it from being ready; empty when it is.
    let reasons: [String]
    /// For people.
    let detail: String

    init(ledger: LedgerHealth, isDraining: Bool) {
        if isDraining {
            self.init(isReady: false, reasons: ["draining"], detail: "the process is finishing its exchanges")
            return
        }
        switch ledger {
        case .ready: self.init(isReady: true, reasons: [], detail: "")
        case .starting: self.init(isReady: false, reasons: ["ledger_starting"], detail: "the ledger is being opened")
        case .waitingForLock:
            self.init(isReady: false, reasons: ["ledger_locked"], detail: "another process holds the ledger")
        case .busy:
            self.init(isReady: false, reasons: ["ledger_busy"], detail: "another program writes to the ledger")
        case .unavailable(let reason):
            self.init(isReady: false, reasons: ["ledger_unavailable"], detail: reason)
        case .stopped: self.init(isReady: false, reasons: ["ledger_stopped"], detail: "the ledger is closed")
        }
    }

    private init(isReady: Bool, reasons: [String], detail: String) {
        self.isReady = isReady
        self.reasons = reasons
        self.detail = detail
    }
}
