import Glibc
import Ledger
import Synchronization

@testable import Gateway

/// A money desk that is the test: it notes what is asked, and answers as it was told to, through the real ledger.
final class ScriptedDesk: MoneyDesk {
    enum SettlementScript: Sendable {
        /// The money comes: `sent`, then evidence.
        case settles(transaction: String)
        /// Sent, and then refused by evidence.
        case refuses(code: String)
        /// Sent, and nobody knows.
        case staysSilent
    }

    struct Script: Sendable {
        var proof = Verdict.refused(.signature)
        var verdict = Verdict.good(balanceAtomic: 1_000_000)
        var settlement = SettlementScript.settles(transaction: "0xabc")
        var troubles: [PaymentTrouble] = []
    }

    private let ledger: Ledger
    private let script = Mutex(Script())
    private let questions = Mutex<[String]>([])

    init(_ ledger: Ledger) { self.ledger = ledger }

    var asked: [String] { questions.withLock { $0 } }
    func change(_ body: (inout Script) -> Void) { script.withLock { body(&$0) } }

    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        questions.withLock { $0.append("prove") }
        reply(script.withLock { $0.proof })
    }

    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        questions.withLock { $0.append("verify \(request.resourceURL)") }
        reply(script.withLock { $0.verdict })
    }

    func settle(_ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void) {
        questions.withLock { $0.append("settle") }
        let settlement = script.withLock { $0.settlement }
        let id = ticket.id
        ledger.sending(ticket, transaction: nil) { [ledger] sending in
            guard case .go = sending else { return reply(.unavailable(reason: "\(sending)")) }
            let evidence: Evidence =
                switch settlement {
                case .settles(let transaction): .settled(transaction: transaction, block: 7)
                case .refuses(let code): .refused(code: code)
                case .staysSilent: .unknown(transaction: "0xdef")
                }
            ledger.evidence(id, evidence) { outcome in
                guard case .settlement(let settlement) = outcome else {
                    return reply(.unavailable(reason: "\(outcome)"))
                }
                reply(settlement)
            }
        }
    }

    var troubles: [PaymentTrouble] { script.withLock { $0.troubles } }
}
