import Bytes
import Chains
import OnChain

@testable import Ledger

/// One relayer of ours.
final class RelayerAccount {
    var queue: RelayerQueue
    var wantsRecount = true

    init(_ number: UInt64) {
        queue = RelayerQueue(
            address: SimulatedChain.address(0xC0 + number), policy: FeePolicy(capWei: 1_000_000))
    }

    var address: Address { queue.address }
}

/// The money loop's part of one chain, as the gateway wires queue, watchlist and ledger, with a network that loses, delays and
/// reorders in the place of its RPC client.
///
/// @unchecked: see `WorldClock`.
final class MoneyDriver: @unchecked Sendable {
    /// An exchange that waits for its settlement.
    struct Settling {
        let reply: (Settlement) -> Void
        var order: WatchOrder
        let ticket: Ticket
        let number: UInt64
        var sent: (relayer: RelayerAccount, transaction: RelayTransaction)?
        var transaction = ""
    }

    static let chain = "eip155:84532"
    static let deadlineMilliseconds: UInt64 = 5_000
    /// What a window has to hold still when a transaction is signed.
    static let marginSeconds: Int64 = 3
    static let blocksBefore: UInt64 = 60
    /// Other blocks may come to hold what stood higher.
    static let reorganizationDepth: UInt64 = 6
    static let gasLimit: UInt64 = 120_000

    unowned let server: Server
    var world: World { server.world }
    let relayers: [RelayerAccount]
    private var firstSender = 0
    var list = Watchlist()
    var settling: [Int64: Settling] = [:]
    var names: [Int64: ClaimID] = [:]
    var takenUp: [WatchedClaim] = []
    private var verified: [UInt64: UInt64] = [:]
    private var gathering = SettlementGathering(atMost: 4)
    private var sendingIsDue = false
    private var isTicking = false
    private var startedAt: UInt64 = 0
    private var nextTickAt = UInt64.max
    private var heardAt: UInt64?

    init(_ server: Server) {
        self.server = server
        relayers = (1...UInt64(server.world.seed % 2 + 1)).map { RelayerAccount($0) }
    }

    var now: UInt64 { world.timeline.now }

    /// Nothing is watched or in flight any more.
    var isIdle: Bool {
        settling.isEmpty && list.count == 0 && takenUp.isEmpty && hasBegun
            && relayers.allSatisfy { $0.queue.inFlight == 0 }
    }

    private var hasBegun = false

    func begin() {
        server.post(
            .watched(
                server.reply(
                    committed: { [self] claims in
                        // It stands before whatever the same commit says to others.
                        server.after(0) { self.takeUp(claims) }
                    }, { _ in })))
        tick()
    }

    // MARK: The network

    /// Asks a node: it answers as it stands when the question arrives, or never.
    func ask<Value>(
        _ answer: @escaping (_ chain: SimulatedChain, _ seen: Int) -> Value, _ done: @escaping (Value?) -> Void
    ) {
        let world = world
        if world.chance(world.adversity.rpcLoss) {
            return server.after(Self.deadlineMilliseconds) { done(nil) }
        }
        server.after(delay()) { [self] in
            let behind = world.chance(world.adversity.nodeLag) ? world.pick(1...3) : 0
            let value = answer(world.chain, max(1, world.chain.blocks.count - behind))
            server.after(delay()) { done(value) }
        }
    }

    private func delay() -> UInt64 {
        UInt64(world.chance(850) || world.isResting ? world.pick(1...60) : world.pick(60...2_000))
    }

    private func broadcast(_ hash: Bytes32, _ done: @escaping (BroadcastAnswer) -> Void) {
        let (world, server) = (world, server)
        let isLost = world.chance(world.adversity.rpcLoss)
        let arrives = !isLost || world.chance(500)
        if arrives {
            world.after(delay()) {
                let answer = world.chain.take(hash)
                if !isLost, server.isAlive { server.after(self.delay()) { done(answer) } }
            }
            if world.chance(world.adversity.duplicate) {
                world.note("a broadcast arrives twice")
                world.after(delay() * 3) { _ = world.chain.take(hash) }
            }
        }
        if isLost { server.after(Self.deadlineMilliseconds) { done(.unreachable) } }
    }

    // MARK: Before a claim

    enum Verdict {
        case good(balance: UInt128?)
        case refused(String)
        case unreachable
    }

    func verify(_ number: UInt64, readsBalance: Bool, _ done: @escaping (Verdict) -> Void) {
        guard heardAt.map({ now < $0 + 15_000 }) ?? false, sender() != nil else { return done(.unreachable) }
        if let head = list.head?.number, verified[number] == nil { verified[number] = head }
        ask({ chain, seen in
            let block = chain.blocks[seen - 1]
            if let refusal = chain.refusal(number, at: block, timestamp: UInt64(self.world.clock.trueSeconds)) {
                return Verdict.refused("\(refusal)")
            }
            let wallet = chain.authorizations[number]!.wallet
            return .good(balance: readsBalance ? block.balances[wallet] : nil)
        }) { done($0 ?? .unreachable) }
    }

    func sender() -> RelayerAccount? {
        var best: RelayerAccount?
        for at in relayers.indices.map({ ($0 + firstSender) % relayers.count }) {
            let relayer = relayers[at]
            if relayer.queue.refusal(now: now) != nil { continue }
            if relayer.queue.inFlight < best?.queue.inFlight ?? .max { best = relayer }
        }
        return best
    }

    // MARK: Settling

    func settle(
        _ ticket: Ticket, _ number: UInt64, confirmations: UInt64, timeout: UInt64,
        _ reply: @escaping (Settlement) -> Void
    ) {
        guard let authorization = world.chain.authorizations[number] else {
            preconditionFailure("nobody signed \(number)")
        }
        let row = ticket.id.row
        let head = list.head?.number
        let known = verified.removeValue(forKey: number)
        let seen = known.map { min($0, head ?? 0) } ?? (head ?? 0) - min(head ?? 0, Self.blocksBefore)
        let since = seen - min(seen, Self.reorganizationDepth)
        let order = WatchOrder(
            claim: row, transfer: authorization.transfer, confirmations: confirmations, sinceBlock: since,
            deadline: now + timeout)
        settling[row] = Settling(reply: reply, order: order, ticket: ticket, number: number)
        names[row] = ticket.id
        guard isInTime(order) else { return refuse(row, "valid_before") }
        guard head != nil, sender() != nil else { return refuse(row, "transaction_failed") }
        gathering.add(row, now: now)
        sendSoon()
    }

    private func isInTime(_ order: WatchOrder) -> Bool {
        order.transfer.validBefore > UInt64(max(0, world.clock.unixSeconds() + Self.marginSeconds))
    }

    /// Nothing was signed or sent; a stranger may settle it all the same.
    private func refuse(_ row: Int64, _ code: String) {
        guard let waiting = settling.removeValue(forKey: row), let id = names[row] else { return }
        watchRefused(waiting.order)
        tell(id, .refused(code: code)) { waiting.reply(Settlement($0, transaction: "")) }
    }

    func watchRefused(_ order: WatchOrder) {
        var order = order
        order.standing = .refused
        order.deadline = nil
        order.sender = nil
        order.hashes = []
        order.share = .whole
        list.add(order, now: now)
    }

    func answer(_ row: Int64, _ settlement: Settlement) { settling.removeValue(forKey: row)?.reply(settlement) }

    func tell(_ id: ClaimID, _ evidence: Evidence, _ done: @escaping (EvidenceOutcome) -> Void) {
        let oracle = world.oracle
        server.post(
            .evidence(
                id, evidence,
                server.reply(committed: { oracle.learned(id.row, evidence, $0) }, done)))
    }

    private func sendSoon() {
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
        ask({ chain, seen in
            let block = chain.blocks[seen - 1]
            return numbers.map { row, number in
                (row, chain.refusal(number, at: block, timestamp: UInt64(self.world.clock.trueSeconds)))
            }
        }) { [self] outcomes in
            guard let outcomes else { return rows.forEach(sendAlone) }
            for case (let row, let refusal?) in outcomes {
                if refusal == .nonceUsed { sendAlone(row) } else { refuse(row, "transaction_failed") }
            }
            sendTogether(outcomes.filter { $0.1 == nil }.map(\.0))
        }
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

    private func sign(_ unsigned: UnsignedTransaction, _ relayer: RelayerAccount) -> RelayTransaction {
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

    // MARK: What queues want done

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

    // MARK: Ticks

    func wake() { if !isTicking { arm(startedAt + 500) } }

    private func arm(_ at: UInt64) {
        let at = max(at, now)
        if nextTickAt <= at { return }
        nextTickAt = at
        server.after(at - now) { [self] in
            if nextTickAt == at { tick() }
        }
    }

    private func tick() {
        if isTicking { return }
        nextTickAt = .max
        isTicking = true
        startedAt = now
        let probe = list.probe(now: now)
        let addresses = relayers.map(\.address)
        ask({ chain, seen in
            (
                chain.answer(probe, seen: seen, relayers: addresses),
                addresses.map { chain.pendingCount($0) }
            )
        }) { [self] answers in
            guard let (answers, pending) = answers, let latest = answers.latest else { return finish() }
            heardAt = now
            let outcomes = list.take(answers, to: probe, now: now)
            tellRelayers(answers, pending, latest)
            watched(outcomes)
            look()
        }
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
        ask({ chain, seen in chain.answer(plan, seen: seen, answersScan: answersScan) }) { [self] answers in
            watched(list.take(answers ?? WatchAnswers(), to: plan, now: now))
            finish()
        }
    }

    /// Three nodes are asked, each by itself.
    private func begin(_ audit: WatchAudit) {
        var said: [WatchLookAnswer?] = []
        for _ in 0..<3 {
            ask({ chain, seen in chain.answer(audit, seen: seen) }) { [self] answer in
                said.append(answer ?? nil)
                if said.count == 3 { watched(list.audited(audit, said, now: now)) }
            }
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

    private func takeUp(_ claims: [WatchedClaim]) {
        hasBegun = true
        requeue(claims)
        takenUp += claims
        takeUpWaiting()
        wake()
    }

    private func takeUpWaiting() {
        guard !takenUp.isEmpty, let head = list.head else { return }
        for each in takenUp {
            names[each.claim.id.row] = each.claim.id
            list.add(order(each, head), now: now)
            if each.claim.machine.isPaid || each.claim.state == .failed { over(each.claim.id.row) }
        }
        takenUp = []
        wake()
    }

    private func requeue(_ claims: [WatchedClaim]) {
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
