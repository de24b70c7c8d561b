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
    enum Level: String {
        case ready
        /// Requests are welcome, but some payments are not taken.
        case degraded
        case unready = "not ready"
    }

    let level: Level
    /// Stable codes of what keeps it from being ready; empty when it is.
    let reasons: [String]
    /// For people.
    let detail: String

    /// - Parameter required: names of payments without which the gateway is not ready (`ready_requires`).
    init(ledger: LedgerHealth, isDraining: Bool, troubles: [PaymentTrouble], required: [String]) {
        if isDraining {
            self.init(.unready, "draining", "the process is finishing its exchanges")
            return
        }
        switch ledger {
        case .ready: self.init(troubles, required: required)
        case .starting: self.init(.unready, "ledger_starting", "the ledger is being opened")
        case .waitingForLock: self.init(.unready, "ledger_locked", "another process holds the ledger")
        case .busy: self.init(.unready, "ledger_busy", "another program writes to the ledger")
        case .unavailable(let reason): self.init(.unready, "ledger_unavailable", reason)
        case .stopped: self.init(.unready, "ledger_stopped", "the ledger is closed")
        }
    }

    private init(_ troubles: [PaymentTrouble], required: [String]) {
        reasons = troubles.map { "\($0.payment): \($0.code)" }
        detail = troubles.map { "\($0.payment): \($0.detail)" }.joined(separator: "; ")
        if troubles.isEmpty {
            level = .ready
        } else {
            level = troubles.contains { required.contains($0.payment) } ? .unready : .degraded
        }
    }

    private init(_ level: Level, _ reason: String, _ detail: String) {
        self.level = level
        reasons = [reason]
        self.detail = detail
    }
}
