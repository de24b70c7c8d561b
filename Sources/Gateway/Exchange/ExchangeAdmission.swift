import Bytes
import Chains
import HTTP
import Ledger
import Payments

/// The payment before the ledger, and what it says.
extension Exchange {
    /// What comes next for a payment whose payer is proven.
    func admission(of purchase: Purchase) -> Stage {
        message != nil && purchase.terms.order == .first ? .probing : .admitting
    }

    /// Asks the ledger for the claim: known payment, lease, balance, and the claim itself, durable.
    func admitPayment() -> Progress {
        guard let purchase, let route else { preconditionFailure("only a purchase is admitted") }
        guard let admitted = purchase.admitted else {
            if purchase.token == nil {
                purchase.token = worker.ledger.admit(admission(purchase, route), reply: admissionReply())
            }
            return .pending
        }
        purchase.admissionIsTaken = true
        switch admitted {
        case .verify(let hold):
            purchase.holds(hold)
            stage = .verifying
            return .ready
        case .claimed(let ticket):
            purchase.claimed(ticket)
            if let message, let refused = begin(message, isSold: true) { return self.answer(refused) }
            visit?.wasClaimed = true
            stage = purchase.terms.order == .first ? .settlingFirst : .forwarding
        case .redeemed(let ticket, let transaction, let answer):
            purchase.redeemed(ticket, transaction: transaction)
            if let answer {
                giveAgain(answer, purchase)
            } else {
                if let message, let refused = begin(message, isSold: true) { return self.answer(refused) }
                stage = .forwarding
            }
        case .stored(let answer, let transaction):
            purchase.paid(transaction)
            record.outcome = .redelivered
            giveAgain(answer, purchase)
        case .idConflict: return self.answer(.identifierConflict)
        case .refused(let code): return answer(challenging: route, code: code)
        case .stillInFlight(let seconds): return answer(.stillInFlight(retryAfterSeconds: seconds))
        case .pending(let transaction): return answer(pending: transaction, purchase)
        case .leaseBusy(let trouble, let seconds): return answer(.leaseBusy(trouble, retryAfterSeconds: seconds))
        case .bounded(let refusal):
            record.policy = refusal.policy
            return answer(.bounded(refusal))
        case .denied(let refusal):
            record.policy = refusal.policy
            return answer(.denied(refusal))
        case .review(let hold, let reason):
            purchase.holds(hold)
            visit = ReviewVisit(.entering(why: reason))
            stage = .reviewing
            return .ready
        case .outcomeUnknown(let transaction): return answer(outcomeUnknown: transaction, purchase)
        case .unavailable: return answer(.ledgerUnavailable)
        }
        // Who let it run is nobody's connection: its caller's retries wait for it.
        if downstream?.peerFinished != false { callerFinishedSending() }
        return .ready
    }

    private func admission(_ purchase: Purchase, _ route: Route) -> Admission {
        let terms = purchase.terms
        let authorization = purchase.payload.authorization
        let doors = doors(of: route)
        let lease = doors.lists.lease
        var admission = Admission(
            key: ClaimKey(
                chain: purchase.offer.network, asset: purchase.offer.asset.bytes, payer: purchase.payer.bytes,
                nonce: authorization.nonce),
            binding: purchase.binding, bind: terms.bind, order: terms.order, amountAtomic: purchase.offer.amountAtomic,
            payTo: purchase.offer.payTo.bytes, validBefore: authorization.validBefore.clampedToInt64,
            neededSeconds: Int64(terms.neededSeconds), assetDecimals: purchase.offer.assetDecimals,
            facilitator: ClaimFacilitator(purchase.offer.facilitator),
            termsFault: purchase.termsFault?.rawValue, route: route.matchText, revision: purchase.revision,
            request: "\(String(decoding: head.bytes(of: head.methodRange), as: UTF8.self)) "
                + String(decoding: target.prefix(512), as: UTF8.self) + messageText,
            redeliver: terms.redeliver, isIdempotent: head.method.isIdempotent,
            paymentID: purchase.payload.paymentIdentifier,
            redeliverForSeconds: Int64(terms.redeliverForSeconds),
            inFlightPerWallet: terms.order == .after ? lease.inFlightAfter : lease.inFlightFirst,
            leaseWaitMilliseconds: lease.leaseWaitMilliseconds, leaseQueue: lease.leaseQueue,
            bounds: doors.lists.bounds, gate: gate(doors))
        admission.review = visit?.pass
        if visit?.pass != nil { admission.gate.isApproved = true }
        return admission
    }

    /// What a message asks for, behind the request's target.
    private var messageText: String {
        guard let message, let request = message.request else { return "" }
        let body = message.body.readable
        let method = request.withMethod(of: body) { String(decoding: $0, as: UTF8.self) }
        let name = request.withName(of: body) { String(decoding: $0, as: UTF8.self) }
        return " \(method)" + (name.map { " \($0)" } ?? "")
    }

    /// As `reply`, but an admission that finds nobody is given back: nothing was asked of the upstream for it.
    func admissionReply() -> @Sendable (Admitted) -> Void {
        resuming { exchange, admitted in
            guard let purchase = exchange.purchase else { return false }
            purchase.admitted = admitted
            return true
        } orElse: { worker, admitted in
            worker.giveBack(admitted)
        }
    }

    /// A closure for another thread that notes `value` with the purchase and resumes this exchange.
    func reply<Value: Sendable>(
        _ note: @escaping @Sendable (Purchase, Value) -> Void
    ) -> @Sendable (Value) -> Void {
        resuming { exchange, value in
            guard let purchase = exchange.purchase else { return false }
            note(purchase, value)
            return true
        }
    }

    /// A closure for another thread that resumes this exchange, if it is still this one and `note` finds whom `value` is for; what
    /// finds nobody is given to `orElse`.
    func resuming<Value: Sendable>(
        _ note: @escaping @Sendable (Exchange, Value) -> Bool,
        orElse lost: @escaping @Sendable (Worker, Value) -> Void = { _, _ in }
    ) -> @Sendable (Value) -> Void {
        let inbox = worker.inbox
        let handle = handle
        return { value in
            inbox.post { worker in
                guard let exchange = worker.exchanges[handle], note(exchange, value) else { return lost(worker, value) }
                exchange.advance()
            }
        }
    }
}
