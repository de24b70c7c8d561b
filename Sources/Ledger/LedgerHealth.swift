/// Whether the ledger takes payments, for `/readyz`.
public enum LedgerHealth: Hashable, Sendable {
    /// The thread has not opened the file yet.
    case starting
    /// Another process holds the ledger: paid requests queue until it lets go.
    case waitingForLock
    case ready
    /// No payments until the process is started anew; the reason is for the operator.
    case unavailable(reason: String)
    case stopped
}
