import Testing

@testable import EventLoop

/// Counts, and does what the test asks while its timer fires.
final class Alarm: TimerTarget {
    let timer: Timer
    var fired = 0
    var whenFired: (() -> Void)?

    init(_ wheel: TimerWheel) {
        timer = Timer(wheel)
        timer.target = self
    }

    func timerFired(_ timer: Timer) {
        #expect(timer === self.timer)
        fired += 1
        whenFired?()
    }
}

/// A wheel whose time is set by hand.
final class Clock {
    static let tick: UInt64 = 1 << 23
    /// The wheel's whole turn.
    static let turn = 4096 * tick
    private(set) var now: UInt64
    let wheel: TimerWheel

    init(_ now: UInt64 = 5_000_000_000_000) {
        self.now = now
        wheel = TimerWheel(nowNanoseconds: now)
    }

    func pass(_ nanoseconds: UInt64) {
        now += nanoseconds
        wheel.fireDue(nowNanoseconds: now)
    }

    /// Sleeps as the loop would, again and again, until `alarm` has fired; nil when the wheel would sleep for ever.
    func sleepUntilFired(_ alarm: Alarm) -> UInt64? {
        let before = alarm.fired
        while alarm.fired == before {
            let wait = wheel.waitMilliseconds(nowNanoseconds: now)
            if wait < 0 { return nil }
            pass(UInt64(wait) * 1_000_000)
        }
        return now
    }
}
