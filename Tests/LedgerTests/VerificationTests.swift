import Testing

@testable import Ledger

/// The time between the lease and the claim, in which others look whether a payment is good.
@Suite struct VerificationTests {
    static func chain(
        wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after, amount: UInt128 = 1
    ) -> Admission {
        Pay.admission(
            wallet: wallet, nonce: nonce, binding: binding, order: order, amount: amount, facilitator: .chain)
    }

    @Test(arguments: [ClaimFacilitator.chain, .remote("hosted")], SettleOrder.allCases)
    func nothingIsClaimedBeforeItIsVerified(facilitator: ClaimFacilitator, order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Pay.admission(order: order, facilitator: facilitator)
        let syncs = desk.disk.syncs
        let answer = desk.admit(admission)
        #expect(answer.text == "verify")
        #expect(try desk.claim(admission) == nil)
        #expect(desk.disk.syncs == syncs, "a hold costs no commit")
        let ticket = try desk.claimed(answer)
        let claim = try #require(try desk.claim(admission))
        #expect(claim.state == (order == .after ? .running : .claimed))
        #expect(claim.facilitator == facilitator && !claim.isWatched)
        #expect(ticket.mayForward == (order == .after))
        desk.ended(ticket, .uncharged(reason: "upstream_500"))
        desk.expectIdle()
    }

    @Test func aReleasedHoldGivesTheLeaseToTheNext() throws {
        let desk = try Desk()
        let first = try #require(desk.admit(Self.chain(nonce: 1)).hold)
        let next = desk.admit(Self.chain(nonce: 2))
        #expect(next.text == "waits")
        desk.release(first)
        #expect(next.text == "verify")
        #expect(desk.claim(first).text == "leaseBusy lease_timeout", "a hold that is over claims nothing")
        desk.release(try #require(next.hold))
        desk.expectIdle()
    }

    enum Loss: CaseIterable { case callerGone, timeOver }

    @Test(arguments: Loss.allCases) func aHoldThatIsLostGivesTheLeaseBack(_ loss: Loss) throws {
        let desk = try Desk()
        let (answer, token) = desk.admitted(Self.chain(nonce: 1))
        let held = try #require(answer.hold)
        let next = desk.admit(Self.chain(nonce: 2))
        switch loss {
        case .callerGone: desk.callerGone(token)
        case .timeOver:
            desk.clock.pass(milliseconds: Int(LedgerCore.holdNanoseconds / 1_000_000) - 1)
            #expect(desk.core.held.count == 1)
            // The one that waited has been told long ago.
            desk.turn()
            #expect(next.text == "leaseBusy lease_timeout")
            desk.pass(milliseconds: 1)
            #expect(desk.core.held.isEmpty)
        }
        if loss == .callerGone { #expect(next.text == "verify") }
        #expect(desk.claim(held).text == "leaseBusy lease_timeout")
        if let hold = next.hold { desk.release(hold) }
        desk.expectIdle()
        #expect(try desk.claim(Self.chain(nonce: 1)) == nil)
    }

    /// The object's own end.
    @Test func aHoldThatNobodyKeepsGivesTheLeaseBack() throws {
        let desk = try Desk()
        func admitAndForget() { #expect(desk.admit(Self.chain()).text == "verify") }
        admitAndForget()
        #expect(desk.core.held.count == 1)
        desk.turn()
        desk.expectIdle()
        let hold = try #require(desk.admit(Self.chain()).hold)
        desk.release(hold)
        #expect(desk.mailbox.close().isEmpty)
    }

    /// Copies take leases of their own under `first`, and both are looked at.
    @Test func oneOfTwoCopiesClaims() throws {
        let desk = try Desk()
        let admission = Self.chain(order: .first)
        let slower = try #require(desk.admit(admission).hold)
        let faster = try #require(desk.admit(admission).hold)
        let winner = desk.claim(faster)
        #expect(winner.text == "claimed")
        let other = desk.claim(slower)
        #expect(other.text == "waits", "a copy waits for the exchange in flight")
        let ticket = try #require(winner.ticket)
        desk.ended(ticket, .uncharged(reason: "x"))
        // The claim is void: the copy is a new attempt, and is looked at anew.
        #expect(other.text == "verify")
        desk.ended(try desk.claimed(other), .delivered)
        #expect(try desk.claim(admission)?.attempts == 2)
        desk.expectIdle()
    }

    @Test func aCopyOfAClaimInFlightDuringVerificationEndsAsTheTableSays() throws {
        for (end, expected) in [
            (ExchangeEnd.delivered, Pay.used), (.undelivered(noRequestByteWritten: false), Pay.used),
        ] {
            let desk = try Desk()
            let admission = Self.chain(order: .first)
            let first = try #require(desk.admit(admission).hold)
            let copy = try #require(desk.admit(admission).hold)
            let ticket = try #require(desk.claim(first).ticket)
            let waiting = desk.claim(copy)
            _ = desk.sending(ticket, Pay.transaction(1))
            #expect(desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id).text == "settled 0x1, forward")
            desk.ended(ticket, end)
            #expect(waiting.text == expected)
            desk.expectIdle()
        }
    }

    /// The look-up of what is owed is repeated when the claim is made.
    @Test func aRetryInVerificationRedeemsWhatBecameOwedMeanwhile() throws {
        let desk = try Desk()
        let first = Self.chain(nonce: 1, order: .first)
        let retry = Self.chain(nonce: 2, order: .first)
        let ticket = try desk.sent(first, nonce: 1)
        let hold = try #require(desk.admit(retry).hold)
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        desk.ended(ticket, .undelivered(noRequestByteWritten: true))
        let answer = desk.claim(hold)
        #expect(answer.text == "redeemed 0x1")
        #expect(try desk.claim(retry) == nil, "the new authorization is not taken")
        desk.ended(try #require(answer.ticket), .delivered)
        #expect(desk.admit(retry).text == Pay.used, "nor is a copy of it")
        desk.expectIdle()
    }

    @Test func aRetryInVerificationWaitsForWhatBecameUnknown() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.chain(nonce: 1, order: .first), nonce: 1)
        let hold = try #require(desk.admit(Self.chain(nonce: 2, order: .first)).hold)
        #expect(desk.learn(.unknown(transaction: nil), of: ticket.id).text == "pending \(Pay.transaction(1).hash.hex)")
        let answer = desk.claim(hold)
        #expect(answer.text == "waits")
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        #expect(answer.text == "redeemed 0x1")
        desk.ended(try #require(answer.ticket), .delivered)
        desk.expectIdle()
    }

    @Test func aWindowThatClosedDuringVerification() throws {
        let desk = try Desk()
        var admission = Self.chain()
        admission.validBefore = Pay.now + admission.neededSeconds
        let hold = try #require(desk.admit(admission).hold)
        desk.clock.pass(milliseconds: 1000)
        #expect(desk.claim(hold).text == Pay.late)
        desk.expectIdle()
    }

    /// What play money paid for is not given for a real payment, which would go uncharged; the other way round it is.
    @Test func playMoneyIsNoRealMoney() throws {
        let desk = try Desk()
        try desk.owe(Pay.admission(wallet: 1, nonce: 1, binding: 1, order: .first))
        let real = desk.admit(Self.chain(wallet: 1, nonce: 2, binding: 1, order: .first))
        #expect(real.text == "verify")
        let ticket = try desk.claimed(real)
        _ = desk.sending(ticket, Pay.transaction(1))
        _ = desk.learn(.settled(transaction: "0x1", block: nil), of: ticket.id)
        desk.ended(ticket, .undelivered(noRequestByteWritten: true))
        let play = desk.admit(Pay.admission(wallet: 1, nonce: 1, binding: 2, order: .first))
        #expect(play.text == Pay.used)
        var sandbox = Pay.admission(wallet: 1, nonce: 3, binding: 1, order: .first)
        sandbox.redeliverForSeconds = 600
        #expect(desk.admit(sandbox).text.hasPrefix("redeemed"))
    }

    @Test func facilitatorsByText() {
        let rows: [(String, ClaimFacilitator?)] = [
            ("sandbox", .sandbox), ("self", .chain), ("remote:hosted", .remote("hosted")), ("remote:", nil), ("", nil),
            ("chain", nil), ("remote:a:b", .remote("a:b")), ("Self", nil),
        ]
        for (text, facilitator) in rows {
            #expect(ClaimFacilitator(text: text) == facilitator)
            if let facilitator { #expect(facilitator.rawText == text) }
        }
    }
}
