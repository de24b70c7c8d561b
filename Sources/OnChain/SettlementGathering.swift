import Bytes

/// Settlements that are ready to be sent, as a value: few go at once and alone, many gather for a moment and share transactions.
///
/// Time is given in milliseconds of any monotonic clock.
public struct SettlementGathering: Sendable {
    /// The most that one transaction may carry.
    public static let largest = 32
    /// Fewer go alone: they wait for nobody.
    static let deep = 5
    /// How long every settlement goes alone after a batch in which several failed: who knows a way to make others fail with him has
    /// it once in so long.
    public static let pauseMilliseconds: UInt64 = 300_000
    static let failuresRemembered = 64

    private struct Waiting: Sendable {
        let claim: Int64
        let since: UInt64
    }

    /// What is to be sent now.
    public struct Due: Hashable, Sendable {
        public var together: [[Int64]] = []
        public var alone: [Int64] = []

        public init(together: [[Int64]] = [], alone: [Int64] = []) {
            self.together = together
            self.alone = alone
        }
    }

    /// The most that one transaction carries; 1: every settlement goes alone.
    public var atMost: Int
    private var waiting: [Waiting] = []
    private var pausedUntil: UInt64 = 0
    /// Members that failed, by their transaction.
    private var failures: [Bytes32: Int] = [:]

    public init(atMost: Int) { self.atMost = atMost }

    private var atLeast: Int { min(Self.deep, atMost) }

    public func isPaused(now: UInt64) -> Bool { now < pausedUntil }

    /// A settlement may go, together with others.
    public mutating func add(_ claim: Int64, now: UInt64) { waiting.append(Waiting(claim: claim, since: now)) }

    /// What waits, to be turned away; nothing waits afterwards.
    public mutating func takeAll() -> [Int64] {
        defer { waiting = [] }
        return waiting.map(\.claim)
    }

    /// - Parameters:
    ///   - unconfirmed: settlements that are ready or sent and that the chain does not show yet, those that wait here included.
    ///   - patience: how long a settlement waits for others, in milliseconds.
    public mutating func due(unconfirmed: Int, patience: UInt64, now: UInt64) -> Due {
        var due = Due()
        guard atMost > 1, now >= pausedUntil else {
            due.alone = takeAll()
            return due
        }
        while waiting.count >= atMost { due.together.append(takeFirst(atMost)) }
        guard let first = waiting.first else { return due }
        if unconfirmed < atLeast {
            due.alone = takeAll()
        } else if now >= first.since + patience {
            if waiting.count >= atLeast { due.together.append(takeAll()) } else { due.alone = takeAll() }
        }
        return due
    }

    /// When `due` is to be asked again; nil where nothing waits.
    public func nextDue(patience: UInt64) -> UInt64? { waiting.first.map { $0.since + patience } }

    private mutating func takeFirst(_ count: Int) -> [Int64] {
        defer { waiting.removeFirst(count) }
        return waiting.prefix(count).map(\.claim)
    }

    /// A member's call failed, or the whole transaction that carried it: one may have its own reasons, several have the same.
    public mutating func failed(in transaction: Bytes32, now: UInt64) {
        if failures.count >= Self.failuresRemembered { failures = [:] }
        failures[transaction, default: 0] += 1
        if failures[transaction]! > 1 { pausedUntil = now + Self.pauseMilliseconds }
    }
}
