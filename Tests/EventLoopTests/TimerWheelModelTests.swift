import Testing

@testable import EventLoop

/// Thousands of timers against what they were told, with every deed done from outside and from within a firing.
@Suite struct TimerWheelModelTests {
    private final class Model {
        let clock = Clock()
        var alarms: [Alarm] = []
        var deadlines: [UInt64] = []
        /// The tick by which each one must have fired.
        var dueTicks: [UInt64] = []
        var random: SeededRandom
        var firings = 0
        var failures = 0
        var nowTick: UInt64 { clock.now / Clock.tick }

        init(seed: UInt64, count: Int) {
            random = SeededRandom(seed)
            for at in 0..<count {
                let alarm = Alarm(clock.wheel)
                alarm.whenFired = { [unowned self] in fired(at) }
                alarms.append(alarm)
                deadlines.append(.max)
                dueTicks.append(.max)
            }
        }

        func fired(_ at: Int) {
            firings += 1
            if deadlines[at] > clock.now { failures += 1 }
            deadlines[at] = .max
            dueTicks[at] = .max
            for _ in 0..<random.next(3) { act() }
            if random.next(2) == 0 { arm(at) }
        }

        func act() {
            let at = random.next(alarms.count)
            switch random.next(8) {
            case 0:
                alarms[at].timer.cancel()
                forget(at)
            case 1:
                alarms[at].timer.unlink()
                forget(at)
            default: arm(at)
            }
        }

        func arm(_ at: Int) {
            let ticks: Int =
                switch random.next(6) {
                case 0: -random.next(3)
                case 1: random.next(3)
                case 2: random.next(64)
                case 3: 4090 + random.next(12)
                case 4: 4096 * (1 + random.next(4))
                default: random.next(30_000)
                }
            let wanted = Int(clock.now) + ticks * Int(Clock.tick) + random.next(Int(Clock.tick))
            deadlines[at] = UInt64(wanted)
            dueTicks[at] = max(UInt64(wanted) / Clock.tick + 1, nowTick + 1)
            alarms[at].timer.arm(atNanoseconds: UInt64(wanted))
        }

        private func forget(_ at: Int) {
            deadlines[at] = .max
            dueTicks[at] = .max
        }

        /// Time goes on, by what the wheel would sleep or by a stall; then nobody who is due is left.
        func step() {
            let wait = clock.wheel.waitMilliseconds(nowNanoseconds: clock.now)
            let first = dueTicks.min() ?? .max
            if first != .max {
                let wakes = clock.now + UInt64(max(wait, 0)) * 1_000_000
                if wait < 0 || wakes >= first * Clock.tick + 1_000_000 && wait > 0 { failures += 1 }
            }
            let pause: UInt64 =
                switch random.next(12) {
                case 0: UInt64(random.next(5000)) * Clock.tick
                case 1: Clock.turn * UInt64(random.next(3)) + UInt64(random.next(Int(Clock.tick)))
                case 2...4: UInt64(random.next(20)) * Clock.tick
                default: UInt64(max(wait, 1)) * 1_000_000
                }
            clock.pass(pause)
            for at in alarms.indices {
                if dueTicks[at] <= nowTick { failures += 1 }
                if alarms[at].timer.isArmed != (deadlines[at] != .max) { failures += 1 }
            }
        }

        /// Takes the timers out, for they and their wheel hold each other.
        func end() {
            for alarm in alarms {
                alarm.timer.unlink()
                alarm.whenFired = nil
            }
        }
    }

    @Test(arguments: [(1, 3), (2, 50), (3, 2000), (4, 1), (5, 300)] as [(UInt64, Int)])
    func agreesWithTheModel(seed: UInt64, count: Int) {
        let model = Model(seed: seed, count: count)
        defer { model.end() }
        for _ in 0..<(count > 1000 ? 150 : 600) {
            for _ in 0..<max(1, count / 8) { model.act() }
            model.step()
            if model.failures > 0 { break }
        }
        #expect(model.failures == 0)
        #expect(model.firings > 50)
    }
}
