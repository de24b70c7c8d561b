import Testing

@testable import Ledger

/// Who is let through at once, who waits for a person, and who is turned away.
@Suite struct GateTests {
    static let requirement = ProvenRequirement(
        name: "proven", settled: 3, ageSeconds: 3600, spentAttodollars: 5 * Attodollars.dollar, failedPercent: 25)

    static func pay(
        nonce: Int, amount: UInt128 = 2, _ otherwise: GateOutcome? = nil, wallet: Int = 1,
        facilitator: ClaimFacilitator = .chain
    ) -> Admission {
        var admission = BoundTests.pay(wallet: wallet, nonce: nonce, amount: amount, [])
        admission.facilitator = facilitator
        if let otherwise {
            admission.gate.proven = AdmissionGate.Proven(requirement: requirement, otherwise: otherwise)
        }
        return admission
    }

    static func deliver(_ desk: Desk, _ admission: Admission) throws {
        let verified = desk.admit(admission)
        let ticket = try verified.ticket ?? desk.claimed(verified, balance: 1000)
        if admission.facilitator == .sandbox {
            _ = desk.settle(ticket)
        } else {
            _ = desk.sending(ticket, Pay.transaction(Int(ticket.id.row)))
            _ = desk.learn(.settled(transaction: "0x\(ticket.id.row)", block: 1), of: ticket.id)
        }
        desk.ended(ticket, .delivered)
    }

    static func fail(_ desk: Desk, _ admission: Admission) throws -> ClaimID {
        let ticket = try desk.claimed(admission, balance: 1000)
        _ = desk.sending(ticket, Pay.transaction(Int(ticket.id.row)))
        _ = desk.learn(.refused(code: "no"), of: ticket.id)
        return ticket.id
    }

    static func denied(_ lack: String, wait: Int? = nil) -> String {
        "denied wallet_unproven proven \(lack)" + (wait.map { " in \($0)" } ?? "")
    }

    @Test(arguments: [false, true]) func aWalletEarnsItsWay(restarts: Bool) throws {
        var desk = try Desk()
        func asked(_ nonce: Int) throws -> String {
            if restarts { desk = try Desk(disk: desk.disk.reboot(.all), clock: desk.clock) }
            let answer = desk.admit(Self.pay(nonce: nonce, .deny))
            if let hold = answer.hold { desk.release(hold) }
            return answer.text
        }
        #expect(
            try asked(100)
                == Self.denied("3 more settled payments, $5.00 more spent, 1h more since its first settled payment"))
        try Self.deliver(desk, Self.pay(nonce: 1))
        try Self.deliver(desk, Self.pay(nonce: 2))
        #expect(
            try asked(101)
                == Self.denied("1 more settled payment, $1.00 more spent, 1h more since its first settled payment"))
        desk.pass(milliseconds: 60_000)
        try Self.deliver(desk, Self.pay(nonce: 3))
        #expect(try asked(102) == Self.denied("59m more since its first settled payment", wait: 3540))
        desk.pass(milliseconds: 3_539_000)
        #expect(try asked(103) == Self.denied("1s more since its first settled payment", wait: 1))
        desk.pass(milliseconds: 1000)
        #expect(try asked(104) == "verify")
        let failed = try Self.fail(desk, Self.pay(nonce: 4))
        #expect(try asked(105) == "verify", "one of four is a quarter")
        let other = try Self.fail(desk, Self.pay(nonce: 5))
        #expect(try asked(106) == Self.denied("less than 2 of 5 payments failed"))
        // It came after all.
        #expect(desk.learn(.settled(transaction: "0x5", block: 9), of: other).text == "recorded owed")
        #expect(try asked(107) == "verify")
        #expect(failed != other)
    }

    @Test func whatIsVoidShowsNothing() throws {
        let desk = try Desk()
        for nonce in 1...4 {
            let ticket = try desk.claimed(Self.pay(nonce: nonce), balance: 1000)
            desk.ended(ticket, .uncharged(reason: "upstream_down"))
        }
        #expect(try desk.core.store.tally.history(of: Self.pay(nonce: 1).key.wallet, isPlay: false) == WalletHistory())
    }

    @Test func playMoneyProvesNothingForRealMoney() throws {
        let desk = try Desk()
        for nonce in 1...3 { try Self.deliver(desk, Self.pay(nonce: nonce, facilitator: .sandbox)) }
        desk.pass(milliseconds: 3_600_000)
        let played = desk.admit(Self.pay(nonce: 4, .deny, facilitator: .sandbox))
        #expect(played.text == "claimed")
        #expect(desk.admit(Self.pay(nonce: 5, .deny)).text.hasPrefix("denied wallet_unproven"))
    }

    @Test func aPaymentIsReviewedOnlyWhenAllElseIsGood() throws {
        let desk = try Desk()
        let admission = Self.pay(nonce: 1, .review)
        let verified = desk.admit(admission)
        #expect(verified.text == "verify")
        let waits = desk.claim(try #require(verified.hold), balance: 1000)
        #expect(waits.text == "review wallet_unproven")
        #expect(try desk.state(admission) == nil, "nothing is written")
        #expect(desk.core.wallets[admission.key.wallet]?.leases.first == 1)
        desk.release(try #require(waits.hold))
        desk.expectIdle()

        let poor = desk.admit(Self.pay(nonce: 2, .review))
        #expect(desk.claim(try #require(poor.hold), balance: 1).text == Pay.poor)
        var bound = Self.pay(nonce: 3, .review)
        bound.bounds = [BoundPolicy(name: "p", walletRate: RateBound(count: 0, windowSeconds: 1))]
        #expect(desk.admit(bound).text.hasPrefix("bounded"))
        desk.expectIdle()
    }

    @Test func aHoldForReviewThatIsLetGoGivesItsLeaseBack() throws {
        let desk = try Desk()
        do {
            let waits = desk.admit(Self.pay(nonce: 1, .review, facilitator: .sandbox))
            #expect(waits.text == "review wallet_unproven")
        }
        desk.turn()
        desk.expectIdle()
        let late = desk.admit(Self.pay(nonce: 2, .review, facilitator: .sandbox))
        desk.pass(milliseconds: 61_000)
        desk.expectIdle()
        withExtendedLifetime(late) {}
    }

    struct Case: Sendable {
        var proven: GateOutcome?
        var breaker: GateOutcome?
        var isApproved = false
        let answer: String
    }

    static let unproven = "denied wallet_unproven proven 3 more settled payments, $5.00 more spent, 1h more since its"
    static let cases = [
        Case(answer: "claimed"),
        Case(proven: .review, answer: "review wallet_unproven"),
        Case(proven: .deny, answer: unproven),
        Case(breaker: .review, answer: "review breaker_open"),
        Case(breaker: .deny, answer: "denied breaker_open breaker  in 77"),
        Case(proven: .review, breaker: .review, answer: "review breaker_open"),
        Case(proven: .deny, breaker: .review, answer: unproven),
        Case(proven: .review, breaker: .deny, answer: "denied breaker_open breaker  in 77"),
        Case(proven: .deny, breaker: .deny, answer: "denied breaker_open breaker  in 77"),
        Case(proven: .deny, breaker: .deny, isApproved: true, answer: "claimed"),
        Case(proven: .review, breaker: .review, isApproved: true, answer: "claimed"),
    ]

    @Test(arguments: cases.indices) func gates(_ row: Int) throws {
        let test = Self.cases[row]
        let desk = try Desk()
        var admission = Self.pay(nonce: 1, test.proven, facilitator: .sandbox)
        admission.gate.isApproved = test.isApproved
        if let then = test.breaker {
            admission.gate.breaker = AdmissionGate.OpenBreaker(name: "breaker", then: then, retryAfterSeconds: 77)
        }
        let answer = desk.admit(admission)
        #expect(answer.text.hasPrefix(test.answer))
        if answer.ticket == nil && answer.hold == nil { desk.expectIdle() }
    }

    @Test func whatIsOwedIsRedeemedThroughAShutGate() throws {
        let desk = try Desk()
        let paid = Self.pay(nonce: 1, facilitator: .sandbox)
        try desk.owe(paid)
        var retry = Self.pay(nonce: 2, .deny, facilitator: .sandbox)
        retry.gate.breaker = AdmissionGate.OpenBreaker(name: "breaker", then: .deny, retryAfterSeconds: 77)
        #expect(desk.admit(retry).text.hasPrefix("denied breaker_open"))
        retry.binding = paid.binding
        #expect(desk.admit(retry).text.hasPrefix("redeemed"))
    }

    @Test func historiesAreKeptInTwoGenerations() {
        var histories = WalletHistories()
        func key(_ wallet: Int) -> CounterKey { CounterKey(payer: Pay.bytes20(wallet), chain: 0, isPlay: false) }
        var known = WalletHistory()
        known.settled = 7
        histories[key(0)] = known
        for wallet in 1...(3 * WalletHistories.keptPerGeneration) {
            histories[key(wallet)] = WalletHistory()
            // Asked for again and again, and changed while it is in the older generation.
            if wallet % 20_000 == 0 {
                histories.change(key(0)) { $0.settled += 1 }
                #expect(histories[key(0)]?.settled == 7 + wallet / 20_000)
            }
        }
        #expect(histories[key(1)] == nil)
        #expect(histories.kept <= 2 * WalletHistories.keptPerGeneration)
    }
}
