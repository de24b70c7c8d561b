import Bytes
import Chains

/// Why a relayer takes no further transaction now. Nothing has been sent or promised.
public enum QueueRefusal: Error, Hashable, Sendable {
    /// The chain has not been heard yet.
    case notReady
    /// What gas costs now is above the cap.
    case feesAboveCap
    /// As many transactions are in flight as may be.
    case full
    /// The oldest in flight does not get into a block, and enough wait behind it.
    case stuck
    /// The account cannot pay the gas.
    case noFunds
}

/// What happened to a relayer's transactions.
public enum QueueEvent: Sendable {
    /// `eth_getTransactionCount` of the relayer: at the newest block and, where it was asked, with what the node's pool holds.
    case counted(latest: UInt64, pending: UInt64?)
    case priced(GasPrice)
    /// The ledger holds the transaction: it may be broadcast.
    case durable(Bytes32)
    /// The ledger holds no trace of the transaction with this nonce: another may have it.
    case withdrawn(nonce: UInt64)
    /// Nobody knows whether the ledger holds the transaction with this nonce: no other may have it.
    case abandoned(nonce: UInt64)
    /// The ledger took no replacement: what it would replace is nobody's any more.
    case notReplaced(Bytes32)
    case answered(Bytes32, BroadcastAnswer)
    /// The claim's authorization was used or cannot be used any more: where that is so of all its claims, a transaction only holds up
    /// the others.
    case over(claim: Int64)
    /// The ledger's rows, at start and when they were asked for.
    case restored([RelayTransaction])
    /// Time went by.
    case turn
}

/// What is to be done next.
public enum QueueAction: Hashable, Sendable {
    /// Sign it, have the ledger hold it where it is for claims, then say `signed` and `durable`.
    case sign(UnsignedTransaction)
    case broadcast(RelayTransaction)
    /// Ask for both counts, and say `counted`.
    case recount
    /// Blocks were taken back further than the queue remembers: say `restored` with the ledger's rows.
    case restore
}

/// One account's transactions on one chain, as a value: nonces in order, many in flight, none given to two transactions that do
/// not replace each other.
///
/// Time is given in milliseconds of any monotonic clock. A chain's word is taken as it comes: where a node lags behind, what is
/// done in vain (the same bytes again) changes nothing.
public struct RelayerQueue: Sendable {
    /// How many may be in flight.
    public static let capacity = 1_024
    /// How many may wait behind one that does not get into a block.
    public static let behindStuck = 16
    /// How long the oldest may be in flight before it counts as stuck, and before each replacement.
    public static let stuckMilliseconds: UInt64 = 15_000
    static let againMilliseconds: UInt64 = 5_000
    static let unreachableMilliseconds: UInt64 = 1_000
    static let gapMilliseconds: UInt64 = 2_000
    static let noFundsMilliseconds: UInt64 = 10_000
    /// Transactions in blocks that are remembered, for the case that their blocks are taken back.
    static let remembered: UInt64 = 2_048
    /// Broadcasts and signatures of one turn.
    static let atOnce = 64

    struct Version: Sendable {
        let transaction: RelayTransaction
        var isDurable: Bool
    }

    struct Entry: Sendable {
        /// Nil for one that only takes up its nonce.
        var job: RelayJob?
        /// Oldest first; all of one nonce.
        var versions: [Version] = []
        var versionAt: UInt64
        var nextBroadcastAt: UInt64 = .max
        var isUnderpriced = false
        /// Of its claims, those that need it no longer.
        var over: Set<Int64> = []
        /// The ledger wants no further version of it.
        var isClosed = false

        /// Nobody needs what it calls any more.
        var isOver: Bool { isClosed || (job?.claims.allSatisfy { over.contains($0) } ?? false) }

        /// What is broadcast: the newest that is durable.
        var current: RelayTransaction? { versions.last { $0.isDurable }?.transaction }
        var waitsForLedger: Bool { versions.contains { !$0.isDurable } || versions.isEmpty }
    }

    /// A nonce that no transaction of ours holds.
    struct Gap: Sendable {
        let since: UInt64
        let mayBeReused: Bool
    }

    public let address: Address
    /// May change at any time; what is in flight keeps its fees.
    public var policy: FeePolicy
    var price: GasPrice?
    /// The chain's next nonce; nil before it was heard.
    var latest: UInt64?
    /// Ours.
    var next: UInt64 = 0
    /// What the node's pool held when it was asked last.
    var pooled: UInt64 = 0
    /// Below this nothing is remembered.
    var floor: UInt64 = 0
    /// By nonce, from `floor` to `next`; those below `latest` are in blocks.
    var entries: [UInt64: Entry] = [:]
    var gaps: [UInt64: Gap] = [:]
    var nonces: [Bytes32: UInt64] = [:]
    var nonceOfClaim: [Int64: UInt64] = [:]
    /// Since when the oldest in flight is the oldest.
    var frontSince: UInt64 = 0
    var noFundsUntil: UInt64 = 0
    /// The most that everything in flight may cost, in wei, as of the latest count and what was signed since.
    public internal(set) var pledgedWei: UInt128 = 0
    var asksForRows = false

    public init(address: Address, policy: FeePolicy) {
        self.address = address
        self.policy = policy
    }

    /// Nonces that transactions of ours hold and that are in no block yet; gaps are not counted.
    public var inFlight: Int {
        guard let latest else { return entries.count }
        return next > latest ? max(0, Int(next - latest) - gaps.count) : 0
    }

    /// How long the oldest has been in flight, where there is one.
    public func frontMilliseconds(now: UInt64) -> UInt64? { inFlight > 0 ? now - min(now, frontSince) : nil }

    /// Hashes of everything that was signed for a claim, as far as it is remembered.
    public func hashes(claim: Int64) -> [Bytes32] {
        nonceOfClaim[claim].flatMap { entries[$0]?.versions.map(\.transaction.hash) } ?? []
    }

    /// The nonce that a claim's transactions have.
    public func nonce(claim: Int64) -> UInt64? { nonceOfClaim[claim] }

    /// What a new transaction would offer now; nil where the cap leaves no room, or nothing is known.
    public var fees: Fees? { price.flatMap { policy.fees(at: $0) } }

    /// Why nothing more is taken now; nil where a job would be.
    public func refusal(now: UInt64) -> QueueRefusal? {
        guard latest != nil, price != nil, !asksForRows else { return .notReady }
        if fees == nil { return .feesAboveCap }
        if inFlight >= Self.capacity { return .full }
        if isStuck(now: now) && inFlight > Self.behindStuck { return .stuck }
        if now < noFundsUntil { return .noFunds }
        return nil
    }

    func isStuck(now: UInt64) -> Bool { (frontMilliseconds(now: now) ?? 0) >= Self.stuckMilliseconds }

    /// Gives the next nonce to a job. It is taken until `signed` and `durable`, `withdrawn` or `abandoned` are said.
    public mutating func take(_ job: RelayJob, now: UInt64) throws(QueueRefusal) -> UnsignedTransaction {
        if let refusal = refusal(now: now) { throw refusal }
        guard let latest, let fees else { throw .notReady }
        let nonce: UInt64
        if let reused = gaps.filter({ $0.key >= latest && $0.value.mayBeReused }).keys.min() {
            gaps[reused] = nil
            nonce = reused
        } else {
            if inFlight == 0 { frontSince = now }
            next = max(next, latest)
            nonce = next
            next += 1
        }
        entries[nonce] = Entry(job: job, versionAt: now)
        for claim in job.claims { nonceOfClaim[claim] = nonce }
        return UnsignedTransaction(
            kind: .payment, nonce: nonce, claims: job.claims, to: job.to, call: job.call, gasLimit: job.gasLimit,
            fees: fees)
    }

    /// The transaction was signed, and is broadcast when it is durable.
    public mutating func signed(_ transaction: RelayTransaction, now: UInt64) {
        guard entries[transaction.nonce] != nil else { return }
        entries[transaction.nonce]?.versions.append(Version(transaction: transaction, isDurable: false))
        entries[transaction.nonce]?.versionAt = now
        entries[transaction.nonce]?.isUnderpriced = false
        nonces[transaction.hash] = transaction.nonce
        pledgedWei = pledgedWei.addingSaturated(transaction.mostWei)
    }

    public mutating func on(_ event: QueueEvent, now: UInt64) -> [QueueAction] {
        switch event {
        case .counted(let latest, let pending): return counted(latest, pending, now)
        case .priced(let price): self.price = price
        case .durable(let hash): return durable(hash, now)
        case .withdrawn(let nonce): giveUp(nonce, mayBeReused: true, now)
        case .abandoned(let nonce): giveUp(nonce, mayBeReused: false, now)
        case .notReplaced(let hash): notReplaced(hash)
        case .answered(let hash, let answer): return answered(hash, answer, now)
        case .over(let claim): if let nonce = nonceOfClaim[claim] { entries[nonce]?.over.insert(claim) }
        case .restored(let rows): restore(rows, now)
        case .turn: return turn(now)
        }
        return []
    }

    private mutating func durable(_ hash: Bytes32, _ now: UInt64) -> [QueueAction] {
        guard let nonce = nonces[hash], var entry = entries[nonce],
            let at = entry.versions.firstIndex(where: { $0.transaction.hash == hash })
        else { return [] }
        entry.versions[at].isDurable = true
        entry.nextBroadcastAt = now + Self.againMilliseconds
        entries[nonce] = entry
        return entry.current.map { [.broadcast($0)] } ?? []
    }

    /// A nonce without a transaction: the newest is simply not given out, an older one leaves a gap.
    private mutating func giveUp(_ nonce: UInt64, mayBeReused: Bool, _ now: UInt64) {
        forget(nonce)
        gaps[nonce] = Gap(since: now, mayBeReused: mayBeReused)
        while next > 0, gaps[next - 1]?.mayBeReused == true {
            next -= 1
            gaps[next] = nil
        }
    }

    private mutating func notReplaced(_ hash: Bytes32) {
        guard let nonce = nonces.removeValue(forKey: hash) else { return }
        entries[nonce]?.versions.removeAll { $0.transaction.hash == hash }
        entries[nonce]?.isClosed = true
    }

    private mutating func answered(_ hash: Bytes32, _ answer: BroadcastAnswer, _ now: UInt64) -> [QueueAction] {
        guard let nonce = nonces[hash] else { return [] }
        switch answer {
        case .accepted, .alreadyKnown: noFundsUntil = 0
        case .nonceTooLow: return nonce >= latest ?? 0 ? [.recount] : []
        case .underpriced: if entries[nonce]?.current?.hash == hash { entries[nonce]?.isUnderpriced = true }
        case .insufficientFunds: noFundsUntil = now + Self.noFundsMilliseconds
        case .rejected: break
        case .unreachable: entries[nonce]?.nextBroadcastAt = now + Self.unreachableMilliseconds
        }
        return []
    }

    mutating func forget(_ nonce: UInt64) {
        guard let entry = entries.removeValue(forKey: nonce) else { return }
        for version in entry.versions { nonces[version.transaction.hash] = nil }
        for claim in entry.job?.claims ?? [] where nonceOfClaim[claim] == nonce { nonceOfClaim[claim] = nil }
    }
}
