import Ledger
import Synchronization

/// Two clocks that stand still until they are moved.
package final class ManualClock: LedgerClock {
    private let times: Mutex<(unix: Int64, nanoseconds: UInt64)>

    package init(unix: Int64 = 1_800_000_000) { times = Mutex((unix, 1_000_000_000_000)) }

    package func unixSeconds() -> Int64 { times.withLock { $0.unix } }
    package func monotonicNanoseconds() -> UInt64 { times.withLock { $0.nanoseconds } }

    /// Somebody sets the wall clock.
    package func jump(seconds: Int64) { times.withLock { $0.unix += seconds } }

    package func pass(milliseconds: Int) {
        times.withLock {
            let before = $0.nanoseconds / 1_000_000_000
            $0.nanoseconds += UInt64(milliseconds) * 1_000_000
            $0.unix += Int64($0.nanoseconds / 1_000_000_000 - before)
        }
    }
}
