import Testing

@testable import Gateway

@Suite struct BreakerTests {
    private static let second: UInt64 = 1_000_000_000
    private let breaker = Breaker(
        BreakerSettings(
            header: nil, statuses: StatusSet([422...422]), overPercent: 20, ofLast: 10, then: .deny, forSeconds: 30))

    @Test func fewAnswersNeverTripIt() {
        for _ in 0..<9 { #expect(breaker.note(isBad: true, now: 0) == nil) }
        #expect(breaker.openSeconds(now: 0) == (nil, nil))
        #expect(breaker.note(isBad: true, now: 0) == .tripped(bad: 10, of: 10))
    }

    @Test func overMeansMoreThan() {
        for at in 0..<10 { #expect(breaker.note(isBad: at < 2, now: 0) == nil) }
        #expect(breaker.note(isBad: false, now: 0) == nil, "the oldest, a bad one, is forgotten")
        for _ in 0..<9 { #expect(breaker.note(isBad: false, now: 0) == nil) }
        for _ in 0..<2 { #expect(breaker.note(isBad: true, now: 0) == nil) }
        #expect(breaker.note(isBad: true, now: 0) == .tripped(bad: 3, of: 10))
    }

    @Test func itClosesInTimeAndBeginsAnew() {
        for _ in 0..<10 { _ = breaker.note(isBad: true, now: 0) }
        #expect(breaker.openSeconds(now: 1) == (30, nil))
        #expect(breaker.note(isBad: true, now: 10 * Self.second) == nil, "what runs meanwhile does not count")
        #expect(breaker.openSeconds(now: 30 * Self.second - 1) == (1, nil))
        #expect(breaker.openSeconds(now: 30 * Self.second) == (nil, .closed))
        #expect(breaker.openSeconds(now: 30 * Self.second) == (nil, nil))
        for _ in 0..<9 { #expect(breaker.note(isBad: true, now: 31 * Self.second) == nil) }
        #expect(breaker.note(isBad: true, now: 31 * Self.second) == .tripped(bad: 10, of: 10))
    }
}

private func == (a: (seconds: Int?, change: Breaker.Change?), b: (Int?, Breaker.Change?)) -> Bool {
    a.seconds == b.0 && a.change == b.1
}
