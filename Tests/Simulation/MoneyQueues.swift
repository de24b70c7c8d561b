import Chains
import OnChain

@testable import Ledger

/// What relayers' queues want done.
extension MoneyDriver {
    func perform(_ actions: [QueueAction], of relayer: RelayerAccount) {
        for action in actions {
            switch action {
            case .sign(let unsigned): replace(unsigned, relayer)
            case .broadcast(let transaction): broadcast(transaction, relayer)
            case .recount:
                relayer.wantsRecount = true
                wake()
            case .restore:
                world.note("a queue asks for its rows")
                server.post(.watched(server.reply { [self] in requeue($0) }))
            }
        }
    }

    private func broadcast(_ transaction: RelayTransaction, _ relayer: RelayerAccount) {
        broadcast(transaction.hash) { [self] answer in
            if answer == .nonceTooLow { for claim in transaction.claims { list.lookNow(claim, now: now) } }
            perform(relayer.queue.on(.answered(transaction.hash, answer), now: now), of: relayer)
            wake()
        }
    }

    private func replace(_ unsigned: UnsignedTransaction, _ relayer: RelayerAccount) {
        let signed = sign(unsigned, relayer)
        let rows = unsigned.claims.filter { names[$0] != nil }
        world.note("\(unsigned.kind)")
        guard let row = rows.first, let id = names[row] else {
            return perform(relayer.queue.on(.durable(signed.hash), now: now), of: relayer)
        }
        let isFreeing = unsigned.kind == .freeing
        for row in rows { list.add(hash: signed.hash, to: row) }
        let sent = SentTransaction(signed, relayer: relayer.address, headBlock: list.firstBlock(of: row) ?? 0)
        server.post(
            .replacing(
                id, sent,
                server.reply { [self] isHeld in
                    let event: QueueEvent = isHeld || isFreeing ? .durable(signed.hash) : .notReplaced(signed.hash)
                    perform(relayer.queue.on(event, now: now), of: relayer)
                }))
    }

    func turn() {
        for relayer in relayers { perform(relayer.queue.on(.turn, now: now), of: relayer) }
    }
}
