import Bytes
import Chains

/// Every claim of one chain whose truth is not final, as a value: it says what to ask of the nodes, and what their answers mean.
///
/// Positive evidence from one node is enough; a refusal needs every node that answers. Time is given in milliseconds of any
/// monotonic clock.
public struct Watchlist: Sendable {
    /// How long blocks are scanned for a claim; afterwards it is only looked at now and then.
    static let scanMilliseconds: UInt64 = 120_000
    static let firstLookMilliseconds: UInt64 = 6_000
    static let lookMilliseconds: UInt64 = 15_000
    static let slowestLookMilliseconds: UInt64 = 600_000
    static let finalityMilliseconds: UInt64 = 10_000
    /// Blocks that are scanned at most: nodes refuse long ranges. What lies before is left to looks.
    static let scanBlocks: UInt64 = 200
    static let looksAtOnce = 32
    /// How far below the block from which on evidence is looked for it may come to stand, where blocks were taken back since.
    static let reorganizedBlocks: UInt64 = 64
    /// Looks in a row at a claim whose nonce is used and of which nothing was found.
    static let looksForMined = 5
    static let receiptsAtMost = 5

    enum Phase: Sendable {
        /// Nothing that counts was found.
        case awaited
        /// Found, not deep enough yet.
        case seen(ChainPlace)
        /// Told as settled.
        case settled(ChainPlace)
        /// Told as settled; the place is to be found, after a start or because blocks were taken back.
        case rechecked
    }

    struct Entry: Sendable {
        var order: WatchOrder
        var phase: Phase
        /// Blocks from here on were not scanned for it.
        var scanFrom: UInt64
        var scanUntil: UInt64
        var nextLookAt: UInt64
        var looks = 0
        /// Its nonce was used in this many looks at the chain in a row, and nothing was found.
        var minedUnseen = 0
        /// A transaction that only its receipt explains.
        var unclear: Bytes32?
        /// A cancellation or another use, to be confirmed when it is final.
        var adverse: ChainFinding?
        /// Own transaction that was mined and did not settle it, in this block.
        var reverted: ChainPlace?
        /// How often receipts of its mined transactions were asked for; none is missing any more at `receiptsAtMost`.
        var receiptAsks = 0
        /// Its part of what own transactions cost.
        var gasWei: UInt128?
        /// The transaction that was told to have settled it.
        var told: Bytes32?
        var nextAuditAt: UInt64 = 0
    }

    public internal(set) var heads = HeadTracker()
    /// The newest final block that was heard of.
    var finalized: RPCBlock?
    var nextFinalityAt: UInt64 = 0
    /// Relayers' counts at the newest block.
    var counts: [Address: UInt64] = [:]
    var entries: [Int64: Entry] = [:]
    /// Neither settled nor done with: what is scanned for or looked at.
    var open: Set<Int64> = []
    /// Settled claims by the block of their evidence.
    var settledIn: [UInt64: [Int64]] = [:]
    var claims: [AuthorizationKey: Int64] = [:]

    public init() {}

    public var count: Int { entries.count }
    /// Claims that an exchange waits for.
    public var waiting: Int { open.reduce(0) { $0 + (entries[$1]?.order.deadline == nil ? 0 : 1) } }
    public var head: RPCBlock? { heads.head }

    public func isWatched(_ claim: Int64) -> Bool { entries[claim] != nil }

    /// Whether something may happen at any moment, so that the chain is to be looked at often.
    public func isBusy(now: UInt64) -> Bool { open.contains { entries[$0].map { $0.scanUntil > now } ?? false } }

    public mutating func add(_ order: WatchOrder, now: UInt64) {
        let isSettled = order.standing == .settled
        entries[order.claim] = Entry(
            order: order, phase: isSettled ? .rechecked : .awaited,
            scanFrom: heads.head.map { $0.number + 1 } ?? order.sinceBlock,
            scanUntil: order.standing == .open ? now + Self.scanMilliseconds : 0,
            // What stands from before a start is looked at soon; what was sent just now is scanned for.
            nextLookAt: order.deadline == nil ? now : now + Self.firstLookMilliseconds)
        open.insert(order.claim)
        claims[order.transfer.key] = order.claim
    }

    /// The ledger did not take the claim as sent after all.
    public mutating func remove(_ claim: Int64) {
        guard let entry = entries.removeValue(forKey: claim) else { return }
        open.remove(claim)
        if claims[entry.order.transfer.key] == claim { claims[entry.order.transfer.key] = nil }
        if case .settled(let place) = entry.phase { removeSettled(claim, place.block) }
    }

    /// A replacement was signed.
    public mutating func add(hash: Bytes32, to claim: Int64) { entries[claim]?.order.hashes.append(hash) }

    /// From where on evidence of a claim is looked for.
    public func firstBlock(of claim: Int64) -> UInt64? { entries[claim]?.order.sinceBlock }

    /// A node said that the nonce is used: the claim is looked at now.
    public mutating func lookNow(_ claim: Int64, now: UInt64) {
        if open.contains(claim) { entries[claim]?.nextLookAt = now }
    }

    /// Claims whose exchanges have waited long enough.
    public mutating func expired(now: UInt64) -> [WatchOutcome] {
        var outcomes: [WatchOutcome] = []
        for claim in open {
            guard let deadline = entries[claim]?.order.deadline, deadline <= now else { continue }
            entries[claim]?.order.deadline = nil
            outcomes.append(.unknown(claim: claim))
        }
        return outcomes
    }

    /// Somebody who is believed says that nothing moved; it is watched on, for nothing is final.
    public mutating func refused(_ claim: Int64) -> [WatchOutcome] {
        guard let entry = entries[claim], open.contains(claim), case .awaited = entry.phase else { return [] }
        return refuse(entry, .reverted)
    }

    // MARK: What is found

    /// Notes a finding, and says what it comes to.
    mutating func note(_ finding: ChainFinding, of claim: Int64, now: UInt64) -> [WatchOutcome] {
        guard var entry = entries[claim] else { return [] }
        entry.minedUnseen = 0
        switch finding {
        case .unclear(let place):
            entry.unclear = place.transaction
            entry.nextLookAt = now
        case .canceled, .usedElsewhere:
            // Our own transaction can only have been reverted: its receipt tells before the block is final.
            if entry.adverse == nil { entry.nextLookAt = now }
            entry.adverse = finding
            entry.unclear = nil
            if case .seen = entry.phase { entry.phase = .awaited }
            entries[claim] = entry
            if case .rechecked = entry.phase { return lose(claim, now: now) }
            return []
        case .settled(let place):
            entry.unclear = nil
            entry.adverse = nil
            entries[claim] = entry
            return found(place, claim)
        }
        entries[claim] = entry
        return []
    }

    private mutating func found(_ place: ChainPlace, _ claim: Int64) -> [WatchOutcome] {
        guard var entry = entries[claim] else { return [] }
        if case .settled = entry.phase { return [] }
        // A node that follows another history than the heads that were seen proves nothing about this one.
        if let known = heads.hash(at: place.block), known != place.blockHash { return [] }
        let isDeep = heads.confirmations(of: place.block) >= entry.order.confirmations
        switch entry.phase {
        case .awaited, .seen:
            guard isDeep else {
                entry.phase = .seen(place)
                entry.scanFrom = min(entry.scanFrom, place.block)
                entries[claim] = entry
                return []
            }
        // It counted before: that it is there is enough.
        case .rechecked, .settled: break
        }
        // Another transaction has it now: what was told before is gone.
        let isAnother = entry.told.map { $0 != place.transaction } ?? false
        entry.told = place.transaction
        entry.phase = .settled(place)
        entry.order.standing = .settled
        entry.order.deadline = nil
        entry.reverted = nil
        entries[claim] = entry
        open.remove(claim)
        settledIn[place.block, default: []].append(claim)
        let settled = WatchOutcome.settled(claim: claim, place, gasWei: entry.gasWei)
        return isAnother ? [.reorganized(claim: claim), settled] : [settled]
    }

    private mutating func removeSettled(_ claim: Int64, _ block: UInt64) {
        settledIn[block]?.removeAll { $0 == claim }
        if settledIn[block]?.isEmpty == true { settledIn[block] = nil }
    }

    /// Blocks above `fork` are gone: what they proved is to be found again.
    mutating func takeBack(above fork: UInt64, now: UInt64) {
        for block in settledIn.keys where block > fork {
            for claim in settledIn.removeValue(forKey: block) ?? [] {
                entries[claim]?.phase = .rechecked
                open.insert(claim)
            }
        }
        for claim in open {
            guard var entry = entries[claim] else { continue }
            if case .seen(let place) = entry.phase, place.block > fork { entry.phase = .awaited }
            if let place = entry.adverse?.place, place.block > fork { entry.adverse = nil }
            if let place = entry.reverted, place.block > fork { entry.reverted = nil }
            entry.unclear = nil
            entry.receiptAsks = 0
            entry.gasWei = nil
            entry.scanFrom = min(entry.scanFrom, fork + 1)
            entry.scanUntil = max(entry.scanUntil, now + Self.scanMilliseconds)
            entries[claim] = entry
        }
    }

    /// The evidence is gone for good, as far as the chain is known now.
    mutating func lose(_ claim: Int64, now: UInt64) -> [WatchOutcome] {
        entries[claim]?.phase = .awaited
        entries[claim]?.told = nil
        entries[claim]?.scanUntil = now + Self.scanMilliseconds
        entries[claim]?.nextLookAt = now + Self.firstLookMilliseconds
        entries[claim]?.looks = 0
        entries[claim]?.minedUnseen = 0
        entries[claim]?.receiptAsks = 0
        return [.reorganized(claim: claim)]
    }
}
