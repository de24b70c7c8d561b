import CrashDisk
import Testing

@testable import Ledger

/// What is owed is honoured: a new authorization of the same wallet for the same request is not charged.
@Suite struct RedemptionTests {
    @Test(arguments: SettleOrder.allCases) func aFreshNonceRedeems(order: SettleOrder) throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1, order: order, amount: 4)
        try desk.owe(old)
        let transaction = try #require(try desk.claim(old)?.transaction)
        let retry = Pay.admission(nonce: 2, order: order, amount: 4)
        let answer = desk.admit(retry)
        guard case .redeemed(let ticket, transaction, nil) = try #require(answer.value) else {
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
        try desk.owe(Pay.admission(nonce: 1, order: .first))
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
        try desk.owe(Pay.admission(nonce: 1))
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
        #expect(try last.core.store.redeemedRow(retry.key) == nil)
    }

    /// A route whose order changed meanwhile: the lease is the route's, the claim stays what it was.
    @Test func theLeaseIsOfTheRoutesOrder() throws {
        let desk = try Desk()
        try desk.owe(Pay.admission(nonce: 1, order: .after))
        let rerun = try #require(desk.admit(Pay.admission(nonce: 2, order: .first)).ticket)
        #expect(desk.core.wallets.values.first?.leases.first == 1)
        #expect(try desk.claim(Pay.admission(nonce: 1))?.order == .after)
        desk.ended(rerun, .delivered)
        desk.expectIdle()
    }

    @Test func onlyTheSameWalletBindingAndChainRedeem() throws {
        let desk = try Desk()
        try desk.owe(Pay.admission(nonce: 1))
        #expect(desk.admit(Pay.admission(nonce: 2, binding: 2)).text == "claimed")
        #expect(desk.admit(Pay.admission(wallet: 2, nonce: 2)).text == "claimed")
        #expect(desk.admit(Pay.admission(nonce: 2, chain: "eip155:8453")).text == "claimed")
    }

    @Test func underBindHeadNothingIsRedeemed() throws {
        let desk = try Desk()
        var old = Pay.admission(nonce: 1)
        old.bind = .head
        try desk.owe(old)
        var retry = Pay.admission(nonce: 2)
        retry.bind = .head
        let ordinary = try #require(desk.admit(retry).ticket)
        desk.ended(ordinary, .uncharged(reason: ""))
        #expect(desk.admit(Pay.admission(nonce: 3)).text == "claimed", "nor by a route that binds bodies now")
        try desk.owe(Pay.admission(wallet: 2, nonce: 1))
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
        try desk.owe(Pay.admission(nonce: 1, amount: 10))
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
        try desk.owe(old, noRequestByteWritten: !written)
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
        try desk.owe(old, noRequestByteWritten: true)
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
        try desk.owe(old)
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
        try desk.owe(old, noRequestByteWritten: true)
        for nonce in 2...8 {
            let answer = desk.admit(Pay.admission(nonce: nonce))
            #expect(answer.text == "redeemed sandbox-")
            desk.ended(try #require(answer.ticket), .undelivered(noRequestByteWritten: true))
        }
        #expect(try desk.claim(old)?.reruns == 0)
    }

    @Test func redeemableForTenMinutesSinceItWasOwed() throws {
        let desk = try Desk()
        try desk.owe(Pay.admission(nonce: 1))
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

    @Test func aPersonDeliversByHand() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try desk.owe(old)
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
