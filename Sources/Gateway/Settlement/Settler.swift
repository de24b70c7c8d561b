import Ledger

/// Who moves the money of a payment: a chain's relayer, or a remote facilitator. Used on the money loop alone; a reply may come
/// at once or later, once.
protocol Settler: AnyObject {
    /// See `MoneyDesk.prove`.
    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void)

    /// See `MoneyDesk.verify`. What could not be settled, because its settler cannot send, is `.unreachable`.
    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void)

    /// Has the ledger hold `sent`, then moves the money and tells the ledger what came of it; replies when that is on disk.
    func settle(
        _ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void)
}

/// What is wrong with a settler.
struct SettlerTrouble: Hashable, Sendable {
    /// Stable, for programs: `rpc_unreachable`, `low_balance`.
    let code: String
    /// Which of several it is about: a relayer's address; empty where there is one only.
    var subject = ""
    /// For people.
    let detail: String
}
