import Bytes
import Chains
import EventLoop
import Ledger
import Logging
import OnChain

/// What a relayer's queue wants done: broadcasts, replacements, and what it wants to be told.
extension ChainService {
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
            case .nonceTooLow: for claim in transaction.claims { watcher.list.lookNow(claim, now: now) }
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

    /// Signs for a nonce that is taken already. What is for claims is on disk before it is broadcast.
    private func replace(_ unsigned: UnsignedTransaction, _ relayer: Relayer) {
        let signed = relayer.sign(unsigned, now: now)
        let rows = unsigned.claims.filter { names[$0] != nil }
        guard let row = rows.first, let id = names[row] else {
            return perform(relayer.queue.on(.durable(signed.hash), now: now), of: relayer)
        }
        logger.notice(
            "\(network.name): nonce \(signed.nonce) is sent again at higher fees",
            metadata: ["claim": "\(id.idempotencyKey)", "transaction": "\(signed.hash.hex)"])
        let isFreeing = unsigned.kind == .freeing
        let relayerAddress = relayer.address
        for row in rows { watcher.list.add(hash: signed.hash, to: row) }
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
