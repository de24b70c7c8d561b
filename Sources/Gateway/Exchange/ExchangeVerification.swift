import Ledger
import Payments

/// What must be asked of a chain or a facilitator before anything is claimed.
extension Exchange {
    /// A signature that no plain account made: whether a contract stands for it. The payment touches no wallet before.
    func provePayment() -> Progress {
        guard let purchase, let route else { preconditionFailure("only a payment is proven") }
        guard let verdict = purchase.takeVerdict() else {
            if purchase.verdictIsAsked() { worker.services.money.prove(verification(purchase), reply: verdictReply()) }
            return .pending
        }
        switch verdict {
        case .good:
            let doors = doors(of: route)
            payerIsProven(doors)
            if let refused = refusalOfPayer(doors, purchase.payer.bytes) { return answer(refused) }
            stage = admission(of: purchase)
            return .ready
        case .refused(let code): return answer(challenging: route, error: purchase.termsFault ?? code)
        case .refusedByFacilitator(let code):
            return answer(challenging: route, code: purchase.termsFault?.rawValue ?? code)
        case .unreachable(let cause): return answerUnverified(cause)
        }
    }

    /// The lease is held and nothing is owed: whether the payment would settle, and what else the payer can pay for.
    func verifyPayment() -> Progress {
        guard let purchase, let route else { preconditionFailure("only a purchase is verified") }
        guard let verdict = purchase.takeVerdict() else {
            if purchase.verdictIsAsked() {
                var request = verification(purchase)
                request.readsBalance = !purchase.holdIsAlone
                worker.services.money.verify(request, reply: verdictReply())
            }
            return .pending
        }
        guard let hold = purchase.takeHold() else { preconditionFailure("what is verified holds its lease") }
        switch verdict {
        case .good(let balanceAtomic):
            worker.ledger.claim(hold, balanceAtomic: balanceAtomic, reply: admissionReply())
            stage = .admitting
            return .ready
        case .refused(let code):
            worker.ledger.release(hold)
            return answer(challenging: route, error: code)
        case .refusedByFacilitator(let code):
            worker.ledger.release(hold)
            return answer(challenging: route, code: code)
        case .unreachable(let cause):
            worker.ledger.release(hold)
            return answerUnverified(cause)
        }
    }

    func verification(_ purchase: Purchase) -> VerificationRequest {
        VerificationRequest(
            offer: purchase.offer, payload: purchase.payload,
            resourceURL: prepared.revision.settings.publicURL + String(decoding: target, as: UTF8.self))
    }

    private func verdictReply() -> @Sendable (Verdict) -> Void { reply { $0.verdict = $1 } }

    private func answerUnverified(_ cause: String) -> Progress {
        worker.warn("payments cannot be verified", cause: cause)
        return answer(.facilitatorUnreachable)
    }
}
