import Testing

@testable import Ledger

/// What bounds count, and when they give it back: by the claim's end, by evidence, by a person's word, and the same after a restart.
@Suite struct BoundGiveBackTests {
    static let bounds = [
        BoundPolicy(
            name: "p", walletRate: RateBound(count: 1, windowSeconds: 600),
            everyoneSpend: SpendBound(attodollars: Attodollars.dollar, windowSeconds: 600))
    ]

    enum End: CaseIterable, CustomTestStringConvertible {
        case uncharged, lost, delivered, undelivered, refused, refusedThenSettled, unknown, unknownThenRefused
        case resolvedFailed, resolvedOwed, windowOver

        var testDescription: String { "\(self)" }

        var isCounted: Bool {
            switch self {
            case .uncharged, .lost, .refused, .unknownThenRefused, .resolvedFailed, .windowOver: false
            case .delivered, .undelivered, .refusedThenSettled, .unknown, .resolvedOwed: true
            }
        }
    }

    @Test(arguments: End.allCases, [false, true]) func anEnd(_ end: End, restarts: Bool) throws {
        var desk = try Desk()
        var admission = BoundTests.pay(nonce: 1, Self.bounds)
        admission.facilitator = .chain
        if end == .windowOver { admission.validBefore = Pay.now + 100 }
        let ticket = try desk.claimed(admission)
        desk.held.append(ticket)
        let settles = end != .uncharged && end != .lost && end != .windowOver
        if settles { #expect(desk.sending(ticket, Pay.transaction(1)).text == "go") }
        func learn(_ evidence: Evidence...) {
            for one in evidence { _ = desk.learn(one, of: ticket.id) }
        }
        let settled = Evidence.settled(transaction: "0x1", block: 5)
        switch end {
        case .uncharged: desk.ended(ticket, .uncharged(reason: "upstream_down"))
        case .lost: desk.post(.lost(ticket.here))
        case .delivered:
            learn(settled)
            desk.ended(ticket, .delivered)
        case .undelivered:
            learn(settled)
            desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        case .refused: learn(.refused(code: "no"))
        case .refusedThenSettled: learn(.refused(code: "no"), settled)
        case .unknown: learn(.unknown(transaction: nil))
        case .unknownThenRefused: learn(.unknown(transaction: nil), .refused(code: "no"))
        case .resolvedFailed:
            learn(.unknown(transaction: nil))
            #expect(desk.resolve(ticket.id, .failed).value == .done)
        case .resolvedOwed:
            learn(.unknown(transaction: nil))
            #expect(desk.resolve(ticket.id, .owed).value == .done)
        case .windowOver:
            desk.pass(milliseconds: 101_000)
            #expect(desk.sending(ticket, Pay.transaction(1)).text.hasPrefix("refused"))
        }
        desk.pass(milliseconds: 10)
        #expect(try desk.claim(admission)?.state.isCounted == end.isCounted)
        if restarts { desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock) }
        var next = BoundTests.pay(nonce: 2, Self.bounds)
        next.facilitator = .chain
        next.binding = Pay.bytes32(77)
        #expect(desk.admit(next).text.hasPrefix(end.isCounted ? "bounded" : "verify"), "\(end)")
    }

    @Test func whatIsOwedIsRedeemedAtABoundAndCountsNothing() throws {
        let desk = try Desk()
        let paid = BoundTests.pay(nonce: 1, Self.bounds)
        let ticket = try #require(desk.admit(paid).ticket)
        _ = desk.settle(ticket)
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        var retry = BoundTests.pay(nonce: 2, Self.bounds)
        #expect(desk.admit(retry).text.hasPrefix("bounded wallet_rate"))
        retry.binding = paid.binding
        let redeemed = desk.admit(retry)
        #expect(redeemed.text.hasPrefix("redeemed"))
        let rerun = try #require(redeemed.ticket)
        desk.ended(rerun, .undelivered(noRequestByteWritten: false))
        desk.pass(milliseconds: 599_000)
        #expect(desk.admit(BoundTests.pay(nonce: 3, Self.bounds)).text.hasSuffix("in 1"))
        desk.pass(milliseconds: 1000)
        #expect(desk.admit(BoundTests.pay(nonce: 4, Self.bounds)).text == "claimed")
    }

    @Test(arguments: [false, true]) func aNewAttemptOfAVoidClaimCountsWhenItIsMade(restarts: Bool) throws {
        var desk = try Desk()
        let admission = BoundTests.pay(nonce: 1, Self.bounds)
        let ticket = try #require(desk.admit(admission).ticket)
        desk.ended(ticket, .uncharged(reason: "upstream_down"))
        desk.pass(milliseconds: 400_000)
        var again = admission
        again.bounds.append(BoundPolicy(name: "q", walletRate: RateBound(count: 1, windowSeconds: 600)))
        let second = try #require(desk.admit(again).ticket)
        _ = desk.settle(second)
        desk.ended(second, .delivered)
        desk.pass(milliseconds: 400_000)
        if restarts { desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock) }
        #expect(desk.admit(BoundTests.pay(nonce: 2, Self.bounds)).text.hasSuffix("in 200"))
        #expect(desk.admit(BoundTests.pay(nonce: 3, [again.bounds[1]])).text.hasSuffix("in 200"))
        desk.pass(milliseconds: 200_000)
        let other = desk.admit(BoundTests.pay(nonce: 4, again.bounds))
        #expect(other.text == "claimed")
    }

    @Test func aLongerWindowOfALaterRevisionCountsWhatTheRowsSay() throws {
        let desk = try Desk()
        func bounds(_ count: Int, _ seconds: Int64) -> [BoundPolicy] {
            [BoundPolicy(name: "p", walletRate: RateBound(count: count, windowSeconds: seconds))]
        }
        for nonce in 1...3 {
            let ticket = try #require(desk.admit(BoundTests.pay(nonce: nonce, bounds(9, 10))).ticket)
            _ = desk.settle(ticket)
            desk.ended(ticket, .delivered)
            desk.pass(milliseconds: 11_000)
        }
        #expect(desk.admit(BoundTests.pay(nonce: 4, bounds(3, 100))).text.hasSuffix("left 0 in 67"))
        let fourth = desk.admit(BoundTests.pay(nonce: 5, bounds(4, 100)))
        #expect(fourth.text == "claimed")
        #expect(desk.admit(BoundTests.pay(nonce: 6, bounds(1, 10))).text.hasSuffix("left 0 in 10"))
        #expect(desk.core.store.tally.booksKept == 2)
        // A revision that nobody asks by any more is let go.
        desk.pass(milliseconds: (Int(ClaimTally.keepUnaskedSeconds) + 1) * 1000)
        #expect(desk.admit(BoundTests.pay(nonce: 7, bounds(1, 20))).text == "claimed")
        #expect(desk.core.store.tally.booksKept == 1)
    }

    @Test func aPolicyCountsFromItsFirstNamingOn() throws {
        let desk = try Desk()
        let named = desk.admit(BoundTests.pay(nonce: 1, [BoundPolicy(name: "p")]))
        let unnamed = desk.admit(BoundTests.pay(nonce: 2, []))
        #expect(named.text == "claimed" && unnamed.text == "claimed")
        let bound = [BoundPolicy(name: "p", walletRate: RateBound(count: 2, windowSeconds: 60))]
        let second = desk.admit(BoundTests.pay(nonce: 3, bound))
        #expect(second.text == "claimed")
        #expect(desk.admit(BoundTests.pay(nonce: 4, bound)).text.hasPrefix("bounded"))
    }

    @Test func walletsWithNothingInTheirWindowsAreForgotten() throws {
        let desk = try Desk()
        let bounds = [BoundPolicy(name: "p", walletRate: RateBound(count: 3, windowSeconds: 10))]
        for wallet in 1...40 {
            _ = desk.admit(BoundTests.pay(wallet: wallet, nonce: wallet, bounds))
            desk.pass(milliseconds: 1000)
        }
        #expect(desk.core.store.tally.walletsKept <= 11)
    }
}
