import Testing

@testable import EventLoop

@Suite struct TimerWheelTests {
    private static let millisecond: UInt64 = 1_000_000

    @Test(arguments: [0, 1, 7, 8, 9, 100, 34_359, 34_360, 75_000, 300_000, 86_400_000] as [UInt64])
    func firesOnceWithinATickAndNeverEarly(milliseconds: UInt64) throws {
        for offset in [0, 1, Clock.tick / 2, Clock.tick - 1] {
            let clock = Clock(5_000_000_000_000 + offset)
            let alarm = Alarm(clock.wheel)
            let deadline = clock.now + milliseconds * Self.millisecond
            alarm.timer.arm(atNanoseconds: deadline)
            #expect(alarm.timer.isArmed)
            let at = try #require(clock.sleepUntilFired(alarm))
            #expect(at >= deadline)
            #expect(at <= deadline + Clock.tick + 2 * Self.millisecond)
            #expect(!alarm.timer.isArmed)
            clock.pass(3 * Clock.turn)
            #expect(alarm.fired == 1)
            #expect(clock.wheel.waitMilliseconds(nowNanoseconds: clock.now) == -1)
            alarm.timer.unlink()
        }
    }

    @Test func aDeadlineThatHasPassedFiresSoon() throws {
        let clock = Clock()
        let alarm = Alarm(clock.wheel)
        alarm.timer.arm(atNanoseconds: 1)
        let at = try #require(clock.sleepUntilFired(alarm))
        #expect(at <= 5_000_000_000_000 + 2 * Clock.tick)
    }

    @Test func movedLaterItWaits() {
        let clock = Clock()
        let alarm = Alarm(clock.wheel)
        alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick)
        let deadline = clock.now + 10 * Clock.tick
        alarm.timer.arm(atNanoseconds: deadline)
        while clock.now + Clock.tick < deadline {
            clock.pass(Clock.tick)
            #expect(alarm.fired == 0)
        }
        clock.pass(2 * Clock.tick)
        #expect(alarm.fired == 1)
    }

    @Test func movedEarlierItDoesNotWait() {
        let clock = Clock()
        let alarm = Alarm(clock.wheel)
        alarm.timer.arm(atNanoseconds: clock.now + 1000 * Clock.tick)
        alarm.timer.arm(atNanoseconds: clock.now + 3 * Clock.tick)
        clock.pass(4 * Clock.tick)
        #expect(alarm.fired == 1)
        clock.pass(2000 * Clock.tick)
        #expect(alarm.fired == 1)
    }

    @Test func cancelledItNeverFiresUntilArmedAgain() {
        let clock = Clock()
        let alarm = Alarm(clock.wheel)
        alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick)
        alarm.timer.cancel()
        #expect(!alarm.timer.isArmed)
        clock.pass(10 * Clock.tick)
        #expect(alarm.fired == 0)
        alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick)
        alarm.timer.cancel()
        alarm.timer.arm(atNanoseconds: clock.now + Clock.tick)
        clock.pass(10 * Clock.tick)
        #expect(alarm.fired == 1)
    }

    @Test func unlinkedItIsLetGo() {
        let clock = Clock()
        weak var timer: Timer?
        do {
            let alarm = Alarm(clock.wheel)
            timer = alarm.timer
            alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick)
            alarm.timer.unlink()
            #expect(!alarm.timer.isArmed)
        }
        #expect(timer == nil)
        clock.pass(Clock.turn)
    }

    /// Of three in one place each one is taken out, first, middle and last.
    @Test func unlinkingLeavesTheNeighboursIn() {
        for gone in 0..<3 {
            let clock = Clock()
            let alarms = (0..<3).map { _ in Alarm(clock.wheel) }
            for alarm in alarms { alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick) }
            alarms[gone].timer.unlink()
            clock.pass(4 * Clock.tick)
            #expect(alarms.map(\.fired) == (0..<3).map { $0 == gone ? 0 : 1 })
        }
    }

    /// A deadline beyond the rim is looked at when the rim's turn comes, by a loop that may be late by a tick or more.
    @Test(arguments: [0, 1, 2, 100, 4094, 4095, 4096, 5000, 20_000] as [UInt64])
    func farDeadlinesSurviveALateLoop(lateTicks: UInt64) {
        let clock = Clock()
        let alarm = Alarm(clock.wheel)
        let deadline = clock.now + 5 * Clock.turn + 17 * Clock.tick
        alarm.timer.arm(atNanoseconds: deadline)
        while true {
            let wait = clock.wheel.waitMilliseconds(nowNanoseconds: clock.now)
            if wait < 0 || alarm.fired > 0 { break }
            clock.pass(UInt64(wait) * Self.millisecond + (wait > 0 ? lateTicks * Clock.tick : 0))
            if clock.now < deadline { #expect(alarm.fired == 0) }
            if clock.now >= deadline + 2 * Clock.tick { #expect(alarm.fired == 1) }
        }
        #expect(alarm.fired == 1)
    }

    /// Whole turns apart, deadlines share a place of the wheel.
    @Test func turnsOfTheWheelAreToldApart() {
        let clock = Clock()
        let alarms = (0..<5).map { _ in Alarm(clock.wheel) }
        for (turns, alarm) in alarms.enumerated() {
            alarm.timer.arm(atNanoseconds: clock.now + 10 * Clock.tick + UInt64(turns) * Clock.turn)
        }
        for round in 0..<5 {
            clock.pass(10 * Clock.tick)
            clock.pass(2 * Clock.tick)
            #expect(alarms.map(\.fired) == (0..<5).map { $0 <= round ? 1 : 0 })
            clock.pass(Clock.turn - 12 * Clock.tick)
        }
    }

    @Test(arguments: [1, 2, 50, 4095, 4096, 4097, 10_000] as [UInt64])
    func whoArmsAgainWhileFiringIsNotCalledInTheSameTurn(stallTicks: UInt64) {
        for interval in [0, 1, Clock.tick, 10 * Clock.tick, 4094 * Clock.tick, Clock.turn, 3 * Clock.turn] {
            let clock = Clock()
            let alarm = Alarm(clock.wheel)
            alarm.whenFired = { alarm.timer.arm(atNanoseconds: clock.now + interval) }
            alarm.timer.arm(atNanoseconds: clock.now)
            clock.pass((1 + stallTicks) * Clock.tick)
            #expect(alarm.fired == 1)
            clock.pass(interval + Clock.tick)
            #expect(alarm.fired == 2)
            alarm.timer.unlink()
            alarm.whenFired = nil
        }
    }

    @Test func whileFiringOthersAreCancelledUnlinkedAndMoved() {
        enum Deed: CaseIterable { case cancel, unlink, later, farther, earlier }
        for deed in Deed.allCases {
            let clock = Clock()
            let pair = (0..<2).map { _ in Alarm(clock.wheel) }
            let bystanders = (0..<6).map { _ in Alarm(clock.wheel) }
            for (place, alarm) in pair.enumerated() {
                alarm.whenFired = {
                    let other = pair[1 - place].timer
                    if !other.isArmed { return }
                    switch deed {
                    case .cancel: other.cancel()
                    case .unlink: other.unlink()
                    case .later: other.arm(atNanoseconds: clock.now + 5 * Clock.tick)
                    case .farther: other.arm(atNanoseconds: clock.now + 2 * Clock.turn)
                    case .earlier: other.arm(atNanoseconds: clock.now - Clock.tick)
                    }
                }
            }
            // The same place, now and whole turns later: all are in hand when the first one fires.
            for alarm in bystanders[..<3] { alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick) }
            for alarm in pair { alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick) }
            for alarm in bystanders[3...] { alarm.timer.arm(atNanoseconds: clock.now + 2 * Clock.tick) }
            clock.pass(4 * Clock.tick)
            let firedAtOnce = pair.map(\.fired).reduce(0, +)
            #expect(firedAtOnce == (deed == .earlier ? 2 : 1), "\(deed)")
            #expect(bystanders.map(\.fired) == [1, 1, 1, 1, 1, 1], "\(deed)")
            for _ in 0..<4 { clock.pass(Clock.turn) }
            let fired = pair.map(\.fired).reduce(0, +)
            #expect(fired == (deed == .cancel || deed == .unlink ? 1 : 2), "\(deed)")
            for alarm in pair { alarm.whenFired = nil }
        }
    }

    @Test func afterAStallTheEarliestFireFirst() {
        let clock = Clock()
        var order: [Int] = []
        let alarms = (0..<5).map { _ in Alarm(clock.wheel) }
        for (place, alarm) in alarms.enumerated() {
            alarm.whenFired = { order.append(place) }
            alarm.timer.arm(atNanoseconds: clock.now + UInt64(place * 3 + 1) * Clock.tick)
        }
        clock.pass(100 * Clock.tick)
        #expect(order == [0, 1, 2, 3, 4])
    }
}
