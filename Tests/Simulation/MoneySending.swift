import Chains
import OnChain

@testable import Ledger

/// From a ticket to what is on disk and may be broadcast: alone, or gathered with others.
extension MoneyDriver {
    func sendSoon() {
        if sendingIsDue { return }
        sendingIsDue = true
        server.after(0) { [self] in
            sendingIsDue = false
            sendWhatIsDue()
        }
    }

    private func sendWhatIsDue() {
        let due = gathering.due(unconfirmed: settling.count, patience: 200, now: now)
        for row in due.alone { sendAlone(row) }
        for rows in due.together { runTogether(rows) }
        if let next = gathering.nextDue(patience: 200) {
            server.after(max(next, now + 1) - now) { [self] in sendWhatIsDue() }
        }
    }

    /// Runs them without a transaction first: who would fail is taken out.
    private func runTogether(_ rows: [Int64]) {
        let numbers = rows.compactMap { row in settling[row].map { (row, $0.number) } }
        ask(
            { chain, seen in
                let block = chain.blocks[seen - 1]
                return numbers.map { row, number in
                    (row, chain.refusal(number, at: block, timestamp: UInt64(self.world.clock.trueSeconds)))
                }
            },
            { [self] outcomes in
                guard let outcomes else { return rows.forEach(sendAlone) }
                for case (let row, let refusal?) in outcomes {
                    if refusal == .nonceUsed { sendAlone(row) } else { refuse(row, "transaction_failed") }
                }
                sendTogether(outcomes.filter { $0.1 == nil }.map(\.0))
            })
    }

    private func sendTogether(_ rows: [Int64]) {
        var members: [Int64] = []
        for row in rows {
            guard let waiting = settling[row] else { continue }
            if isInTime(waiting.order) { members.append(row) } else { refuse(row, "valid_before") }
        }
        guard members.count > 1 else { return members.forEach(sendAlone) }
        guard let (relayer, transaction) = sign(members, to: Multicall3.address) else {
            return members.forEach(sendAlone)
        }
        world.note("several in one transaction")
        let first = members.compactMap { settling[$0]?.order.sinceBlock }.min() ?? 0
        let sent = SentTransaction(transaction, relayer: relayer.address, headBlock: first)
        let oracle = world.oracle
        server.post(
            .sendingTogether(
                members.map { settling[$0]!.ticket.here }, sent,
                server.reply(
                    committed: { oracle.sendingTogether(members, $0) },
                    { [self] in sentTogether(members, $0, transaction, relayer) })))
    }

    private func sentTogether(
        _ rows: [Int64], _ answer: BatchSending, _ transaction: RelayTransaction, _ relayer: RelayerAccount
    ) {
        guard rows.contains(where: { settling[$0]?.sent != nil }) else { return }
        let event: QueueEvent
        switch answer {
        case .go:
            event = .durable(transaction.hash)
            for row in rows { conclude(row, .go) }
        case .without(let refused):
            event = .withdrawn(nonce: transaction.nonce)
            for (place, sending) in refused.sorted(by: { $0.key < $1.key }) { conclude(rows[place], sending) }
        case .unavailable(let reason):
            event = .abandoned(nonce: transaction.nonce)
            for row in rows { conclude(row, .unavailable(reason: reason)) }
        }
        perform(relayer.queue.on(event, now: now), of: relayer)
        guard case .without(let refused) = answer else { return }
        sendTogether(rows.indices.filter { refused[$0] == nil }.map { rows[$0] })
    }

    private func sendAlone(_ row: Int64) {
        guard let waiting = settling[row] else { return }
        guard isInTime(waiting.order) else { return refuse(row, "valid_before") }
        guard let (relayer, transaction) = sign([row], to: SimulatedChain.token) else {
            return refuse(row, "transaction_failed")
        }
        let sent = SentTransaction(transaction, relayer: relayer.address, headBlock: waiting.order.sinceBlock)
        let oracle = world.oracle
        server.post(
            .sending(
                waiting.ticket.here, sent,
                server.reply(committed: { oracle.sending(row, $0) }) { [self] answer in
                    guard let (relayer, transaction) = settling[row]?.sent else { return }
                    conclude(row, answer)
                    let event: QueueEvent =
                        switch answer {
                        case .go: .durable(transaction.hash)
                        case .alreadyPaid, .refused: .withdrawn(nonce: transaction.nonce)
                        case .unavailable: .abandoned(nonce: transaction.nonce)
                        }
                    perform(relayer.queue.on(event, now: now), of: relayer)
                }))
    }

    /// Signs one transaction for all of these; nil where no relayer takes it.
    private func sign(_ rows: [Int64], to: Address) -> (RelayerAccount, RelayTransaction)? {
        guard let relayer = sender() else { return nil }
        let call = SimulatedChain.call(settling: rows.map { settling[$0]!.number })
        let job = RelayJob(claims: rows, to: to, call: call, gasLimit: Self.gasLimit)
        guard let unsigned = try? relayer.queue.take(job, now: now) else { return nil }
        firstSender = (firstSender + 1) % relayers.count
        let signed = sign(unsigned, relayer)
        for (place, row) in rows.enumerated() {
            settling[row]?.order.sender = WatchOrder.Sender(relayer: relayer.address, nonce: signed.nonce)
            settling[row]?.order.hashes = [signed.hash]
            settling[row]?.order.share = BatchShare(place: place, of: rows.count)
            settling[row]?.sent = (relayer, signed)
            settling[row]?.transaction = signed.hash.hex
        }
        return (relayer, signed)
    }

    func sign(_ unsigned: UnsignedTransaction, _ relayer: RelayerAccount) -> RelayTransaction {
        let hash = SimulatedChain.word(world.newHash())
        let signed = RelayTransaction(
            claims: unsigned.claims, nonce: unsigned.nonce, to: unsigned.to, call: unsigned.call,
            gasLimit: unsigned.gasLimit, fees: unsigned.fees, hash: hash, raw: hash.array)
        world.chain.know(signed, of: relayer.address)
        relayer.queue.signed(signed, now: now)
        return signed
    }

    private func conclude(_ row: Int64, _ answer: Sending) {
        guard let waiting = settling[row] else { return }
        switch answer {
        case .go:
            list.add(waiting.order, now: now)
            pulseSoon()
        case .alreadyPaid(let paidBy, let mayForward):
            self.answer(row, .settled(transaction: paidBy, mayForward: mayForward))
        case .refused(let code):
            watchRefused(waiting.order)
            self.answer(row, .refused(code: code))
        case .unavailable(let reason): self.answer(row, .unavailable(reason: reason))
        }
        if !list.isWatched(row) { names[row] = nil }
    }

    private func pulseSoon() {
        server.after(250) { [self] in
            watched(list.expired(now: now))
            turn()
            if !settling.isEmpty { pulseSoon() }
        }
    }
}
