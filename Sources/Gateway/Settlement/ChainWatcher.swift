import Bytes
import Chains
import EventLoop
import OnChain

/// Who is told what a tick came to, on the money loop.
protocol ChainWatcherOwner: AnyObject {
    /// Everybody whose account sends on this chain.
    var relayers: [Relayer] { get }
    /// In order.
    func watched(_ outcomes: [WatchOutcome])
    func perform(_ actions: [QueueAction], of relayer: Relayer)
    /// A tick is over.
    func ticked()
}

/// One chain looked at again and again: a batch for the newest block and what hangs on it, and a second one only where there is
/// something new to read. All payments share them.
final class ChainWatcher: TimerTarget {
    /// Of one batch.
    static let deadlineMilliseconds = 5_000
    static let feesMilliseconds: UInt64 = 10_000
    static let balanceMilliseconds: UInt64 = 30_000
    /// While one is being spent, or waits to be filled up.
    static let tightBalanceMilliseconds: UInt64 = 2_000
    /// After as long without a word nobody knows what the chain does.
    static let silenceMilliseconds: UInt64 = 15_000
    /// Payers named in one `eth_getLogs`, and blocks of one: nodes refuse more.
    static let payersAtOnce = 200
    static let blocksAtOnce: UInt64 = 2_000
    /// Where a node names no final block, the one so far below its newest is taken.
    static let finalDepth: UInt64 = 64
    /// Where a node advises nothing: 1 gwei.
    static let usualPriorityFeeWei: UInt128 = 1_000_000_000

    var list = Watchlist()
    var rpc: RPCClient
    /// Between ticks while nothing is expected.
    private let idleMilliseconds: UInt64
    private unowned let owner: any ChainWatcherOwner
    private let timer: Timer
    private(set) var priorityFeeWei: UInt128?
    /// When the chain was heard last, in milliseconds; nil: never.
    private(set) var heardAt: UInt64?
    private var startedAt: UInt64 = 0
    private var isTicking = false
    private var isClosed = false
    private var hasFinalTag = true
    private var nextFeesAt: UInt64 = 0
    private var balancesReadAt: UInt64?
    /// What a block takes, as seen.
    private var blockMilliseconds: UInt64 = 1_000
    private var headSeen: (number: UInt64, at: UInt64)?

    init(rpc: RPCClient, idleMilliseconds: UInt64, timers: TimerWheel, owner: any ChainWatcherOwner) {
        self.rpc = rpc
        self.idleMilliseconds = idleMilliseconds
        self.owner = owner
        timer = Timer(timers)
        timer.target = self
    }

    deinit { timer.unlink() }

    /// Monotonic milliseconds.
    var now: UInt64 { monotonicNanoseconds() / 1_000_000 }

    /// Whether the chain was heard lately.
    func isHeard(now: UInt64) -> Bool { heardAt.map { now < $0 + Self.silenceMilliseconds } ?? false }

    /// The first tick.
    func begin() { tick() }

    /// Nothing is asked any more.
    func close() {
        isClosed = true
        timer.cancel()
    }

    /// Something was sent, or is to be watched: the next tick comes as soon as it may.
    func wake() { if !isTicking { arm(at: startedAt + busyMilliseconds) } }

    func timerFired(_ timer: Timer) { tick() }

    /// A quarter of a block's time.
    private var busyMilliseconds: UInt64 { min(max(blockMilliseconds / 4, 50), 1_000) }

    /// How long a settlement may wait for others that share its transaction: little beside a block's time.
    var gatherMilliseconds: UInt64 { min(max(blockMilliseconds / 8, 10), 250) }

    private func arm(at milliseconds: UInt64) {
        if isClosed { return }
        timer.arm(atNanoseconds: max(milliseconds, now) * 1_000_000)
    }

    private func finish() {
        isTicking = false
        let isBusy = list.isBusy(now: now) || list.heads.isLost || owner.relayers.contains { $0.queue.inFlight > 0 }
        arm(at: startedAt + (isBusy ? busyMilliseconds : idleMilliseconds))
        owner.ticked()
    }

    // MARK: First batch

    private func tick() {
        if isTicking || isClosed { return }
        isTicking = true
        let now = now
        startedAt = now
        rpc.compareHeads(now: now, deadlineMilliseconds: Self.deadlineMilliseconds)
        let probe = list.probe(now: now)
        let batch = ProbeBatch(
            probe, relayers: owner.relayers.map { ($0.address, $0.wantsRecount) }, head: list.head?.number,
            hasFinalTag: hasFinalTag, asksForFees: now >= nextFeesAt, asksForBalances: balancesAreDue(now))
        rpc.call(batch.calls, deadlineMilliseconds: Self.deadlineMilliseconds) { [weak self] replies in
            self?.probed(batch, replies)
        }
    }

    private func balancesAreDue(_ now: UInt64) -> Bool {
        let isTight = owner.relayers.contains(where: \.isTight)
        let pause = isTight ? Self.tightBalanceMilliseconds : Self.balanceMilliseconds
        return balancesReadAt.map { now >= $0 + pause } ?? true
    }

    private func probed(_ batch: ProbeBatch, _ replies: [RPCReply]) {
        if isClosed { return }
        let now = now
        let said = batch.read(replies)
        guard let latest = said.answers.latest else { return finish() }
        heardAt = now
        noteHead(latest.number, now)
        if said.hasNoFinalTag { hasFinalTag = false }
        if let fee = said.priorityFeeWei { priorityFeeWei = fee }
        if batch.asksForFees { nextFeesAt = now + Self.feesMilliseconds }
        if batch.asksForBalances { balancesReadAt = now }
        let outcomes = list.take(said.answers, to: batch.probe, now: now)
        tellRelayers(said, latest)
        owner.watched(outcomes)
        look()
    }

    private func noteHead(_ number: UInt64, _ now: UInt64) {
        guard let seen = headSeen, number > seen.number else {
            if headSeen == nil { headSeen = (number, now) }
            return
        }
        let each = (now - seen.at) / (number - seen.number)
        blockMilliseconds = (blockMilliseconds * 3 + each) / 4
        headSeen = (number, now)
    }

    private func tellRelayers(_ said: ProbeBatch.Reading, _ latest: RPCBlock) {
        // A node that is behind, or on blocks that are gone, counts what was true once.
        guard !list.heads.isLost, list.head?.hash == latest.hash else { return }
        let now = now
        let price = GasPrice(
            baseFeeWei: latest.baseFee ?? 0, priorityFeeWei: priorityFeeWei ?? Self.usualPriorityFeeWei)
        for relayer in owner.relayers {
            if let balance = said.balancesWei[relayer.address] { relayer.balanceWei = balance }
            _ = relayer.queue.on(.priced(price), now: now)
            guard let count = said.answers.counts[relayer.address] else { continue }
            let pending = said.pendingCounts[relayer.address]
            // The first count has to say what the node's pool holds: those nonces are taken.
            if relayer.wantsRecount && pending == nil { continue }
            relayer.wantsRecount = false
            owner.perform(relayer.queue.on(.counted(latest: count, pending: pending), now: now), of: relayer)
        }
    }

    // MARK: Second batch

    private func look() {
        let plan = list.plan(now: now)
        for audit in plan.audits { begin(audit) }
        let batch = LookBatch(plan)
        guard !batch.calls.isEmpty else { return finish() }
        rpc.call(batch.calls, deadlineMilliseconds: Self.deadlineMilliseconds) { [weak self] replies in
            guard let self, !isClosed else { return }
            owner.watched(list.take(batch.read(replies), to: plan, now: now))
            finish()
        }
    }

    private func begin(_ audit: WatchAudit) {
        let batch = AuditBatch(audit)
        rpc.callEach(batch.calls, deadlineMilliseconds: Self.deadlineMilliseconds) { [weak self] lists in
            guard let self, !isClosed else { return }
            owner.watched(list.audited(audit, lists.map { batch.read($0) }, now: now))
        }
    }
}
