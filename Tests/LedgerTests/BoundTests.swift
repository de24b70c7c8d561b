import Testing

@testable import Ledger

/// Bounds at their edges. Assets have no decimals here: one unit is a dollar.
@Suite struct BoundTests {
    static let rate = RateBound(count: 2, windowSeconds: 60)
    static let spend = SpendBound(attodollars: 5 * Attodollars.dollar, windowSeconds: 60)

    /// A payment that the wallet's ten units and its leases never stand against.
    static func pay(
        wallet: Int = 1, nonce: Int, amount: UInt128 = 1, chain: String = "eip155:84532", _ bounds: [BoundPolicy]
    ) -> Admission {
        var admission = Pay.admission(
            wallet: wallet, nonce: nonce, binding: nonce, order: .first, amount: amount, chain: chain)
        admission.inFlightPerWallet = 1000
        admission.validBefore = .max
        admission.bounds = bounds
        return admission
    }

    struct Step: Sendable {
        var wallet = 1
        var amount: UInt128 = 1
        var after = 0
        var chain = "eip155:84532"
        let answer: String
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bounds: [BoundPolicy]
        let steps: [Step]
    }

    static let cases = [
        Case(
            testDescription: "a rate is of one wallet, on one chain",
            bounds: [BoundPolicy(name: "p", walletRate: rate)],
            steps: [
                Step(answer: "claimed"), Step(answer: "claimed"), Step(answer: "bounded wallet_rate p left 0 in 60"),
                Step(wallet: 2, answer: "claimed"), Step(chain: "eip155:8453", answer: "claimed"),
            ]),
        Case(
            testDescription: "what was counted leaves with its second, not before",
            bounds: [BoundPolicy(name: "p", walletRate: rate)],
            steps: [
                Step(answer: "claimed"), Step(after: 10, answer: "claimed"),
                Step(after: 49, answer: "bounded wallet_rate p left 0 in 1"), Step(after: 1, answer: "claimed"),
                Step(after: 0, answer: "bounded wallet_rate p left 0 in 10"),
                Step(after: 9, answer: "bounded wallet_rate p left 0 in 1"), Step(after: 1, answer: "claimed"),
            ]),
        Case(
            testDescription: "a spend is reached exactly",
            bounds: [BoundPolicy(name: "p", walletSpend: spend)],
            steps: [
                Step(amount: 3, answer: "claimed"), Step(amount: 3, answer: "bounded wallet_spend p left $2.00 in 60"),
                Step(amount: 2, after: 7, answer: "claimed"),
                Step(amount: 1, answer: "bounded wallet_spend p left $0.00 in 53"),
                Step(amount: 4, answer: "bounded wallet_spend p left $0.00 in 60"),
            ]),
        Case(
            testDescription: "a price above the bound never comes through",
            bounds: [BoundPolicy(name: "p", walletSpend: spend)],
            steps: [
                Step(amount: 6, answer: "bounded wallet_spend p left $5.00 never"), Step(amount: 5, answer: "claimed"),
            ]),
        Case(
            testDescription: "a bound of nothing lets nothing through",
            bounds: [BoundPolicy(name: "p", everyoneRate: RateBound(count: 0, windowSeconds: 1))],
            steps: [Step(answer: "bounded everyone_rate p left 0 never")]),
        Case(
            testDescription: "everyone is all wallets together",
            bounds: [BoundPolicy(name: "p", everyoneRate: rate)],
            steps: [
                Step(wallet: 1, answer: "claimed"), Step(wallet: 2, after: 1, answer: "claimed"),
                Step(wallet: 3, answer: "bounded everyone_rate p left 0 in 59"),
            ]),
        Case(
            testDescription: "everyone's money is all wallets' together",
            bounds: [BoundPolicy(name: "p", everyoneSpend: spend)],
            steps: [
                Step(wallet: 1, amount: 4, answer: "claimed"),
                Step(wallet: 2, amount: 2, answer: "bounded everyone_spend p left $1.00 in 60"),
                Step(wallet: 2, amount: 1, answer: "claimed"),
            ]),
        Case(
            testDescription: "of several refusals the longest is told",
            bounds: [
                BoundPolicy(name: "p", walletRate: RateBound(count: 1, windowSeconds: 10)),
                BoundPolicy(name: "q", walletRate: RateBound(count: 1, windowSeconds: 90), everyoneRate: rate),
                BoundPolicy(name: "r", walletRate: RateBound(count: 1, windowSeconds: 20)),
            ],
            steps: [Step(answer: "claimed"), Step(answer: "bounded wallet_rate q left 0 in 90")]),
        Case(
            testDescription: "a window as long as may be",
            bounds: [
                BoundPolicy(name: "p", walletRate: RateBound(count: 1, windowSeconds: BoundWindow.mostSeconds + 77))
            ],
            steps: [
                Step(answer: "claimed"), Step(after: 1, answer: "bounded wallet_rate p left 0 in 34559999"),
                Step(after: 34_559_999, answer: "claimed"),
            ]),
        Case(
            testDescription: "a window of one second, and absurd ones are as long",
            bounds: [
                BoundPolicy(
                    name: "p", walletRate: RateBound(count: 1, windowSeconds: 1),
                    everyoneRate: RateBound(count: 1, windowSeconds: -5))
            ],
            steps: [
                Step(answer: "claimed"), Step(answer: "bounded wallet_rate p left 0 in 1"),
                Step(after: 1, answer: "claimed"),
            ]),
    ]

    @Test(arguments: cases) func bounds(_ test: Case) throws {
        let desk = try Desk()
        for (number, step) in test.steps.enumerated() {
            desk.pass(milliseconds: step.after * 1000)
            let answer = desk.admit(
                Self.pay(
                    wallet: step.wallet, nonce: number + 1, amount: step.amount, chain: step.chain, test.bounds))
            #expect(answer.text == step.answer, "step \(number)")
            if let ticket = answer.ticket { desk.held.append(ticket) }
        }
    }

    @Test func routesThatNameAPolicyShareItsCounters() throws {
        let desk = try Desk()
        let one = BoundPolicy(name: "one", walletRate: Self.rate)
        let other = BoundPolicy(name: "other", walletRate: Self.rate)
        let both = desk.admit(Self.pay(nonce: 1, [one, other]))
        let first = desk.admit(Self.pay(nonce: 2, [one]))
        #expect(both.text == "claimed" && first.text == "claimed")
        #expect(desk.admit(Self.pay(nonce: 3, [one])).text.hasPrefix("bounded wallet_rate one"))
        #expect(desk.admit(Self.pay(nonce: 4, [other, one])).text.hasPrefix("bounded wallet_rate one"))
        let second = desk.admit(Self.pay(nonce: 5, [other]))
        #expect(second.text == "claimed")
        #expect(desk.admit(Self.pay(nonce: 6, [other])).text.hasPrefix("bounded wallet_rate other"))
        #expect(desk.admit(Self.pay(nonce: 7, [])).text == "claimed")
    }

    @Test func aNameWithinANameIsAnother() throws {
        let desk = try Desk()
        let names = ["a", "ab", "b"].map { BoundPolicy(name: $0, walletRate: RateBound(count: 1, windowSeconds: 60)) }
        let tickets = names.enumerated().map { desk.admit(Self.pay(nonce: 1 + $0, [$1])) }
        #expect(tickets.map(\.text) == ["claimed", "claimed", "claimed"])
    }

    @Test func playMoneyUsesUpNoRealBound() throws {
        let desk = try Desk()
        let bounds = [BoundPolicy(name: "p", everyoneRate: RateBound(count: 1, windowSeconds: 60))]
        let played = try #require(desk.admit(Self.pay(nonce: 1, bounds)).ticket)
        #expect(desk.admit(Self.pay(nonce: 2, bounds)).text.hasPrefix("bounded everyone_rate"))
        var real = Self.pay(nonce: 3, bounds)
        real.facilitator = .chain
        let paid = try desk.claimed(real)
        real.key = Self.pay(nonce: 4, bounds).key
        #expect(desk.admit(real).text.hasPrefix("bounded everyone_rate"))
        withExtendedLifetime((played, paid)) {}
    }

    @Test func boundsAreAskedAgainWhenTheClaimIsMade() throws {
        let desk = try Desk()
        let bounds = [BoundPolicy(name: "p", walletSpend: Self.spend)]
        var admissions = (1...3).map { Self.pay(nonce: $0, amount: 2, bounds) }
        for index in admissions.indices { admissions[index].facilitator = .chain }
        let holds = try admissions.map { try #require(desk.admit($0).hold) }
        let claims = holds.map { desk.claim($0, balance: 100) }
        #expect(claims.map(\.text) == ["claimed", "claimed", "bounded wallet_spend p left $1.00 in 60"])
        // The lease of the refused one is free.
        #expect(desk.core.wallets[admissions[0].key.wallet]?.leases.first == 2)
    }

    @Test func whatIsRefusedByABoundHoldsNoLease() throws {
        let desk = try Desk()
        let bounds = [BoundPolicy(name: "p", walletRate: RateBound(count: 0, windowSeconds: 60))]
        for nonce in 1...3 { #expect(desk.admit(Self.pay(nonce: nonce, bounds)).text.hasPrefix("bounded")) }
        desk.expectIdle()
    }

    @Test func moneyOfAnyDecimals() {
        let table: [(amount: UInt128, decimals: Int, text: String)] = [
            (0, 6, "$0.00"), (1, 6, "$0.000001"), (1_250_000, 6, "$1.25"), (5, 0, "$5.00"),
            (1, 18, "$0.000000000000000001"),
            (1, 19, "$0.000000000000000001"), (10, 19, "$0.000000000000000001"),
            (11, 19, "$0.000000000000000002"), (0, 255, "$0.00"), (1, 255, "$0.000000000000000001"),
            (.max, 60, "$0.000000000000000001"), (100, 2, "$1.00"), (5, -3, "$5.00"),
        ]
        for row in table {
            let found = Attodollars.text(Attodollars.of(amountAtomic: row.amount, decimals: row.decimals))
            #expect(found == row.text, "\(row)")
        }
        #expect(Attodollars.of(amountAtomic: .max, decimals: 6) == Attodollars.most + 1)
        #expect(Attodollars.of(amountAtomic: .max, decimals: 18) == Attodollars.most + 1)
        #expect(SpendBound(attodollars: .max, windowSeconds: 1).attodollars == Attodollars.most)
    }
}
