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
    let order: WatchOrder
    /// Nil where a remote facilitator sends.
    var own: (relayer: Relayer, transaction: RelayTransaction)?
    /// The transaction to name to the caller; empty before one is known.
    var transaction: String
}

/// From a ticket to its evidence: sign, have the ledger hold it, broadcast, watch.
extension ChainService {
    func settle(
        _ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let now = now
        let authorization = request.payload.authorization
        if authorization.validBefore.clampedToInt64 <= Int64(time(nil)) + Self.marginSeconds {
            return refuse(ticket.id, request, .validBefore, reply)
        }
        guard case .success(let relayer) = sender(), let head = watcher.list.head?.number else {
            return refuse(ticket.id, request, .transactionFailed, reply)
        }
        let call = settlementCall(request)
        let unsigned: UnsignedTransaction
        do throws(QueueRefusal) {
            unsigned = try relayer.queue.take(
                RelayJob(claim: ticket.id.row, to: call.to, call: call.data, gasLimit: gasLimit), now: now)
        } catch {
            return refuse(ticket.id, request, .transactionFailed, reply)
        }
        let signed = relayer.sign(unsigned, now: now)
        let first = firstBlock(request.key, head: head)
        var order = order(ticket.id, request, since: first)
        order.sender = WatchOrder.Sender(relayer: relayer.address, nonce: signed.nonce)
        order.hashes = [signed.hash]
        settling[ticket.id.row] = Settling(
            reply: reply, order: order, own: (relayer, signed), transaction: signed.hash.hex)
        names[ticket.id.row] = ticket.id
        let row = ticket.id.row
        ledger.sending(ticket, transaction: SentTransaction(signed, relayer: relayer.address, headBlock: first)) {
            [inbox, chainID] answer in
            inbox.post { $0.chain(chainID)?.sending(row, answer) }
        }
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
    private func refuse(
        _ id: ClaimID, _ request: VerificationRequest, _ code: PaymentCode,
        _ reply: @escaping @Sendable (Settlement) -> Void
    ) {
        names[id.row] = id
        let head = watcher.list.head?.number ?? 0
        watchRefused(order(id, request, since: firstBlock(request.key, head: head)))
        ledger.evidence(id, .refused(code: code.rawValue)) { reply(Settlement($0, transaction: "")) }
    }

    private func watchRefused(_ order: WatchOrder) {
        var order = order
        order.standing = .refused
        order.deadline = nil
        order.sender = nil
        order.hashes = []
        watcher.list.add(order, now: now)
    }

    /// The ledger has spoken: from `go` on the transaction may be public.
    private func sending(_ row: Int64, _ answer: Sending) {
        guard let waiting = settling[row], let (relayer, transaction) = waiting.own else { return }
        let event: QueueEvent
        switch answer {
        case .go:
            watcher.list.add(waiting.order, now: now)
            pulseSoon()
            event = .durable(transaction.hash)
        case .alreadyPaid(let paidBy, let mayForward):
            event = .withdrawn(nonce: transaction.nonce)
            self.answer(row, .settled(transaction: paidBy, mayForward: mayForward))
        case .refused(let code):
            event = .withdrawn(nonce: transaction.nonce)
            watchRefused(waiting.order)
            self.answer(row, .refused(code: code))
        case .unavailable(let reason):
            event = .abandoned(nonce: transaction.nonce)
            self.answer(row, .unavailable(reason: reason))
        }
        if !watcher.list.isWatched(row) { names[row] = nil }
        perform(relayer.queue.on(event, now: now), of: relayer)
    }

    func answer(_ row: Int64, _ settlement: Settlement) { settling.removeValue(forKey: row)?.reply(settlement) }

    // MARK: What a queue wants done

    func perform(_ actions: [QueueAction], of relayer: Relayer) {
        for action in actions {
            switch action {
            case .sign(let unsigned): replace(unsigned, relayer)
            case .broadcast(let transaction): broadcast(transaction, relayer)
            case .recount:
                relayer.wantsRecount = true
                watcher.wake()
            case .restore: restore()
            }
        }
    }

    private func broadcast(_ transaction: RelayTransaction, _ relayer: Relayer) {
        watcher.rpc.broadcast(raw: transaction.raw, deadlineMilliseconds: ChainWatcher.deadlineMilliseconds) {
            [weak self] reply in
            guard let self else { return }
            let answer = BroadcastAnswer(reply, hash: transaction.hash)
            switch answer {
            case .accepted, .alreadyKnown, .unreachable: break
            case .nonceTooLow: if let claim = transaction.claim { watcher.list.lookNow(claim, now: now) }
            case .underpriced, .insufficientFunds, .rejected:
                logger.warning(
                    "\(network.name): a node does not take a transaction",
                    metadata: [
                        "transaction": "\(transaction.hash.hex)", "cause": "\(answer)",
                    ])
            }
            perform(relayer.queue.on(.answered(transaction.hash, answer), now: now), of: relayer)
            watcher.wake()
        }
    }

    /// Signs for a nonce that is taken already. What is for a claim is on disk before it is broadcast.
    private func replace(_ unsigned: UnsignedTransaction, _ relayer: Relayer) {
        let signed = relayer.sign(unsigned, now: now)
        guard let row = unsigned.claim, let id = names[row] else {
            return perform(relayer.queue.on(.durable(signed.hash), now: now), of: relayer)
        }
        logger.notice(
            "\(network.name): nonce \(signed.nonce) is sent again at higher fees",
            metadata: ["claim": "\(id.idempotencyKey)", "transaction": "\(signed.hash.hex)"])
        let isFreeing = unsigned.kind == .freeing
        let relayerAddress = relayer.address
        watcher.list.add(hash: signed.hash, to: row)
        let sent = SentTransaction(
            signed, relayer: relayer.address, headBlock: watcher.list.firstBlock(of: row) ?? 0)
        ledger.replacing(id, with: sent) { [inbox, chainID] isHeld in
            inbox.post {
                $0.chain(chainID)?.replaced(signed, by: relayerAddress, isHeld: isHeld || isFreeing)
            }
        }
    }

    private func replaced(_ signed: RelayTransaction, by address: Address, isHeld: Bool) {
        guard let relayer = relayers.first(where: { $0.address == address }) else { return }
        // A transfer to itself moves nobody's money: it may be broadcast whatever the ledger holds.
        perform(relayer.queue.on(isHeld ? .durable(signed.hash) : .notReplaced(signed.hash), now: now), of: relayer)
    }
}

extension BroadcastAnswer {
    /// A node that names another hash than the bytes have cannot be believed: nobody knows what it did with them.
    init(_ reply: RPCReply, hash: Bytes32) {
        switch reply {
        case .result: self = (try? reply.hash()) == hash ? .accepted : .unreachable
        case .error(_, let message, _): self = BroadcastAnswer(message: message)
        case .unreachable: self = .unreachable
        }
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
