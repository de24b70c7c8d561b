import Ledger
import Testing

@testable import Gateway

@Suite struct RollingCountTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(arguments: [1, 2, 10, 120])
    func exactlyAsManyAsTheBoundSays(_ count: Int) {
        var events = RollingCount()
        let bound = RateBound(count: count, windowSeconds: 60)
        for at in 0..<count {
            #expect(events.take(bound, now: 5 * Self.second) == .counted(left: count - at - 1))
        }
        #expect(events.take(bound, now: 5 * Self.second) == .full(retryAfterSeconds: 63))
    }

    /// Against a list of every event: never more than the bound in any window, and none refused whose window and a fifteenth of it
    /// hold fewer.
    @Test(arguments: [1, 7, 60, 3_600, 34_560_000] as [Int64])
    func neverMoreInAnyWindow(_ windowSeconds: Int64) {
        var random = SystemRandomNumberGenerator()
        let bound = RateBound(count: 5, windowSeconds: windowSeconds)
        let window = UInt64(windowSeconds) * Self.second
        var events = RollingCount()
        var taken: [UInt64] = []
        var now: UInt64 = 12_345
        for _ in 0..<3_000 {
            now += UInt64.random(in: 0...window / 3, using: &random)
            let result = events.take(bound, now: now)
            switch result {
            case .counted:
                taken.append(now)
                #expect(taken.count { $0 + window > now } <= bound.count)
            case .full:
                let longest = window + window / 15 + 16
                #expect(taken.count { $0 + longest > now } >= bound.count)
            }
        }
    }

    @Test func comingBackWhenToldIsLetIn() {
        let bound = RateBound(count: 3, windowSeconds: 30)
        var events = RollingCount()
        for at in 0..<3 as Range<UInt64> { _ = events.take(bound, now: at * 7 * Self.second) }
        guard case .full(let seconds) = events.take(bound, now: 15 * Self.second) else {
            return #expect(Bool(false))
        }
        var tooEarly = events
        #expect(tooEarly.take(bound, now: UInt64(15 + seconds - 3) * Self.second) != .counted(left: 0))
        #expect(events.take(bound, now: UInt64(15 + seconds) * Self.second) == .counted(left: 0))
    }

    @Test func whatIsGivenBackIsFreeAgain() {
        let bound = RateBound(count: 2, windowSeconds: 60)
        var events = RollingCount()
        #expect(events.take(bound, now: 0) == .counted(left: 1))
        #expect(events.take(bound, now: 20 * Self.second) == .counted(left: 0))
        events.giveBack(bound, now: 30 * Self.second)
        #expect(events.take(bound, now: 31 * Self.second) == .counted(left: 0))
        #expect(events.take(bound, now: 32 * Self.second) != .counted(left: 0))
    }

    /// Nothing is given back twice, and a clock that goes back loses nothing.
    @Test func edges() {
        let bound = RateBound(count: 1, windowSeconds: 1)
        var events = RollingCount()
        events.giveBack(bound, now: 5)
        #expect(events.take(bound, now: 100 * Self.second) == .counted(left: 0))
        #expect(events.take(bound, now: 0) == .full(retryAfterSeconds: 102))
        #expect(events.take(bound, now: 102 * Self.second) == .counted(left: 0))
        events.add(bound, now: 102 * Self.second)
        #expect(events.take(bound, now: 102 * Self.second) == .full(retryAfterSeconds: 2))
    }
}
