import Chains
import OnChain

@testable import Ledger

/// One chain looked at again and again, and what was in flight before a start.
extension MoneyDriver {
    func wake() { if !isTicking { arm(startedAt + 500) } }

    private func arm(_ at: UInt64) {
        let at = max(at, now)
        if nextTickAt <= at { return }
        nextTickAt = at
        server.after(at - now) { [self] in
            if nextTickAt == at { tick() }
        }
    }

    func tick() {
        if isTicking { return }
        nextTickAt = .max
        isTicking = true
        startedAt = now
        let probe = list.probe(now: now)
        let addresses = relayers.map(\.address)
        ask(
            { chain, seen in
                (
                    chain.answer(probe, seen: seen, relayers: addresses),
                    addresses.map { chain.pendingCount($0) }
                )
            },
            { [self] answers in
                guard let (answers, pending) = answers, let latest = answers.latest else { return finish() }
                heardAt = now
                let outcomes = list.take(answers, to: probe, now: now)
                tellRelayers(answers, pending, latest)
                watched(outcomes)
                look()
            })
    }

    private func tellRelayers(_ answers: WatchProbeAnswers, _ pending: [UInt64], _ latest: RPCBlock) {
        guard !list.heads.isLost, list.head?.hash == latest.hash else { return }
        for (at, relayer) in relayers.enumerated() {
            _ = relayer.queue.on(
                .priced(GasPrice(baseFeeWei: latest.baseFee ?? 0, priorityFeeWei: 10)), now: now)
            guard let count = answers.counts[relayer.address] else { continue }
            let isAsked = relayer.wantsRecount
            relayer.wantsRecount = false
            perform(
                relayer.queue.on(.counted(latest: count, pending: isAsked ? max(count, pending[at]) : nil), now: now),
                of: relayer)
        }
    }

    private func look() {
        let plan = list.plan(now: now)
        for audit in plan.audits { begin(audit) }
        if plan.scan == nil && plan.looks.isEmpty && plan.receipts.isEmpty { return finish() }
        let answersScan = !world.chance(world.adversity.rpcLoss / 2)
        ask(
            { chain, seen in chain.answer(plan, seen: seen, answersScan: answersScan) },
            { [self] answers in
                watched(list.take(answers ?? WatchAnswers(), to: plan, now: now))
                finish()
            })
    }

    /// Three nodes are asked, each by itself.
    private func begin(_ audit: WatchAudit) {
        var said: [WatchLookAnswer?] = []
        for _ in 0..<3 {
            ask(
                { chain, seen in chain.answer(audit, seen: seen) },
                { [self] answer in
                    said.append(answer ?? nil)
                    if said.count == 3 { watched(list.audited(audit, said, now: now)) }
                })
        }
    }

    private func finish() {
        isTicking = false
        takeUpWaiting()
        turn()
        let isBusy =
            list.isBusy(now: now) || list.heads.isLost || relayers.contains { $0.queue.inFlight > 0 }
        arm(startedAt + (isBusy ? 700 : 3_000))
    }

    // MARK: After a start

    func takeUp(_ claims: [WatchedClaim]) {
        hasBegun = true
        requeue(claims)
        takenUp += claims
        takeUpWaiting()
        wake()
    }

    func takeUpWaiting() {
        guard !takenUp.isEmpty, let head = list.head else { return }
        for each in takenUp {
            names[each.claim.id.row] = each.claim.id
            list.add(order(each, head), now: now)
            if each.claim.machine.isPaid || each.claim.state == .failed { over(each.claim.id.row) }
        }
        takenUp = []
        wake()
    }

    func requeue(_ claims: [WatchedClaim]) {
        var rows: [SentTransaction: [Int64]] = [:]
        for each in claims {
            for sent in each.transactions { rows[sent, default: []].append(each.claim.id.row) }
        }
        for relayer in relayers {
            let own = rows.filter { $0.key.relayer == relayer.address.bytes }.map { RelayTransaction($0, claims: $1) }
            perform(relayer.queue.on(.restored(own), now: now), of: relayer)
        }
    }

    private func order(_ watched: WatchedClaim, _ head: RPCBlock) -> WatchOrder {
        let claim = watched.claim
        var standing = WatchOrder.Standing.open
        if claim.machine.isPaid { standing = .settled }
        if claim.state == .failed { standing = .refused }
        let age = UInt64(max(0, Int64(head.timestamp) - claim.createdAt)) + 120
        let since = watched.transactions.map(\.headBlock).min() ?? head.number - min(head.number, age * 4)
        return WatchOrder(
            claim: claim.id.row,
            transfer: AwaitedTransfer(
                key: AuthorizationKey(
                    token: Address(claim.key.asset), authorizer: Address(claim.key.payer), nonce: claim.key.nonce),
                to: Address(claim.payTo), value: claim.amountAtomic,
                validBefore: UInt64(max(0, claim.validBefore))),
            confirmations: 1, sinceBlock: min(since, head.number), standing: standing,
            sender: watched.transactions.last.map {
                WatchOrder.Sender(relayer: Address($0.relayer), nonce: $0.nonce)
            },
            hashes: watched.transactions.map(\.hash),
            share: BatchShare(place: watched.place, of: watched.batchCount))
    }
}
