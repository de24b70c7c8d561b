import Testing

@testable import Ledger

/// Windows by a clock that nobody can set.
@Suite struct BoundClockTests {
    static let bounds = [BoundPolicy(name: "p", walletRate: RateBound(count: 1, windowSeconds: 60))]

    @Test(arguments: [-1_000_000, -61, -1, 1, 61, 1_000_000]) func theWallClockIsSetWhileItRuns(seconds: Int64) throws {
        let desk = try Desk()
        let first = desk.admit(BoundTests.pay(nonce: 1, Self.bounds))
        #expect(first.text == "claimed")
        desk.clock.jump(seconds: seconds)
        desk.pass(milliseconds: 59_000)
        #expect(desk.admit(BoundTests.pay(nonce: 2, Self.bounds)).text.hasSuffix("in 1"))
        desk.pass(milliseconds: 1000)
        let second = desk.admit(BoundTests.pay(nonce: 3, Self.bounds))
        #expect(second.text == "claimed")
    }

    @Test(arguments: [-1_000_000, -10, 0, 10, 60]) func theWallClockIsSetBetweenTwoRuns(seconds: Int64) throws {
        var desk = try Desk()
        _ = desk.admit(BoundTests.pay(nonce: 1, Self.bounds)).ticket.map { _ = desk.settle($0) }
        desk.clock.jump(seconds: seconds)
        desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock)
        let answer = desk.admit(BoundTests.pay(nonce: 2, Self.bounds))
        // Time stands still where the clock was set back, and passes as it says where it was set forward.
        #expect(answer.text == (seconds >= 60 ? "claimed" : "bounded wallet_rate p left 0 in \(60 - max(seconds, 0))"))
    }

    @Test func aClockThatWasAheadOnceNeverGivesABoundTwice() throws {
        var desk = try Desk()
        desk.clock.jump(seconds: 1_000_000)
        desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock)
        _ = desk.admit(BoundTests.pay(nonce: 1, Self.bounds)).ticket.map { _ = desk.settle($0) }
        desk.clock.jump(seconds: -1_000_000)
        for _ in 0..<3 {
            desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock)
            #expect(desk.admit(BoundTests.pay(nonce: 2, Self.bounds)).text.hasSuffix("in 60"))
        }
        desk.pass(milliseconds: 60_000)
        #expect(desk.admit(BoundTests.pay(nonce: 2, Self.bounds)).text == "claimed")
    }

    @Test func aNewAttemptIsTheLatestToo() throws {
        var desk = try Desk()
        let ticket = try #require(desk.admit(BoundTests.pay(nonce: 1, Self.bounds)).ticket)
        desk.ended(ticket, .uncharged(reason: ""))
        _ = desk.admit(BoundTests.pay(wallet: 2, nonce: 2, Self.bounds)).ticket.map { _ = desk.settle($0) }
        desk.pass(milliseconds: 30_000)
        _ = desk.admit(BoundTests.pay(nonce: 1, Self.bounds)).ticket.map { _ = desk.settle($0) }
        desk.clock.jump(seconds: -1000)
        desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock)
        #expect(desk.admit(BoundTests.pay(nonce: 3, Self.bounds)).text.hasSuffix("in 60"))
        #expect(desk.admit(BoundTests.pay(wallet: 2, nonce: 4, Self.bounds)).text.hasSuffix("in 30"))
    }
}
