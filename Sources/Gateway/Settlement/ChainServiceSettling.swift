import Bytes
import Chains
import EventLoop
import Glibc
import Ledger
import OnChain
import Payments

/// An exchange that waits for its settlement.
struct Settling {
    let reply: @Sendable (Settlement) -> Void
    /// What to watch once it is sent.
    var order: WatchOrder
    /// Nil where a remote facilitator sends.
    var own: Own?
    /// The transaction to name to the caller; empty before one is known.
    var transaction: String

    /// What our own relayer is to send, or has sent.
    struct Own {
        let ticket: Ticket
        let call: SettlementCall
        /// Nil before it is signed.
        var sent: (relayer: Relayer, transaction: RelayTransaction)?
    }
}

/// From a ticket to what is on disk and may be broadcast: alone, or gathered with others.
extension ChainService {
    func settle(
        _ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let row = ticket.id.row
        let head = watcher.list.head?.number
        let mayShare = desk.mayShare(request)
        let own = Settling.Own(ticket: ticket, call: desk.settlementCall(request))
        let order = order(ticket.id, request, since: firstBlock(request.key, head: head ?? 0))
        settling[row] = Settling(reply: reply, order: order, own: own, transaction: "")
        names[row] = ticket.id
        guard isInTime(order) else { return refuse(row, .validBefore) }
        guard head != nil, case .success = sender(gasLimit: gasLimit) else { return refuse(row, .transactionFailed) }
        guard mayShare, now >= lacksMulticallUntil else { return sendAlone(row) }
        gathering.add(row, now: now)
        sendSoon()
    }

    /// Whether a transaction that is signed now can be mined before the window ends.
    func isInTime(_ order: WatchOrder) -> Bool {
        order.transfer.validBefore > UInt64(max(0, Int64(time(nil)) + Self.marginSeconds))
    }

    /// What a payment's evidence is, and until when its exchange waits for it.
    func order(_ id: ClaimID, _ request: VerificationRequest, since block: UInt64) -> WatchOrder {
        let authorization = request.payload.authorization
        return WatchOrder(
            claim: id.row,
            transfer: AwaitedTransfer(
                key: request.key, to: authorization.to, value: request.offer.amountAtomic,
                validBefore: UInt64(clamping: authorization.validBefore.clampedToInt64)),
            confirmations: confirmations(request.offer.amountAtomic, decimals: request.offer.assetDecimals),
            sinceBlock: block, deadline: now + UInt64(network.settleTimeoutMilliseconds))
    }

    func confirmations(_ amountAtomic: UInt128, decimals: Int) -> UInt64 {
        UInt64(network.confirmations.blocks(amountAtomic: amountAtomic, decimals: decimals))
    }

    /// Nothing was signed or sent; a stranger may settle it all the same.
    func refuse(_ row: Int64, _ code: PaymentCode) {
        guard let waiting = settling.removeValue(forKey: row), let id = names[row] else { return }
        watchRefused(waiting.order)
        let reply = waiting.reply
        ledger.evidence(id, .refused(code: code.rawValue)) { reply(Settlement($0, transaction: "")) }
    }

    private func watchRefused(_ order: WatchOrder) {
        var order = order
        order.standing = .refused
        order.deadline = nil
        order.sender = nil
        order.hashes = []
        order.share = .whole
        watcher.list.add(order, now: now)
    }

    func answer(_ row: Int64, _ settlement: Settlement) { settling.removeValue(forKey: row)?.reply(settlement) }

    // MARK: One in a transaction

    func sendAlone(_ row: Int64) {
        guard let waiting = settling[row], let own = waiting.own else { return }
        guard isInTime(waiting.order) else { return refuse(row, .validBefore) }
        guard let relayer = sign([row], own.call, gasLimit: gasLimit),
            let sent = settling[row]?.own?.sent?.transaction
        else { return refuse(row, .transactionFailed) }
        let transaction = SentTransaction(sent, relayer: relayer.address, headBlock: waiting.order.sinceBlock)
        ledger.sending(own.ticket, transaction: transaction) { [inbox, chainID] answer in
            inbox.post { $0.chain(chainID)?.sending(row, answer) }
        }
    }

    /// Signs one transaction for all of these; nil where no relayer takes it.
    func sign(_ rows: [Int64], _ call: SettlementCall, gasLimit: UInt64) -> Relayer? {
        guard case .success(let relayer) = sender(gasLimit: gasLimit) else { return nil }
        let job = RelayJob(claims: rows, to: call.to, call: call.data, gasLimit: gasLimit)
        guard let unsigned = try? relayer.queue.take(job, now: now) else { return nil }
        passTurn()
        let signed = relayer.sign(unsigned, now: now)
        for (place, row) in rows.enumerated() {
            settling[row]?.order.sender = WatchOrder.Sender(relayer: relayer.address, nonce: signed.nonce)
            settling[row]?.order.hashes = [signed.hash]
            settling[row]?.order.share = BatchShare(place: place, of: rows.count)
            settling[row]?.own?.sent = (relayer, signed)
            settling[row]?.transaction = signed.hash.hex
        }
        return relayer
    }

    /// The ledger has spoken: from `go` on the transaction may be public.
    private func sending(_ row: Int64, _ answer: Sending) {
        guard let (relayer, transaction) = settling[row]?.own?.sent else { return }
        let event: QueueEvent
        switch answer {
        case .go: event = .durable(transaction.hash)
        case .alreadyPaid, .refused: event = .withdrawn(nonce: transaction.nonce)
        case .unavailable: event = .abandoned(nonce: transaction.nonce)
        }
        conclude(row, answer)
        perform(relayer.queue.on(event, now: now), of: relayer)
    }

    /// What the ledger's word means for the exchange that waits, and for what is watched.
    func conclude(_ row: Int64, _ answer: Sending) {
        guard let waiting = settling[row] else { return }
        switch answer {
        case .go:
            watcher.list.add(waiting.order, now: now)
            pulseSoon()
        case .alreadyPaid(let paidBy, let mayForward):
            self.answer(row, .settled(transaction: paidBy, mayForward: mayForward))
        case .refused(let code):
            watchRefused(waiting.order)
            self.answer(row, .refused(code: code))
        case .unavailable(let reason): self.answer(row, .unavailable(reason: reason))
        }
        if !watcher.list.isWatched(row) { names[row] = nil }
    }
}

extension Settlement {
    /// What an exchange is told of evidence.
    /// - Parameter transaction: the one that was sent.
    init(_ outcome: EvidenceOutcome, transaction: String) {
        self =
            switch outcome {
            case .settlement(let settlement): settlement
            // What is known does not fit what was said: it may be paid, and nobody is invited to pay again.
            case .recorded, .refused: .pending(transaction: transaction)
            case .unavailable(let reason): .unavailable(reason: reason)
            }
    }
}
