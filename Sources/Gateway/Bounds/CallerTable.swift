import Ledger
import Synchronization

/// Counts of many callers, shared by all loops, in bounded memory.
///
/// Each shard has a young and an old half. What is asked for moves to the young one; when that is full it becomes the old one, and
/// the former old one is forgotten. So the callers that are forgotten are those that were not seen for longest.
final class CallerTable: Sendable {
    private static let shardCount = 16

    private struct Shard {
        var young: [CallerKey: RollingCount] = [:]
        var old: [CallerKey: RollingCount] = [:]
    }

    /// So that a class holds the locks in one run of memory.
    private final class Lock: Sendable {
        let shard = Mutex(Shard())
    }

    private let locks: [Lock]
    private let callersAtMost: Int

    /// - Parameter callersAtMost: in each half of each shard.
    init(callersAtMost: Int = 2_048) {
        self.callersAtMost = callersAtMost
        locks = (0..<Self.shardCount).map { _ in Lock() }
    }

    /// Callers that are remembered.
    var count: Int { locks.reduce(0) { sum, lock in sum + lock.shard.withLock { $0.young.count + $0.old.count } } }

    func take(_ key: CallerKey, _ bound: RateBound, now: UInt64) -> RollingCount.Taken {
        with(key) { $0.take(bound, now: now) }
    }

    func add(_ key: CallerKey, _ bound: RateBound, now: UInt64) { with(key) { $0.add(bound, now: now) } }

    func giveBack(_ key: CallerKey, _ bound: RateBound, now: UInt64) { with(key) { $0.giveBack(bound, now: now) } }

    private func with<Result>(_ key: CallerKey, _ body: (inout RollingCount) -> Result) -> Result {
        let at = Int(UInt(bitPattern: key.hashValue) % UInt(Self.shardCount))
        return locks[at].shard.withLock { shard in
            if let place = shard.young.index(forKey: key) { return body(&shard.young.values[place]) }
            var count = shard.old.removeValue(forKey: key) ?? RollingCount()
            if shard.young.count >= callersAtMost {
                shard.old = shard.young
                shard.young = [:]
            }
            let result = body(&count)
            shard.young[key] = count
            return result
        }
    }
}
