import Glibc

/// The ledger's two clocks, injected for tests.
public protocol LedgerClock: Sendable {
    /// Wall clock, for windows and rows.
    func unixSeconds() -> Int64
    /// Never goes back, for waiting.
    func monotonicNanoseconds() -> UInt64
}

/// The kernel's clocks.
public struct SystemClock: LedgerClock {
    public init() {}

    public func unixSeconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }

    public func monotonicNanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
