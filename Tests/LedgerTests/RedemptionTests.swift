import Testing

@testable import Ledger

/// What is owed is honoured: a new authorization of the same wallet for the same request is not charged.
@Suite struct RedemptionTests {
    /// A claim that was paid and not delivered.
    func owe(_ desk: Desk, _ admission: Admission, noRequestByteWritten: Bool = false) throws {
        let ticket = try #require(desk.admit(admission).ticket)
        if admission.order == .first { _ = desk.settle(ticket) } else { _ = desk.answered(ticket) }
        desk.ended(ticket, .undelivered(noRequestByteWritten: noRequestByteWritten))
        #expect(try desk.state(admission) == .owed)
    }

    @Test(arguments: SettleOrder.allCases) func aFreshNonceRedeems(order: SettleOrder) throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1, order: order, amount: 4)
        try owe(desk, old)
        let transaction = try #require(try desk.claim(old)?.transaction)
        let retry = Pay.admission(nonce: 2, order: order, amount: 4)
        let answer = desk.admit(retry)
        guard case .redeemed(let ticket, transaction) = try #require(answer.value) else {
            Issue.record("\(answer.text)")
            return
        }
        #expect(ticket.mayForward && ticket.attempt == 2)
        #expect(try desk.state(old) == .running)
        #expect(try desk.claim(retry) == nil, "the new nonce is not taken")
        guard case .settled(transaction, true) = try #require(desk.answered(ticket).value) else {
            Issue.record("a rerun is paid for already")
            return
        }
        desk.ended(ticket, .delivered)
        #expect(try desk.state(old) == .delivered)
        #expect(try desk.balance(old) == 6)
        #expect(desk.admit(retry).text == Pay.used, "one purchase was meant")
        #expect(
            desk.admit(Pay.admission(nonce: 3, order: order)).text == "claimed", "the next one is an ordinary payment")
    }

    /// Copies of a retry redeem as often as it takes, and are never charged themselves.
    @Test(arguments: [true, false]) func copiesOfARetryAreNoPayments(delivered: Bool) throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1, order: .first))
        let retry = Pay.admission(nonce: 2, order: .first)
        let copies = (0..<3).map { _ in desk.admit(retry) }
        #expect(copies.map(\.text) == ["redeemed sandbox-", "waits", "waits"])
        desk.ended(
            try #require(copies[0].ticket), delivered ? .delivered : .undelivered(noRequestByteWritten: false))
        #expect(
            copies.map(\.text)
                == ["redeemed sandbox-"] + (delivered ? [Pay.used, Pay.used] : ["redeemed sandbox-", "waits"]))
        #expect(try desk.claim(retry) == nil)
    }

    @Test func aRetryIsNoPaymentAfterACrashEither() throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1))
        let retry = Pay.admission(nonce: 2)
        desk.ended(try #require(desk.admit(retry).ticket), .delivered)
        desk.pass(milliseconds: 20)
        var other = retry
        other.binding = Pay.bytes32(2)
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(next.admit(retry).text == Pay.used)
        #expect(next.admit(other).text == Pay.used)
        // Forgotten a day after the authorization's window, which nobody can use any more.
        let late = ManualClock(unix: retry.validBefore + 86_401)
        let last = try Desk(disk: next.disk.reboot(.none), clock: late)
        #expect(try last.core.store.hasRedeemed(retry.key) == false)
    }

    /// A route whose order changed meanwhile: the lease is the route's, the claim stays what it was.
    @Test func theLeaseIsOfTheRoutesOrder() throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1, order: .after))
        let rerun = try #require(desk.admit(Pay.admission(nonce: 2, order: .first)).ticket)
        #expect(desk.core.wallets.values.first?.leases.first == 1)
        #expect(try desk.claim(Pay.admission(nonce: 1))?.order == .after)
        desk.ended(rerun, .delivered)
        desk.expectIdle()
    }

    @Test func onlyTheSameWalletBindingAndChainRedeem() throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1))
        #expect(desk.admit(Pay.admission(nonce: 2, binding: 2)).text == "claimed")
        #expect(desk.admit(Pay.admission(wallet: 2, nonce: 2)).text == "claimed")
        #expect(desk.admit(Pay.admission(nonce: 2, chain: "eip155:8453")).text == "claimed")
    }

    @Test func underBindHeadNothingIsRedeemed() throws {
        let desk = try Desk()
        var old = Pay.admission(nonce: 1)
        old.bind = .head
        try owe(desk, old)
        var retry = Pay.admission(nonce: 2)
        retry.bind = .head
        let ordinary = try #require(desk.admit(retry).ticket)
        desk.ended(ordinary, .uncharged(reason: ""))
        #expect(desk.admit(Pay.admission(nonce: 3)).text == "claimed", "nor by a route that binds bodies now")
        try owe(desk, Pay.admission(wallet: 2, nonce: 1))
        var head = Pay.admission(wallet: 2, nonce: 2)
        head.bind = .head
        #expect(desk.admit(head).text == "claimed", "nor what a route that bound bodies owes")
        var running = Pay.admission(wallet: 3, nonce: 1, order: .first)
        running.bind = .head
        let gone = desk.admitted(running)
        desk.callerGone(gone.token)
        #expect(desk.admit(Pay.admission(wallet: 3, nonce: 2, order: .first)).text == "claimed", "nor waited for")
        #expect(gone.answer.text == "claimed")
    }

    @Test func anEmptyWalletRedeemsToo() throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1, amount: 10))
        #expect(desk.admit(Pay.admission(nonce: 2, amount: 10)).text == "redeemed sandbox-")
    }

    static let reruns: [(Redelivery, idempotent: Bool, written: Bool, String)] = [
        (.safe, true, true, "redeemed sandbox-"), (.safe, true, false, "redeemed sandbox-"),
        (.safe, false, true, "outcomeUnknown"), (.safe, false, false, "redeemed sandbox-"),
        (.rerun, false, true, "redeemed sandbox-"), (.never, true, false, "outcomeUnknown"),
    ]

    @Test(arguments: reruns.indices) func whenTheUpstreamMayBeAskedAgain(_ row: Int) throws {
        let (redeliver, idempotent, written, expected) = Self.reruns[row]
        let desk = try Desk()
        var old = Pay.admission(nonce: 1, order: .first)
        old.redeliver = redeliver
        old.isIdempotent = idempotent
        try owe(desk, old, noRequestByteWritten: !written)
        var retry = old
        retry.key = Pay.admission(nonce: 2).key
        #expect(desk.admit(retry).text == expected)
        if expected == "outcomeUnknown" {
            #expect(try desk.state(old) == .owed)
            desk.expectIdle()
        }
    }

    /// A rerun that wrote nothing leaves a request that may be rerun; one that wrote, or was lost, does not.
    @Test(arguments: [true, false]) func whatARerunWroteIsRemembered(nothing: Bool) throws {
        let desk = try Desk()
        var old = Pay.admission(nonce: 1, order: .first)
        old.isIdempotent = false
        try owe(desk, old, noRequestByteWritten: true)
        var retry = old
        retry.key = Pay.admission(nonce: 2).key
        let rerun = try #require(desk.admit(retry).ticket)
        desk.ended(rerun, .undelivered(noRequestByteWritten: nothing))
        retry.key = Pay.admission(nonce: 3).key
        #expect(desk.admit(retry).text == (nothing ? "redeemed sandbox-" : "outcomeUnknown"))
    }

    @Test func threeRerunsThenAPerson() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try owe(desk, old)
        for nonce in 2...4 {
            let answer = desk.admit(Pay.admission(nonce: nonce))
            #expect(answer.text == "redeemed sandbox-")
            desk.ended(try #require(answer.ticket), .uncharged(reason: "upstream_500"))
            #expect(try desk.state(old) == .owed, "a rerun that is not 2xx leaves it owed")
        }
        #expect(try desk.claim(old)?.reruns == 3)
        #expect(desk.admit(Pay.admission(nonce: 5)).text == "claimed")
        #expect(try desk.state(old) == .owed)
    }

    /// An upstream that cannot be reached uses up no reruns.
    @Test func onlyWhatWasAskedAgainIsARerun() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try owe(desk, old, noRequestByteWritten: true)
        for nonce in 2...8 {
            let answer = desk.admit(Pay.admission(nonce: nonce))
            #expect(answer.text == "redeemed sandbox-")
            desk.ended(try #require(answer.ticket), .undelivered(noRequestByteWritten: true))
        }
        #expect(try desk.claim(old)?.reruns == 0)
    }

    @Test func redeemableForTenMinutesSinceItWasOwed() throws {
        let desk = try Desk()
        try owe(desk, Pay.admission(nonce: 1))
        var retry = Pay.admission(nonce: 2)
        retry.validBefore = .max
        desk.pass(milliseconds: 599_000)
        let rerun = try #require(desk.admit(retry).ticket)
        desk.ended(rerun, .undelivered(noRequestByteWritten: false))
        desk.pass(milliseconds: 1000)
        let second = try #require(desk.admit(retry).ticket)
        #expect(second.attempt == 3)
        desk.ended(second, .undelivered(noRequestByteWritten: false))
        desk.pass(milliseconds: 1000)
        retry.key = Pay.admission(nonce: 3).key
        #expect(desk.admit(retry).text == "claimed", "a rerun does not make it owed anew")
    }

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
        try owe(desk, old)
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

    @Test func aPersonDeliversByHand() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try owe(desk, old)
        let id = try #require(try desk.claim(old)?.id)
        #expect(desk.resolve(id, .delivered).value == .done)
        #expect(try desk.claim(old)?.reason == "resolved_by_hand")
        #expect(desk.admit(Pay.admission(nonce: 2)).text == "claimed")
    }

    /// An end that does not fit loses no payment.
    @Test func aPaidExchangeCannotEndUncharged() throws {
        let desk = try Desk()
        let admission = Pay.admission(order: .first)
        let ticket = try #require(desk.admit(admission).ticket)
        _ = desk.settle(ticket)
        desk.ended(ticket, .uncharged(reason: "upstream_500"))
        #expect(try desk.state(admission) == .owed)
    }

    @Test func anUnpaidExchangeCannotEndDelivered() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let ticket = try #require(desk.admit(admission).ticket)
        desk.ended(ticket, .delivered)
        #expect(try desk.state(admission) == .void)
        #expect(try desk.balance(admission) == 10)
    }
}
