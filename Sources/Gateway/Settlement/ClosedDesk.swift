import Ledger

/// Stands in until the money loop is there: nothing but the sandbox is taken.
struct ClosedDesk: MoneyDesk {
    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) { reply(verdict) }
    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) { reply(verdict) }

    func settle(_ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void) {
        reply(.unavailable(reason: "there is no money loop"))
    }

    var troubles: [PaymentTrouble] { [] }
    private var verdict: Verdict { .unreachable("there is no money loop") }
}
