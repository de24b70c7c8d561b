import Testing

@testable import Ledger

/// Retries with a fresh nonce that come while the first try still runs, and what they wait for.
@Suite struct RetryTests {
    /// The time-out under `first`: the retry waits for the exchange whose caller is gone, and then redeems it.
    @Test func aRetryWaitsForAnExchangeWithoutCaller() throws {
        let desk = try Desk()
        let old = desk.admitted(Pay.admission(nonce: 1, order: .first, amount: 4))
        let ticket = try #require(old.answer.ticket)
        _ = desk.settle(ticket)
        desk.callerGone(old.token)
        let retry = desk.admit(Pay.admission(nonce: 2, order: .first, amount: 4))
        #expect(retry.text == "waits")
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        #expect(retry.text == "redeemed sandbox-")
        #expect(try desk.balance(Pay.admission()) == 6)
    }

    @Test func withItsCallerThereTheSecondIsACallOfItsOwn() throws {
        let desk = try Desk()
        let first = desk.admit(Pay.admission(nonce: 1, order: .first))
        #expect(desk.admit(Pay.admission(nonce: 2, order: .first)).text == "claimed")
        #expect(first.text == "claimed")
    }

    static let ends: [(String, @Sendable (Desk, Ticket) -> Void, String)] = [
        ("void", { $0.ended($1, .uncharged(reason: "")) }, "claimed"),
        (
            "delivered",
            {
                _ = $0.settle($1)
                $0.ended($1, .delivered)
            }, "claimed"
        ),
        ("lost before the money", { $0.post(.lost($1.here)) }, "claimed"),
        (
            "lost after it",
            {
                _ = $0.settle($1)
                $0.post(.lost($1.here))
            }, "redeemed sandbox-"
        ),
    ]

    @Test(arguments: ends.indices) func howAnAwaitedExchangeEnds(_ row: Int) throws {
        let desk = try Desk()
        let old = desk.admitted(Pay.admission(nonce: 1, order: .first))
        let ticket = try #require(old.answer.ticket)
        desk.callerGone(old.token)
        let retry = desk.admit(Pay.admission(nonce: 2, order: .first))
        #expect(retry.text == "waits")
        Self.ends[row].1(desk, ticket)
        #expect(retry.text == Self.ends[row].2, "\(Self.ends[row].0)")
    }

    @Test func aRetryWaitsThirtySecondsAndKeepsNoLease() throws {
        let desk = try Desk()
        let old = desk.admitted(Pay.admission(nonce: 1, order: .first))
        desk.callerGone(old.token)
        let retry = desk.admit(Pay.admission(nonce: 2, order: .first))
        desk.pass(milliseconds: 30_000)
        #expect(retry.text == "stillInFlight")
        desk.ended(try #require(old.answer.ticket), .uncharged(reason: ""))
        desk.expectIdle()
    }

    @Test func aRetryThatGoesAwayGivesItsLeaseBack() throws {
        let desk = try Desk()
        let old = desk.admitted(Pay.admission(nonce: 1, order: .first))
        desk.callerGone(old.token)
        let retry = desk.admitted(Pay.admission(nonce: 2, order: .first))
        desk.callerGone(retry.token)
        desk.ended(try #require(old.answer.ticket), .uncharged(reason: ""))
        #expect(retry.answer.text == "waits")
        desk.expectIdle()
    }

    /// Of parallel retries one redeems; the others wait for the rerun and redeem only if it failed.
    @Test(arguments: [true, false]) func parallelRetriesWaitForTheRerun(delivered: Bool) throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1, order: .first)
        try desk.owe(old)
        let retries = (2...4).map { desk.admit(Pay.admission(nonce: $0, order: .first)) }
        #expect(retries.map(\.text) == ["redeemed sandbox-", "waits", "waits"])
        desk.ended(
            try #require(retries[0].ticket), delivered ? .delivered : .undelivered(noRequestByteWritten: false))
        #expect(
            retries.map(\.text)
                == ["redeemed sandbox-"] + (delivered ? ["claimed", "claimed"] : ["redeemed sandbox-", "waits"]))
    }

    @Test func severalOwedAreRedeemedOneByOne() throws {
        let desk = try Desk()
        let owed = (1...2).map { Pay.admission(nonce: $0, order: .first) }
        let tickets = try owed.map { try #require(desk.admit($0).ticket) }
        for ticket in tickets { _ = desk.settle(ticket) }
        for ticket in tickets { desk.ended(ticket, .undelivered(noRequestByteWritten: false)) }
        let retries = (3...5).map { desk.admit(Pay.admission(nonce: $0, order: .first)) }
        #expect(retries.map(\.text) == ["redeemed sandbox-", "redeemed sandbox-", "waits"])
        #expect(retries[0].ticket?.id == tickets[0].id && retries[1].ticket?.id == tickets[1].id)
    }

    @Test func whatIsUnknownIsWaitedForAndThenTold() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try AdmissionTests.bring(desk, old, to: .unknown)
        let id = try #require(try desk.claim(old)?.id)
        let retry = desk.admit(Pay.admission(nonce: 2))
        #expect(retry.text == "waits")
        desk.pass(milliseconds: 30_000)
        #expect(retry.text == "pending 0xhash")
        let second = desk.admit(Pay.admission(nonce: 3))
        #expect(second.text == "waits")
        #expect(desk.resolve(id, .owed).value == .done)
        #expect(second.text == "redeemed 0xhash")
    }

    @Test func whatFailedAfterAllLetsTheRetryGoOn() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try AdmissionTests.bring(desk, old, to: .unknown)
        let id = try #require(try desk.claim(old)?.id)
        let retry = desk.admit(Pay.admission(nonce: 2))
        #expect(desk.resolve(id, .failed).value == .done)
        #expect(retry.text == "claimed")
        #expect(desk.resolve(id, .failed).value == .refused(.failed))
        #expect(desk.resolve(ClaimID(row: 99, ledger: id.ledger), .failed).value == .notFound)
        #expect(desk.resolve(ClaimID(row: id.row, ledger: id.ledger ^ 1), .failed).value == .notFound)
    }
}
