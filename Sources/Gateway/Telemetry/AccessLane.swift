import EventLoop

/// One loop's end of the access log: formats lines into a batch of its own, with no lock and no allocation, and hands it
/// over when it holds 64 KiB or is 100 ms old. Belongs to the loop's thread.
final class AccessLane: TimerTarget {
    static let handOverNanoseconds: UInt64 = 100_000_000

    private let log: AccessLog
    private let timer: Timer
    private(set) var batch = LogBatch()
    private var clock = WallClockText()

    init(_ log: AccessLog, timers: TimerWheel) {
        self.log = log
        timer = Timer(timers)
        timer.target = self
    }

    deinit { timer.unlink() }

    /// `now` is the loop's monotonic time, in nanoseconds.
    func append(_ entry: AccessEntry, now: UInt64) {
        if batch.lines == 0 { timer.arm(atNanoseconds: now + Self.handOverNanoseconds) }
        entry.append(to: &batch.bytes, clock: &clock)
        batch.lines += 1
        if batch.bytes.count >= LogBatch.fullBytes { handOver() }
    }

    /// Hands over what there is: by the timer, and by the loop's owner before it stops.
    func handOver() {
        timer.cancel()
        batch = log.take(batch)
    }

    func timerFired(_ timer: Timer) { handOver() }
}
