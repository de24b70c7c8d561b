@testable import EventLoop

/// Ends a test's loop that nothing else ends.
final class Guard: TimerTarget {
    private let timer: Timer
    private let loop: EventLoop
    private(set) var tookTooLong = false

    init(_ loop: EventLoop) {
        self.loop = loop
        timer = Timer(loop.timers)
        timer.target = self
        timer.arm(atNanoseconds: monotonicNanoseconds() + 20_000_000_000)
    }

    deinit { timer.unlink() }

    func timerFired(_ timer: Timer) {
        tookTooLong = true
        loop.stop()
    }
}
