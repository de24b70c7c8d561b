import Testing

@testable import Ledger

/// The payer's own name for a payment: the same payment has its answer again, another one is turned away, and a name alone is nothing.
@Suite struct PaymentIdentifierTests {
    static let id = "pay_0123456789abcdef"
    static let other = "pay_fedcba9876543210"

    static func admission(
        wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after, id: String? = Self.id
    ) -> Admission {
        var admission = Pay.admission(wallet: wallet, nonce: nonce, binding: binding, order: order)
        admission.paymentID = id
        return admission
    }

    /// The exchange of `admission` from its claim to its end, with an answer that is kept where it has a text.
    static func run(_ desk: Desk, _ admission: Admission, _ body: String?, _ end: ExchangeEnd) throws {
        let ticket = try #require(desk.admit(admission).ticket)
        desk.together {
            if admission.order == .first { _ = desk.settle(ticket) }
            if let body { desk.store(ticket, body) }
            if admission.order == .after { _ = desk.answered(ticket) }
        }
        desk.ended(ticket, end)
    }

    static let owed = ExchangeEnd.undelivered(noRequestByteWritten: false)

    // MARK: The same payment

    @Test(arguments: SettleOrder.allCases) func whatWasDeliveredIsGivenAgain(order: SettleOrder) throws {
        let desk = try Desk()
        let payment = Self.admission(order: order)
        try Self.run(desk, payment, "kept", .delivered)
        for _ in 0..<3 { #expect(desk.admit(payment).text == "stored sandbox- kept") }
        desk.expectIdle()
        let claim = try #require(try desk.claim(payment))
        #expect(claim.state == .delivered && claim.attempts == 1)
        #expect(try desk.balance(payment) == 9)
    }

    @Test func itIsGivenOnlyForItsOwnNameAndRequest() throws {
        let desk = try Desk()
        try Self.run(desk, Self.admission(), "kept", .delivered)
        try Self.run(desk, Self.admission(wallet: 2, id: nil), "kept", .delivered)
        #expect(desk.admit(Self.admission(id: nil)).text == Pay.used)
        #expect(desk.admit(Self.admission(id: Self.other)).text == Pay.used)
        #expect(desk.admit(Self.admission(binding: 2)).text == Pay.used)
        #expect(desk.admit(Self.admission(wallet: 2, id: nil)).text == Pay.used, "no name is no name")
    }

    @Test func whatIsNotKeptIsNotGiven() throws {
        let desk = try Desk()
        try Self.run(desk, Self.admission(wallet: 1), nil, .delivered)
        #expect(desk.admit(Self.admission(wallet: 1)).text == Pay.used)
        let payment = Self.admission(wallet: 2, id: Self.other)
        try Self.run(desk, payment, "kept", .delivered)
        // Not erased yet, but its time is over.
        desk.clock.pass(milliseconds: 599_000)
        #expect(desk.admit(payment).text == "stored sandbox- kept")
        desk.clock.pass(milliseconds: 1_000)
        #expect(desk.admit(payment).text == Pay.used)
    }

    @Test(arguments: ["delivered", "owed", "void"]) func copiesWaitForTheExchange(end: String) throws {
        let desk = try Desk()
        let payment = Self.admission(order: .first)
        let ticket = try #require(desk.admit(payment).ticket)
        _ = desk.settle(ticket)
        let copy = desk.admit(payment)
        #expect(copy.text == "waits")
        desk.store(ticket, "kept")
        desk.ended(ticket, end == "delivered" ? .delivered : Self.owed)
        #expect(copy.text == (end == "delivered" ? "stored sandbox- kept" : "redeemed sandbox- kept"))
    }

    @Test(arguments: [
        (true, true, "redeemed sandbox- kept"), (true, false, "redeemed sandbox-"),
        (false, true, "redeemed sandbox- kept"),
        (false, false, "outcomeUnknown"),
    ])
    func whatIsOwedIsRedeemedByItsOwnPayment(isIdempotent: Bool, isKept: Bool, expected: String) throws {
        for bind in BindMode.allCases {
            let desk = try Desk()
            var payment = Self.admission(order: .first)
            payment.bind = bind
            payment.isIdempotent = isIdempotent
            try Self.run(desk, payment, isKept ? "kept" : nil, Self.owed)
            var nameless = payment
            nameless.paymentID = nil
            #expect(desk.admit(nameless).text == Pay.used)
            // Its terms and its window are not asked again.
            payment.termsFault = "no_matching_payment_requirements"
            desk.clock.pass(milliseconds: 400_000)
            let answer = desk.admit(payment)
            #expect(answer.text == expected)
            if let ticket = answer.ticket { desk.ended(ticket, .delivered) }
            desk.expectIdle()
            #expect(try desk.core.store.redeemedRow(payment.key) == nil, "it is the claim's own, and no retry")
            #expect(try desk.balance(payment) == 9)
        }
    }

    @Test func itIsHonouredAsLongAsAnyOther() throws {
        let desk = try Desk()
        let payment = Self.admission()
        try Self.run(desk, payment, nil, Self.owed)
        for rerun in 0..<3 {
            let ticket = try #require(desk.admit(payment).ticket, "rerun \(rerun)")
            desk.ended(ticket, Self.owed)
        }
        #expect(desk.admit(payment).text == Pay.used, "a person has to see to it")
        let late = Self.admission(wallet: 2, id: Self.other)
        try Self.run(desk, late, "kept", Self.owed)
        desk.clock.pass(milliseconds: 601_000)
        #expect(desk.admit(late).text == Pay.used)
        desk.expectIdle()
    }

    /// Redeemed under the lease, as anything else; and no answer calls it uncharged.
    @Test func itWaitsForALease() throws {
        let desk = try Desk()
        let payment = Self.admission()
        try Self.run(desk, payment, "kept", Self.owed)
        let busy = try #require(desk.admit(Pay.admission(nonce: 9, binding: 9)).ticket)
        let again = desk.admit(payment)
        #expect(again.text == "waits")
        desk.ended(busy, .uncharged(reason: ""))
        #expect(again.text == "redeemed sandbox- kept")
        let copy = desk.admit(payment)
        desk.ended(try #require(again.ticket), Self.owed)
        #expect(copy.text == "redeemed sandbox- kept", "copies come one after the other")
        desk.ended(try #require(copy.ticket), Self.owed)
        desk.held.append(try #require(desk.admit(Pay.admission(nonce: 10, binding: 10)).ticket))
        let late = desk.admit(payment)
        var unlucky = payment
        unlucky.leaseQueue = 1
        #expect(desk.admit(unlucky).text == "stillInFlight")
        desk.pass(milliseconds: 10_000)
        #expect(late.text == "stillInFlight")
    }

    @Test func playMoneyBuysNoRealAnswer() throws {
        let desk = try Desk()
        var payment = Self.admission()
        try Self.run(desk, payment, "kept", Self.owed)
        payment.facilitator = .chain
        #expect(desk.admit(payment).text == Pay.used)
    }

    // MARK: Another payment

    @Test(arguments: SettleOrder.allCases) func itIsTurnedAwayWhileTheNameIsHeld(order: SettleOrder) throws {
        let desk = try Desk()
        let first = Self.admission(order: order)
        let ticket = try #require(desk.admit(first).ticket)
        let stranger = Self.admission(wallet: 2, nonce: 2, order: order)
        #expect(desk.admit(stranger).text == "idConflict")
        if order == .first { #expect(desk.admit(Self.admission(nonce: 2, order: order)).text == "idConflict") }
        _ = order == .first ? desk.settle(ticket) : desk.answered(ticket)
        desk.ended(ticket, .delivered)
        for other in [
            stranger, Self.admission(nonce: 3, order: order), Self.admission(nonce: 4, binding: 2, order: order),
        ] {
            #expect(desk.admit(other).text == "idConflict")
            #expect(try desk.claim(other) == nil)
        }
        desk.expectIdle()
        desk.clock.pass(milliseconds: 240_000)
        var late = stranger
        late.redeliverForSeconds = 240
        #expect(desk.admit(late).text == "claimed", "its time is over")
    }

    @Test func theFirstOfABatchHasIt() throws {
        let desk = try Desk()
        let answers = desk.together { (1...3).map { desk.admit(Self.admission(wallet: $0, nonce: $0)) } }
        #expect(answers.map(\.text) == ["claimed", "idConflict", "idConflict"])
    }

    @Test func whatWasNeverChargedHoldsNoName() throws {
        let desk = try Desk()
        let void = Self.admission()
        let ticket = try #require(desk.admit(void).ticket)
        desk.ended(ticket, .uncharged(reason: ""))
        var poor = Self.admission(wallet: 2, id: Self.other)
        poor.validBefore = Pay.now + 60
        let failed = try #require(desk.admit(poor).ticket)
        desk.clock.pass(milliseconds: 61_000)
        _ = desk.answered(failed)
        #expect(try desk.state(poor) == .failed)
        #expect(desk.admit(Self.admission(wallet: 3, nonce: 3, id: Self.other)).text == "claimed")
        desk.held.append(try #require(desk.admit(Self.admission(wallet: 4, nonce: 4)).ticket))
        #expect(desk.admit(void).text == "idConflict", "the name is another's now")
        var nameless = void
        nameless.paymentID = nil
        #expect(desk.admit(nameless).text == "claimed")
        #expect(try desk.claim(void)?.paymentID == nil)
    }

    /// Claims that came to nothing cost their payer nothing: however many have one name, looking it up passes over them.
    @Test func namesAreLookedUpAmongWhatHoldsThem() throws {
        let desk = try Desk()
        let database = desk.core.store.database
        let plan = try database.prepare("EXPLAIN QUERY PLAN " + Store.identified)
        #expect(try plan.step())
        #expect(plan.text(3) == "SEARCH claims USING INDEX claims_by_payment_id (payment_id=?)")
        let index = try database.value("SELECT sql FROM sqlite_schema WHERE name = 'claims_by_payment_id'")
        #expect(index?.contains("state NOT IN ('void', 'failed')") == true)
    }

    /// What is owed is honoured, name or not; a name never makes of it a second charge.
    @Test func aFreshNonceRedeems() throws {
        let desk = try Desk()
        let old = Self.admission()
        try Self.run(desk, old, "kept", Self.owed)
        #expect(desk.admit(Self.admission(wallet: 2, nonce: 2)).text == "idConflict")
        #expect(desk.admit(Self.admission(nonce: 3, binding: 2)).text == "idConflict")
        let retry = Self.admission(nonce: 4)
        let answer = desk.admit(retry)
        #expect(answer.text == "redeemed sandbox- kept")
        desk.ended(try #require(answer.ticket), .delivered)
        #expect(desk.admit(retry).text == "stored sandbox- kept", "a copy of the retry, which is no payment")
        var nameless = retry
        nameless.paymentID = Self.other
        #expect(desk.admit(nameless).text == Pay.used)
        #expect(desk.admit(old).text == "stored sandbox- kept")
        #expect(desk.admit(Self.admission(nonce: 5)).text == "idConflict")
        #expect(try desk.balance(old) == 9)
    }

    /// Given up and owed for ever: another payment for the same thing is an ordinary one, under another name.
    @Test func whatAPersonHasToSeeToHoldsItsName() throws {
        let desk = try Desk()
        try Self.run(desk, Self.admission(), nil, Self.owed)
        desk.clock.pass(milliseconds: 1_200_000)
        var later = Self.admission(nonce: 2)
        later.validBefore = .max
        #expect(desk.admit(later).text == "idConflict")
        later.paymentID = Self.other
        #expect(desk.admit(later).text == "claimed")
    }

    @Test func itIsLookedUpAgainWhenTheChainWasRead() throws {
        let desk = try Desk()
        var payment = Self.admission()
        payment.facilitator = .chain
        let hold = try #require(desk.admit(payment).hold)
        #expect(desk.admit(Self.admission(wallet: 2, nonce: 2)).text == "claimed")
        #expect(desk.claim(hold, balance: 10).text == "idConflict")
        #expect(desk.core.wallets.values.first { $0.wallet == payment.key.wallet }?.leases.after ?? 0 == 0)
        var other = Self.admission(wallet: 3, nonce: 3)
        other.facilitator = .chain
        #expect(desk.admit(other).text == "idConflict", "before anything is asked of the chain")
    }

    @Test func aRetryWaitsForWhatIsUnknown() throws {
        let desk = try Desk()
        var payment = Self.admission()
        payment.facilitator = .remote("x")
        let ticket = try desk.claimed(payment)
        desk.store(ticket, "kept")
        _ = desk.sending(ticket, nil)
        _ = desk.learn(.unknown(transaction: "0x1"), of: ticket.id)
        #expect(desk.admit(payment).text == "pending 0x1")
        #expect(desk.admit(Self.admission(wallet: 2, nonce: 2)).text == "idConflict")
        var retry = payment
        retry.key = Self.admission(nonce: 3).key
        let answer = desk.admit(retry)
        #expect(answer.text == "waits")
        _ = desk.learn(.settled(transaction: "0x1", block: nil), of: ticket.id)
        #expect(answer.text == "redeemed 0x1 kept")
    }
}
