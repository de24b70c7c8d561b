/// Unix seconds that go on with the monotonic clock: what is done to the wall clock while the process runs changes no window.
struct SteadyClock {
    private let startSeconds: Int64
    private let startNanoseconds: UInt64

    /// It is `second` now.
    init(second: Int64, monotonicNanoseconds: UInt64) {
        startSeconds = second
        startNanoseconds = monotonicNanoseconds
    }

    func second(at monotonicNanoseconds: UInt64) -> Int64 {
        guard monotonicNanoseconds > startNanoseconds else { return startSeconds }
        return startSeconds + Int64((monotonicNanoseconds - startNanoseconds) / 1_000_000_000)
    }
}
