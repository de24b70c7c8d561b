import Testing

@testable import Ledger

/// A wallet's money on a chain is read while others are in flight: readings are old when they come.
@Suite struct ChainReservationTests {
    static func first(_ nonce: Int, wallet: Int = 1, amount: UInt128 = 1) -> Admission {
        VerificationTests.chain(wallet: wallet, nonce: nonce, binding: nonce, order: .first, amount: amount)
    }

    @Test func tooLittle() throws {
        let desk = try Desk()
        let hold = try #require(desk.admit(Self.first(1, amount: 5)).hold)
        #expect(desk.claim(hold, balance: 4).text == Pay.poor)
        desk.expectIdle()
        #expect(try desk.claim(Self.first(1)) == nil)
    }

    /// Money for one call: the second waits for the first, and is read anew.
    @Test(arguments: [true, false]) func moneyForOneCallRunsOne(firstIsPaid: Bool) throws {
        let desk = try Desk()
        let ticket = try desk.claimed(Self.first(1), balance: 1)
        let hold = try #require(desk.admit(Self.first(2)).hold)
        let answer = desk.claim(hold, balance: 1)
        #expect(answer.text == "waits")
        #expect(try desk.claim(Self.first(2)) == nil)
        _ = desk.sending(ticket, Pay.transaction(1))
        #expect(answer.text == "waits", "sent is not settled")
        if firstIsPaid {
            _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        } else {
            _ = desk.learn(.refused(code: "x"), of: ticket.id)
        }
        #expect(answer.text == "verify")
        #expect(desk.claim(try #require(answer.hold), balance: 1).text == "claimed")
    }

    @Test func aSecondReadingDecides() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.first(1), nonce: 1)
        let hold = try #require(desk.admit(Self.first(2)).hold)
        let answer = desk.claim(hold, balance: 1)
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        let again = try #require(answer.hold)
        #expect(desk.claim(again, balance: 0).text == Pay.poor)
        desk.ended(ticket, .delivered)
        desk.expectIdle()
    }

    /// What was paid after the hold was given may be in the reading still: it is taken off, and the wallet read anew.
    @Test func whatWasPaidSinceTheHoldIsTakenOff() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.first(1), nonce: 1)
        let (hold, token) = desk.admitted(Self.first(2))
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        // Read before the block, claimed after it: the one unit is gone.
        let answer = desk.claim(try #require(hold.hold), balance: 1)
        #expect(answer.text == "verify", "nothing is in flight: the reading is too old")
        desk.callerGone(token)
        // Given after the payment: the reading is good.
        let fresh = try #require(desk.admit(Self.first(3)).hold)
        #expect(desk.claim(fresh, balance: 1).text == "claimed")
    }

    @Test func aReadingThatCoversBothIsGood() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.first(1), nonce: 1)
        let hold = try #require(desk.admit(Self.first(2)).hold)
        let other = try #require(desk.admit(Self.first(3)).hold)
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        #expect(desk.claim(hold, balance: 2).text == "claimed")
        #expect(desk.claim(other, balance: 2).text == "waits", "one is taken off, one is in flight")
    }

    /// The same payment is not taken off twice, nor another asset's.
    @Test func onlyTheSameAssetsMoneyCounts() throws {
        let desk = try Desk()
        var elsewhere = Self.first(1)
        elsewhere.key = Pay.admission(nonce: 1, asset: 8).key
        let ticket = try desk.sent(elsewhere, nonce: 1)
        let hold = try #require(desk.admit(Self.first(2)).hold)
        let other = try #require(desk.admit(Self.first(3, wallet: 2)).hold)
        _ = desk.learn(.settled(transaction: "0x1", block: 5), of: ticket.id)
        #expect(desk.claim(hold, balance: 1).text == "claimed")
        #expect(desk.claim(other, balance: 1).text == "claimed")
    }

    /// Play money and real money of one asset are two purses.
    @Test func theSandboxReservesNothingOfTheChains() throws {
        let desk = try Desk()
        let play = Pay.admission(nonce: 1, binding: 1, order: .first, amount: 10)
        #expect(desk.admit(play).text == "claimed")
        let hold = try #require(desk.admit(Self.first(2, amount: 3)).hold)
        #expect(desk.claim(hold, balance: 3).text == "claimed")
        #expect(desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 1)).text == "waits")
        #expect(desk.admit(Pay.admission(wallet: 2, nonce: 4, order: .first, amount: 10)).text == "claimed")
    }

    /// An unknown payment holds no lease, and may take its money at any moment until its window is over.
    @Test(arguments: [ClaimFacilitator.chain, .remote("hosted")]) func whatIsUnknownStaysReserved(
        _ facilitator: ClaimFacilitator
    )
        throws
    {
        let desk = try Desk()
        var admission = Self.first(1)
        admission.facilitator = facilitator
        let ticket = try desk.sent(admission, nonce: 1)
        _ = desk.learn(.unknown(transaction: nil), of: ticket.id)
        let hold = try #require(desk.admit(Self.first(2)).hold)
        let answer = desk.claim(hold, balance: 1)
        guard facilitator == .chain else {
            #expect(answer.text == "claimed", "a remote's word may never come")
            return
        }
        #expect(answer.text == "waits")
        _ = desk.learn(.refused(code: "expired"), of: ticket.id)
        #expect(answer.text == "verify")
        desk.release(try #require(answer.hold))
        desk.expectIdle()
        let late = try desk.sent(Self.first(3), nonce: 3)
        _ = desk.learn(.unknown(transaction: nil), of: late.id)
        desk.clock.pass(milliseconds: 300_000)
        var soon = Self.first(5)
        soon.validBefore = .max
        let (waiting, token) = desk.admitted(soon)
        #expect(
            desk.claim(try #require(waiting.hold), balance: 1).text == "waits", "the last block may not be seen yet")
        desk.callerGone(token)
        desk.clock.pass(milliseconds: 60_000)
        var later = Self.first(4)
        later.validBefore = .max
        #expect(desk.claim(try #require(desk.admit(later).hold), balance: 1).text == "claimed")
    }

    /// Whoever waits for money does so as for a lease: for so long in all, however often it is read.
    @Test func waitingForMoneyIsBounded() throws {
        let desk = try Desk()
        let tickets = try (1...3).map { try desk.claimed(Self.first($0), balance: 3) }
        var answer = desk.claim(try #require(desk.admit(Self.first(9)).hold), balance: 3)
        for (ticket, balance) in zip(tickets, [2, 1] as [UInt128]) {
            #expect(answer.text == "waits")
            desk.pass(milliseconds: 4000)
            _ = desk.learn(.refused(code: "x"), of: ticket.id)
            #expect(answer.text == "verify")
            answer = desk.claim(try #require(answer.hold), balance: balance)
        }
        #expect(answer.text == "waits")
        desk.pass(milliseconds: 1999)
        #expect(answer.text == "waits")
        desk.pass(milliseconds: 1)
        #expect(answer.text == "leaseBusy lease_timeout")
    }

    /// An end that frees no money wakes nobody: no read of the chain for nothing.
    @Test func aWaiterIsReadAgainOnlyWhenThereMayBeMoney() throws {
        let desk = try Desk()
        let big = try desk.claimed(Self.first(1, amount: 5), balance: 6)
        let small = try desk.claimed(Self.first(2, amount: 1), balance: 6)
        let answer = desk.claim(try #require(desk.admit(Self.first(3, amount: 5)).hold), balance: 6)
        #expect(answer.text == "waits")
        desk.ended(small, .uncharged(reason: "x"))
        #expect(answer.text == "waits")
        desk.ended(big, .uncharged(reason: "x"))
        #expect(answer.text == "verify")
    }

    /// Under `after` the one lease serves the one who was first, and no second hold is given beside it.
    @Test func oneLeaseOneHold() throws {
        let desk = try Desk()
        let holds = (1...5).map { desk.admit(VerificationTests.chain(nonce: $0, binding: $0)) }
        #expect(holds.map(\.text) == ["verify", "waits", "waits", "waits", "waits"])
        for at in holds.indices {
            let ticket = try desk.claimed(holds[at], balance: 1)
            desk.ended(ticket, .uncharged(reason: "x"))
        }
        desk.expectIdle()
    }

    /// That a payment would settle says that the wallet has its amount: enough where nothing else is in flight.
    @Test func aHoldThatIsAloneNeedsNoBalance() throws {
        let desk = try Desk()
        let hold = try #require(desk.admit(Self.first(1)).hold)
        #expect(hold.isAlone)
        let other = try #require(desk.admit(Self.first(2)).hold)
        #expect(!other.isAlone)
        let claimed = desk.claim(other, balance: 5)
        #expect(claimed.text == "claimed")
        // Another was claimed in between: now the whole balance has to be known.
        let answer = desk.claim(hold, balance: nil)
        #expect(answer.text == "verify")
        let again = try #require(answer.hold)
        #expect(!again.isAlone)
        #expect(desk.claim(again, balance: 1).text == "waits")
    }

    @Test func aHoldThatStayedAloneIsClaimedWithoutABalance() throws {
        let desk = try Desk()
        let hold = try #require(desk.admit(Self.first(1)).hold)
        #expect(desk.claim(hold, balance: nil).text == "claimed")
    }
}
