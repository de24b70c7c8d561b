import Ledger

/// The money of a claim, and what the ledger is told of its end.
extension Exchange {
    /// `settle: first`: nothing is asked of the upstream before the money is ours.
    func settleFirst() -> Progress {
        guard let purchase, let ticket = purchase.ticket else { preconditionFailure("a claim is settled") }
        guard let settlement = purchase.settlement else {
            settle(purchase, ticket)
            return .pending
        }
        guard case .settled(let transaction, _) = settlement else { return answerUnsettled(settlement, purchase) }
        purchase.paid(transaction)
        stage = .forwarding
        return .ready
    }

    /// `settle: after`: the answer is whole and held; it leaves only when the money is ours.
    func settleAfter() -> Progress {
        guard let purchase, let ticket = purchase.ticket else { preconditionFailure("a claim is settled") }
        guard let settlement = purchase.settlement else {
            settle(purchase, ticket)
            return .pending
        }
        guard case .settled(let transaction, _) = settlement else {
            purchase.dropHeld()
            return answerUnsettled(settlement, purchase)
        }
        purchase.paid(transaction)
        if let answer = message?.answer, let found = answer.found { return give(found, answer, purchase) }
        beginHeldAnswer(purchase)
        return .ready
    }

    private func settle(_ purchase: Purchase, _ ticket: Ticket) {
        if purchase.settlementIsAsked { return }
        purchase.settlementIsAsked = true
        if purchase.terms.order == .after {
            if let answer = message?.answer { keepFound(answer) } else { storeHeld(purchase, ticket) }
        }
        let reply: @Sendable (Settlement) -> Void = reply { $0.settlement = $1 }
        switch (purchase.offer.facilitator, purchase.terms.order) {
        case (.sandbox, .first): worker.ledger.settle(ticket, reply: reply)
        case (.sandbox, .after): worker.ledger.answered(ticket, reply: reply)
        case (.chain, _), (.remote, _): worker.services.money.settle(ticket, verification(purchase), reply: reply)
        }
    }

    private func answerUnsettled(_ settlement: Settlement, _ purchase: Purchase) -> Progress {
        // The ledger has ended the claim, or will not say; there is nothing left to tell it.
        purchase.ticket = nil
        switch settlement {
        case .settled: preconditionFailure("a settled payment is not refused")
        case .refused(let code): return answer(settlementRefused: code, purchase)
        case .pending(let transaction): return answer(pending: transaction, purchase)
        case .unavailable: return answer(.settlementUnsure)
        }
    }

    /// Tells the ledger how the exchange ended; every ticket ends here.
    func settleAccounts(delivered: Bool) -> ExchangeRecord.Outcome {
        guard let purchase else { return record.outcome }
        guard let ticket = purchase.ticket else {
            // It came too late to be acted upon.
            if !purchase.admissionIsTaken, let admitted = purchase.admitted { worker.giveBack(admitted) }
            return record.outcome
        }
        guard purchase.isPaid else {
            worker.ledger.ended(ticket, .uncharged(reason: purchase.voidReason))
            return .void
        }
        let isGood = !purchase.isRerun || purchase.givesStored || (200...299).contains(purchase.answerStatus ?? 0)
        if delivered && purchase.answerIsUpstreams && isGood {
            worker.ledger.ended(ticket, .delivered)
            return .delivered
        }
        worker.ledger.ended(ticket, .undelivered(noRequestByteWritten: !purchase.requestBytesWritten))
        return .owed
    }
}
