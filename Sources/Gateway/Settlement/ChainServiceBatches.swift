import Chains
import EventLoop
import Ledger
import Logging
import OnChain

/// Settlements that share a transaction: gathered for a moment, run to see who would fail, on disk in one commit, then broadcast.
extension ChainService {
    /// How long a chain without `Multicall3` is not asked for it again.
    private static let multicallMilliseconds: UInt64 = 600_000

    func sendWhatIsDue() {
        let due = gathering.due(unconfirmed: settling.count, patience: watcher.gatherMilliseconds, now: now)
        for row in due.alone { sendAlone(row) }
        for rows in due.together { run(rows) }
        if let next = gathering.nextDue(patience: watcher.gatherMilliseconds) { sendAgain(at: next) }
    }

    /// Runs them together without a transaction first.
    private func run(_ rows: [Int64]) {
        guard case .success(let relayer) = sender(gasLimit: gasLimit) else { return rows.forEach(sendAlone) }
        let members = rows.compactMap { row in
            settling[row]?.own.map { BatchTrial.Member(claim: row, call: $0.call) }
        }
        let trial = BatchTrial(members, relayer: relayer.address)
        watcher.rpc.pursue(trial.begin(), deadlineMilliseconds: ChainWatcher.deadlineMilliseconds) {
            [weak self] verdict in self?.judged(verdict)
        }
    }

    private func judged(_ verdict: BatchTrial.Verdict) {
        if verdict.hasNoMulticall {
            lacksMulticallUntil = now + Self.multicallMilliseconds
            logger.notice(
                "\(network.name): payments are settled one by one: no Multicall3 stands at \(Multicall3.address)")
        }
        for refused in verdict.refused { refuse(refused.claim, .transactionFailed) }
        for row in verdict.alone { sendAlone(row) }
        for batch in verdict.together { sendTogether(batch.claims, gasLimit: batch.gasLimit) }
    }

    /// - Parameter gasLimit: what was found to be enough for these, and for fewer of them.
    private func sendTogether(_ rows: [Int64], gasLimit: UInt64) {
        var members: [(row: Int64, own: Settling.Own)] = []
        for row in rows {
            guard let waiting = settling[row], let own = waiting.own else { continue }
            if isInTime(waiting.order) { members.append((row, own)) } else { refuse(row, .validBefore) }
        }
        let rows = members.map(\.row)
        guard rows.count > 1 else { return rows.forEach(sendAlone) }
        let call = SettlementCall(together: members.map(\.own.call))
        guard let relayer = sign(rows, call, gasLimit: gasLimit), let sent = settling[rows[0]]?.own?.sent?.transaction
        else { return rows.forEach(sendAlone) }
        let first = rows.compactMap { settling[$0]?.order.sinceBlock }.min() ?? 0
        let transaction = SentTransaction(sent, relayer: relayer.address, headBlock: first)
        ledger.sending(members.map(\.own.ticket), together: transaction) { [inbox, chainID] answer in
            inbox.post { $0.chain(chainID)?.sendingTogether(rows, answer, gasLimit: gasLimit) }
        }
    }

    private func sendingTogether(_ rows: [Int64], _ answer: BatchSending, gasLimit: UInt64) {
        // All were signed for in one transaction; the exchanges of some may have been told that the gateway is stopping.
        guard let (relayer, transaction) = rows.lazy.compactMap({ self.settling[$0]?.own?.sent }).first else { return }
        let event: QueueEvent
        switch answer {
        case .go:
            event = .durable(transaction.hash)
            for row in rows { conclude(row, .go) }
        case .without(let refused):
            event = .withdrawn(nonce: transaction.nonce)
            for (place, sending) in refused { conclude(rows[place], sending) }
        case .unavailable(let reason):
            event = .abandoned(nonce: transaction.nonce)
            for row in rows { conclude(row, .unavailable(reason: reason)) }
        }
        perform(relayer.queue.on(event, now: now), of: relayer)
        guard case .without(let refused) = answer else { return }
        sendTogether(rows.indices.filter { refused[$0] == nil }.map { rows[$0] }, gasLimit: gasLimit)
    }

    /// A settlement of ours failed though it was run before: several in one transaction may have one of them to blame.
    func noteFailure(of row: Int64) {
        guard let sent = settling[row]?.own?.sent?.transaction, sent.claims.count > 1 else { return }
        let wasPaused = gathering.isPaused(now: now)
        gathering.failed(in: sent.hash, now: now)
        guard !wasPaused, gathering.isPaused(now: now) else { return }
        logger.warning(
            "\(network.name): several payments of one transaction failed; they are settled one by one for a while",
            metadata: ["transaction": "\(sent.hash.hex)"])
    }
}
