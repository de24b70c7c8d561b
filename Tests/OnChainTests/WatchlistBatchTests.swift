import Bytes
import Chains
import OnChain
import Testing

/// Claims that one transaction carries: each ends by its own events.
@Suite struct WatchlistBatchTests {
    typealias Place = Sample.Place
    private let place = Place(block: 101)

    private func transfer(_ claim: Int64) -> AwaitedTransfer {
        Sample.transfer(nonce: UInt64(claim), payer: Sample.address(0xA00 + UInt64(claim)))
    }

    /// Three claims in one transaction with the relayer's nonce 7.
    private func bench(confirmations: UInt64 = 1) -> WatchBench {
        var bench = WatchBench()
        #expect(bench.tick() == [])
        for claim in 1...3 as ClosedRange<Int64> {
            bench.list.add(
                bench.order(
                    claim, transfer(claim), confirmations: confirmations, deadline: 31_000,
                    share: BatchShare(place: Int(claim) - 1, of: 3)), now: bench.now)
        }
        return bench
    }

    /// The transaction in a block, with the events of these claims.
    private func mine(_ claims: [Int64], in bench: inout WatchBench, succeeded: Bool = true, fork: UInt64 = 0) {
        bench.head = 101
        bench.counts[Sample.relayer] = 8
        bench.logs[101] = []
        for (at, claim) in claims.enumerated() {
            let place = Place(block: 101, index: UInt64(at * 2), fork: fork)
            bench.logs[101]! += [
                Sample.used(transfer(claim), place),
                Sample.moved(transfer(claim), Place(block: 101, index: place.index + 1, fork: fork)),
            ]
        }
        bench.receipts[Sample.word(0xF1)] = Sample.receipt(
            bench.logs[101]!, Place(block: 101, fork: fork), succeeded: succeeded)
    }

    private func sorted(_ outcomes: [WatchOutcome]) -> [WatchOutcome] { outcomes.sorted { "\($0)" < "\($1)" } }

    private func settled(_ claim: Int64, gasWei: UInt128? = 140_000) -> WatchOutcome {
        .settled(claim: claim, place.onChain, gasWei: gasWei)
    }

    @Test func eachSettlesByItsOwnEvents() {
        var bench = bench()
        mine([1, 2, 3], in: &bench)
        #expect(sorted(bench.tick()) == [settled(1), settled(2), settled(3)])
        // One receipt for all of them, with the scan.
        #expect(bench.asked.last?.receipts == [Sample.word(0xF1)])
        #expect(bench.tick().isEmpty && bench.asked.last?.receipts == [])
    }

    @Test func theSharesSumToTheCost() {
        var bench = bench()
        mine([1, 2, 3], in: &bench)
        bench.receipts[Sample.word(0xF1)]?.gasUsed = 1
        bench.receipts[Sample.word(0xF1)]?.effectiveGasPrice = 10
        bench.receipts[Sample.word(0xF1)]?.layerOneFeeWei = 91
        #expect(sorted(bench.tick()) == [settled(1, gasWei: 34), settled(2, gasWei: 34), settled(3, gasWei: 33)])
    }

    @Test func oneThatFailedIsRefusedAndWatchedOn() {
        var bench = bench()
        mine([1, 3], in: &bench)
        #expect(sorted(bench.tick()) == [settled(1), settled(3)])
        #expect(bench.tick() == [.refused(claim: 2, .reverted, gasWei: 140_000)])
        // A stranger has it still.
        bench.settle(transfer(2), Place(block: 103, transaction: 0xEE))
        bench.head = 103
        let place = Place(block: 103, transaction: 0xEE)
        let outcomes = bench.tick(after: 60_000) + bench.tick()
        #expect(outcomes == [.settled(claim: 2, place.onChain, gasWei: 140_000)])
    }

    @Test func itsFailureCountsAtTheConfirmationsAskedFor() {
        var bench = bench(confirmations: 3)
        mine([1, 3], in: &bench)
        for _ in 0..<3 { #expect(bench.tick() == []) }
        bench.head = 103
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick() }
        #expect(sorted(outcomes) == [.refused(claim: 2, .reverted, gasWei: 140_000), settled(1), settled(3)])
    }

    @Test func oneThatAStrangerHadBeforeIsSettledByHim() {
        var bench = bench()
        mine([1, 3], in: &bench)
        let before = Place(block: 101, transaction: 0xEE, index: 10)
        bench.logs[101]! += [
            Sample.used(transfer(2), before),
            Sample.moved(transfer(2), Place(block: 101, transaction: 0xEE, index: 11)),
        ]
        let outcomes = sorted(bench.tick())
        #expect(outcomes == [settled(1), .settled(claim: 2, before.onChain, gasWei: 140_000), settled(3)])
        for _ in 0..<4 { #expect(bench.tick() == []) }
    }

    /// One took all gas, and the whole was reverted.
    @Test func allFailWithTheWhole() {
        var bench = bench()
        mine([], in: &bench, succeeded: false)
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick() }
        #expect(sorted(outcomes) == (1...3).map { .refused(claim: $0, .reverted, gasWei: 140_000) })
    }

    @Test func aReceiptThatIsMissingIsAskedForAFewTimes() {
        var bench = bench()
        mine([1, 2, 3], in: &bench)
        bench.isDeaf = true
        bench.receipts = [:]
        for _ in 0..<8 { #expect(bench.tick(after: 100) == []) }
        #expect(bench.asked.filter { !$0.receipts.isEmpty }.count == 5)
        bench.isDeaf = false
        #expect(sorted(bench.tick()) == [settled(1, gasWei: nil), settled(2, gasWei: nil), settled(3, gasWei: nil)])
    }

    /// What was settled is not refused by a revert: it waits for its window's end.
    @Test func aReorganizationTakesBackAllAndTheNextBlockProvesThemAnew() {
        var bench = bench()
        mine([1, 2, 3], in: &bench)
        #expect(bench.tick().count == 3)
        bench.forkAbove = 100
        mine([1, 3], in: &bench, fork: 1)
        bench.head = 103
        var outcomes: [WatchOutcome] = []
        for _ in 0..<6 { outcomes += bench.tick() }
        let again = Place(block: 101, fork: 1).onChain
        #expect(
            sorted(outcomes) == [
                .reorganized(claim: 2), .settled(claim: 1, again), .settled(claim: 3, again),
            ])
    }

    /// Its block is taken back, and a stranger's transaction settles it in the next one: the ledger is told both.
    @Test func anotherTransactionAfterAReorganizationIsTold() {
        var bench = bench()
        mine([1, 2, 3], in: &bench)
        #expect(bench.tick().count == 3)
        bench.forkAbove = 100
        mine([1, 3], in: &bench, fork: 1)
        let stranger = Place(block: 101, transaction: 0xEE, index: 10, fork: 1)
        bench.logs[101]! += [
            Sample.used(transfer(2), stranger),
            Sample.moved(transfer(2), Place(block: 101, transaction: 0xEE, index: 11, fork: 1)),
        ]
        bench.head = 103
        var outcomes: [WatchOutcome] = []
        for _ in 0..<6 { outcomes += bench.tick() }
        let ofTwo = outcomes.filter { "\($0)".contains("claim: 2") }
        #expect(ofTwo == [.reorganized(claim: 2), .settled(claim: 2, stranger.onChain)])
    }

    /// What a facilitator named as its transaction may be another: only a revert says something.
    @Test func aForeignTransactionWithoutEventsProvesNothing() {
        var bench = WatchBench()
        #expect(bench.tick() == [])
        var order = bench.order(1, transfer(1))
        order.sender = nil
        bench.list.add(order, now: bench.now)
        bench.head = 101
        bench.receipts[Sample.word(0xF1)] = Sample.receipt([], place)
        for _ in 0..<6 { #expect(bench.tick(after: 20_000) == []) }
    }
}
