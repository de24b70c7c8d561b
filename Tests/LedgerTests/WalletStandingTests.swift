import CrashDisk
import Testing

@testable import Ledger

/// What a reader says of one wallet, while a gateway may run.
@Suite struct WalletStandingTests {
    let folder = ScratchFolder()
    static let bounds = [
        BoundPolicy(
            name: "p", walletRate: RateBound(count: 5, windowSeconds: 60),
            everyoneSpend: SpendBound(attodollars: 9 * Attodollars.dollar, windowSeconds: 600)),
        BoundPolicy(name: "q", walletSpend: SpendBound(attodollars: 4 * Attodollars.dollar, windowSeconds: 600)),
    ]

    /// One batch of payments after another, each as (wallet, chain, amount, end), a minute apart.
    func fill(_ path: String, _ payments: [(wallet: Int, chain: String, amount: UInt128, end: ExchangeEnd)]) throws {
        let clock = ManualClock()
        let lock = ProcessLock.tryLock(ledger: path)
        let core = LedgerCore(
            store: try Store(path: path, now: clock.unixSeconds()), clock: clock, mailbox: Mailbox())
        for (index, payment) in payments.enumerated() {
            let answer = Answer<Admitted>()
            let admission = BoundTests.pay(
                wallet: payment.wallet, nonce: index, amount: payment.amount, chain: payment.chain, Self.bounds)
            _ = core.run([.admit(admission, AdmissionToken(number: UInt64(index)), answer.callback)])
            let ticket = try #require(answer.ticket)
            if case .uncharged = payment.end {
            } else {
                _ = core.run([.settle(ticket.here, forwardsLater: false, { _ in })])
            }
            _ = core.run([.ended(ticket.here, payment.end)])
            clock.pass(milliseconds: 40_000)
        }
        core.stop()
        withExtendedLifetime(lock) {}
    }

    @Test func aWalletOnTwoChains() throws {
        let path = folder.file("ledger.db")
        try fill(
            path,
            [
                (1, "eip155:84532", 2, .delivered), (2, "eip155:84532", 3, .delivered),
                (1, "eip155:8453", 1, .undelivered(noRequestByteWritten: false)),
                (1, "eip155:84532", 1, .uncharged(reason: "down")), (1, "eip155:84532", 1, .delivered),
            ])
        let requirement = ProvenRequirement(name: "proven", settled: 2)
        let found = try LedgerReader(path: path).standings(
            of: Pay.bytes20(1), policies: Self.bounds, requirements: [requirement], now: Pay.now + 170)
        #expect(found.map(\.wallet.chain) == ["eip155:8453", "eip155:84532"])
        #expect(found.allSatisfy { $0.isPlay })
        let base = try #require(found.last)
        #expect(base.claims == [.delivered: 2, .void: 1])
        #expect(base.history.settled == 2 && base.history.failed == 0 && base.history.firstSettledAt == Pay.now)
        #expect(Attodollars.text(base.history.spentAttodollars) == "$3.00")
        #expect(base.proven == [ProvenStanding(policy: "proven", missing: nil)])
        #expect(found[0].proven == [ProvenStanding(policy: "proven", missing: "1 more settled payment")])
        let lines = base.bounds.map {
            "\($0.policy) \($0.code) \($0.windowSeconds) \($0.limitText) \($0.usedText) \($0.leftText)"
        }
        #expect(
            lines == [
                "p walletRate 60 5 1 4", "p everyoneSpend 600 $9.00 $7.00 $2.00", "q walletSpend 600 $4.00 $3.00 $1.00",
            ])
        #expect(
            try LedgerReader(path: path).standings(of: Pay.bytes20(9), policies: [], requirements: [], now: 0).isEmpty)
    }

    /// The wall clock is behind the latest claim: nothing leaves its window because of that, and nothing stays for ever.
    @Test func aClockThatIsBehindTheLedger() throws {
        let path = folder.file("ledger.db")
        try fill(path, [(1, "eip155:84532", 2, .delivered), (1, "eip155:84532", 2, .delivered)])
        for (now, used) in [(Pay.now - 5000, "2"), (Pay.now + 59, "2"), (Pay.now + 60, "1"), (Pay.now + 100, "0")] {
            let found = try LedgerReader(path: path).standings(
                of: Pay.bytes20(1), policies: Self.bounds, requirements: [], now: now)
            #expect(found.first?.bounds.first?.usedText == used, "\(now)")
        }
    }

    @Test func aLedgerThatIsReadyHasCountedTheBoundsItWasGiven() throws {
        let path = folder.file("ledger.db")
        try fill(path, [(1, "eip155:84532", 2, .delivered), (2, "eip155:84532", 2, .delivered)])
        let store = try Store(path: path, now: Pay.now + 50)
        try store.tally.open(Self.bounds)
        #expect(store.tally.booksKept == 2 && store.tally.walletsKept == 4)
        try store.close()
    }
}
