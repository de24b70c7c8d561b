import Bytes
import Chains
import OnChain
import Testing

/// A watchlist with a chain of blocks that a test writes by hand.
struct WatchBench {
    typealias Place = Sample.Place

    var list = Watchlist()
    var now: UInt64 = 1_000
    /// By block number: its events.
    var logs: [UInt64: [RPCLog]] = [:]
    var receipts: [Bytes32: RPCReceipt] = [:]
    var counts: [Address: UInt64] = [:]
    var head: UInt64
    /// Blocks above this are of another history.
    var forkAbove: UInt64 = .max
    var finalized: UInt64 = 0
    /// Blocks that are others than they should be.
    var replaced: [UInt64: RPCBlock] = [:]
    /// The node answers nothing to scans.
    var isDeaf = false
    private(set) var asked: [WatchPlan] = []

    init(head: UInt64 = 100) { self.head = head }

    func block(_ number: UInt64) -> RPCBlock {
        if let other = replaced[number] { return other }
        let fork: UInt64 = number > forkAbove ? 1 : 0
        return Sample.block(number, fork: fork, parentFork: number > 1 && number - 1 > forkAbove ? 1 : 0)
    }

    /// One whole tick, with an honest node.
    mutating func tick(after milliseconds: UInt64 = 500) -> [WatchOutcome] {
        now += milliseconds
        let probe = list.probe(now: now)
        var answers = WatchProbeAnswers()
        answers.latest = block(head)
        answers.counts = counts
        for number in (probe.check.map { [$0] } ?? []) + probe.blocks where number <= head {
            answers.blocks[number] = block(number)
        }
        if probe.wantsFinalized { answers.finalized = block(finalized) }
        var outcomes = list.take(answers, to: probe, now: now)
        let plan = list.plan(now: now)
        asked.append(plan)
        var found = WatchAnswers()
        if let scan = plan.scan, !isDeaf {
            found.logs = events(scan.from, scan.to).filter { log in
                scan.tokens.contains(log.address)
                    && scan.payers.contains { EvidenceJudge.topic($0) == log.topics[1] }
            }
        }
        for look in plan.looks { found.looks[look.claim] = answer(look) }
        for hash in plan.receipts where receipts[hash].map({ $0.blockNumber <= head }) ?? false {
            found.receipts[hash] = receipts[hash]
        }
        outcomes += list.take(found, to: plan, now: now)
        for audit in plan.audits { outcomes += list.audited(audit, [answer(audit.look)], now: now) }
        return outcomes + list.expired(now: now)
    }

    private func events(_ from: UInt64, _ to: UInt64) -> [RPCLog] {
        logs.filter { $0.key >= from && $0.key <= min(to, head) }.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    func answer(_ look: WatchLook) -> WatchLookAnswer {
        WatchLookAnswer(
            logs: events(look.from, look.to).filter {
                $0.topics[0] != EvidenceJudge.transfer && $0.topics[2] == look.key.nonce
            },
            receipts: look.receipts.compactMap { receipts[$0] }.filter { $0.blockNumber <= head })
    }

    func order(
        _ claim: Int64 = 1, _ transfer: AwaitedTransfer = Sample.transfer(), confirmations: UInt64 = 1,
        deadline: UInt64? = nil, standing: WatchOrder.Standing = .open, hash: UInt64? = 0xF1,
        share: BatchShare = .whole
    ) -> WatchOrder {
        WatchOrder(
            claim: claim, transfer: transfer, confirmations: confirmations, sinceBlock: 90, deadline: deadline,
            standing: standing,
            sender: hash == nil ? nil : WatchOrder.Sender(relayer: Sample.relayer, nonce: 7),
            hashes: hash.map { [Sample.word($0)] } ?? [], share: share)
    }

    /// Our transfer in a block, by a transaction.
    mutating func settle(_ transfer: AwaitedTransfer, _ place: Place) {
        logs[place.block, default: []] += [
            Sample.used(transfer, place),
            Sample.moved(
                transfer,
                Place(
                    block: place.block, transaction: place.transaction, index: place.index + 1, fork: place.fork)),
        ]
        receipts[Sample.word(place.transaction)] = Sample.receipt(logs[place.block]!, place)
    }
}

@Suite struct WatchlistTests {
    typealias Place = Sample.Place
    private let ours = Sample.transfer()

    /// A bench that has heard the chain, with one claim of an exchange that waits.
    private func bench(_ confirmations: UInt64 = 1, deadline: UInt64 = 31_000) -> WatchBench {
        var bench = WatchBench()
        #expect(bench.tick() == [])
        bench.list.add(bench.order(confirmations: confirmations, deadline: deadline), now: bench.now)
        return bench
    }

    /// Blocks were taken back since it was verified: a stranger's transaction came to stand lower than the head was then.
    @Test func evidenceBelowTheFirstBlockIsFoundAfterAStart() {
        var bench = WatchBench()
        let place = Place(block: 80, transaction: 0xE1)
        bench.settle(ours, place)
        #expect(bench.tick() == [])
        bench.list.add(bench.order(), now: bench.now)
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick() }
        #expect(outcomes == [.settled(claim: 1, place.onChain)])
    }

    @Test func evidenceInTheNextBlockSettles() {
        var bench = bench()
        #expect(bench.tick() == [])
        bench.head = 101
        let place = Place(block: 101)
        bench.settle(ours, place)
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
        #expect(bench.tick(after: 60_000) == [])
    }

    @Test func aBlockIsScannedOnce() {
        var bench = bench()
        bench.head = 101
        _ = bench.tick()
        _ = bench.tick()
        bench.head = 103
        _ = bench.tick()
        #expect(bench.asked.compactMap(\.scan).map { [$0.from, $0.to] } == [[101, 101], [102, 103]])
    }

    @Test func evidenceIsWaitedForAtTheConfirmationsAskedFor() {
        var bench = bench(3)
        let place = Place(block: 101)
        bench.settle(ours, place)
        for head: UInt64 in 101...102 {
            bench.head = head
            #expect(bench.tick() == [])
        }
        bench.head = 103
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func evidenceThatGoesBeforeItIsDeepDoesNotCount() {
        var bench = bench(3)
        bench.settle(ours, Place(block: 101))
        bench.head = 102
        #expect(bench.tick() == [])
        // Another history from 101 on, without it.
        bench.logs = [:]
        bench.receipts = [:]
        bench.forkAbove = 100
        bench.head = 105
        for _ in 0..<4 { #expect(bench.tick() == []) }
        let place = Place(block: 106, fork: 1)
        bench.settle(ours, place)
        bench.head = 108
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func evidenceOfAnotherHistoryThanTheHeadsDoesNotCount() {
        var bench = bench()
        bench.head = 101
        // A node on other blocks answers the scan.
        bench.settle(ours, Place(block: 101, fork: 1))
        #expect(bench.tick() == [])
        #expect(bench.tick(after: 5_000) == [])
    }

    @Test func aStrangersTransactionSettlesToo() {
        var bench = bench()
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.settle(ours, place)
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func logsThatAreNotAdjacentAreReadInTheReceipt() {
        var bench = bench()
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.logs[101] = [
            Sample.used(ours, place), Sample.moved(ours, Place(block: 101, transaction: 0xEE, index: 2)),
        ]
        bench.receipts[Sample.word(0xEE)] = Sample.receipt(bench.logs[101]!, place)
        #expect(bench.tick() == [])
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func aFrontRunBeforeItWasSentIsFoundWhenOursIsReverted() {
        var bench = bench()
        let place = Place(block: 95, transaction: 0xEE)
        bench.settle(ours, place)
        bench.head = 101
        bench.receipts[Sample.word(0xF1)] = Sample.receipt([], Place(block: 101), succeeded: false)
        bench.counts[Sample.relayer] = 8
        var outcomes: [WatchOutcome] = []
        for _ in 0..<4 { outcomes += bench.tick() }
        #expect(outcomes == [.settled(claim: 1, place.onChain, gasWei: 420_000)])
    }

    @Test func aRevertWithoutEventsIsARefusal() {
        var bench = bench()
        bench.head = 101
        bench.receipts[Sample.word(0xF1)] = Sample.receipt([], Place(block: 101), succeeded: false)
        bench.counts[Sample.relayer] = 8
        var outcomes: [WatchOutcome] = []
        for _ in 0..<4 { outcomes += bench.tick() }
        #expect(outcomes == [.refused(claim: 1, .reverted, gasWei: 420_000)])
        // It is watched on: somebody may use it still.
        let place = Place(block: 103, transaction: 0xEE)
        bench.settle(ours, place)
        bench.head = 103
        #expect(bench.tick(after: 60_000) == [])
        #expect(bench.tick() == [.settled(claim: 1, place.onChain, gasWei: 420_000)])
    }

    @Test func aRevertIsNoRefusalWhereANodeSaysOtherwise() {
        var bench = bench()
        bench.head = 101
        bench.receipts[Sample.word(0xF1)] = Sample.receipt([], Place(block: 101), succeeded: false)
        bench.counts[Sample.relayer] = 8
        _ = bench.tick()
        bench.now += 500
        let plan = bench.list.plan(now: bench.now)
        #expect(plan.audits.count == 1)
        let good = bench.answer(plan.audits[0].look)
        // One has no receipt; one holds the authorization for used; none answered.
        let without = WatchLookAnswer(logs: [], receipts: [])
        let used = WatchLookAnswer(logs: [Sample.used(ours, Place(block: 100, transaction: 0xEE))], receipts: [])
        for answers: [WatchLookAnswer?] in [[good, without], [good, used], [nil, nil], []] {
            var list = bench.list
            #expect(list.audited(plan.audits[0], answers, now: bench.now) == [])
        }
        #expect(
            bench.list.audited(plan.audits[0], [good, nil], now: bench.now)
                == [.refused(claim: 1, .reverted, gasWei: 420_000)])
    }

    @Test func aMissedLogIsFoundByTheReceipt() {
        var bench = bench()
        bench.head = 101
        let place = Place(block: 101)
        bench.settle(ours, place)
        bench.logs = [:]
        bench.counts[Sample.relayer] = 8
        #expect(bench.tick() == [.settled(claim: 1, place.onChain, gasWei: 420_000)])
    }

    @Test func unansweredScansAreAskedAgain() {
        var bench = bench()
        bench.isDeaf = true
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.settle(ours, place)
        #expect(bench.tick() == [])
        bench.isDeaf = false
        bench.head = 102
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func theDeadlineIsToldOnceAndWatchingGoesOn() {
        var bench = bench(deadline: 3_000)
        #expect(bench.tick(after: 2_000) == [.unknown(claim: 1)])
        #expect(bench.tick() == [])
        bench.head = 101
        let place = Place(block: 101)
        bench.settle(ours, place)
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func afterALongTimeItIsFoundByLooks() {
        var bench = bench(deadline: 3_000)
        _ = bench.tick(after: 200_000)
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.settle(ours, place)
        var outcomes: [WatchOutcome] = []
        for _ in 0..<4 { outcomes += bench.tick(after: 600_000) }
        #expect(outcomes == [.settled(claim: 1, place.onChain)])
    }

    // MARK: Finality

    @Test func settledIsWatchedUntilItsBlockIsFinal() {
        var bench = bench()
        bench.head = 101
        bench.settle(ours, Place(block: 101))
        _ = bench.tick()
        bench.head = 120
        bench.finalized = 100
        for _ in 0..<3 { #expect(bench.tick(after: 11_000) == []) }
        bench.finalized = 101
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick(after: 11_000) }
        #expect(outcomes == [.final(claim: 1)])
        #expect(bench.list.count == 0)
    }

    @Test func evidenceInABlockThatIsNotTheFinalOneIsLookedForAgain() {
        var bench = bench()
        bench.head = 101
        bench.settle(ours, Place(block: 101))
        _ = bench.tick()
        // Nobody noticed that another block took the place of 101, which lies under the same later ones.
        bench.head = 120
        _ = bench.tick()
        bench.finalized = 110
        bench.logs = [:]
        bench.receipts = [:]
        bench.replaced = [101: Sample.block(101, fork: 9)]
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick(after: 11_000) }
        #expect(outcomes == [.reorganized(claim: 1)])
    }

    @Test func aWindowThatIsOverInAFinalBlockIsARefusal() {
        // Blocks come every two seconds: 10,000 is the time of block 5,000.
        var bench = bench(deadline: 3_000)
        _ = bench.tick(after: 2_000)
        bench.head = 5_100
        bench.finalized = 4_999
        for _ in 0..<3 { #expect(bench.tick(after: 40_000) == []) }
        bench.finalized = 5_000
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick(after: 40_000) }
        #expect(outcomes == [.refused(claim: 1, .windowOver), .final(claim: 1)])
        #expect(bench.list.count == 0)
    }

    @Test func aWindowThatIsOverIsNoRefusalWhereANodeKnowsOfAnEvent() {
        var bench = bench(deadline: 3_000)
        _ = bench.tick(after: 2_000)
        bench.head = 5_100
        bench.finalized = 5_000
        // The tick that hears of the final block asks no node yet.
        let probe = bench.list.probe(now: bench.now + 40_000)
        var answers = WatchProbeAnswers()
        answers.latest = bench.block(5_100)
        answers.blocks[100] = bench.block(100)
        answers.finalized = bench.block(5_000)
        #expect(bench.list.take(answers, to: probe, now: bench.now + 40_000) == [])
        let plan = bench.list.plan(now: bench.now + 40_000)
        #expect(plan.audits.count == 1)
        let nothing = WatchLookAnswer(logs: [], receipts: [])
        let canceled = WatchLookAnswer(logs: [Sample.canceled(ours, Place(block: 101))], receipts: [])
        var list = bench.list
        #expect(list.audited(plan.audits[0], [nothing, canceled], now: bench.now) == [])
        #expect(
            bench.list.audited(plan.audits[0], [nothing, nothing], now: bench.now)
                == [.refused(claim: 1, .windowOver), .final(claim: 1)])
    }

    @Test(arguments: [true, false])
    func anAdverseEventCountsWhenItIsFinal(_ isCanceled: Bool) {
        var bench = bench(deadline: 3_000)
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.logs[101] =
            isCanceled
            ? [Sample.canceled(ours, place)]
            : [
                Sample.used(ours, place),
                Sample.moved(ours, Place(block: 101, transaction: 0xEE, index: 1), to: Sample.payer),
            ]
        bench.receipts[Sample.word(0xEE)] = Sample.receipt(bench.logs[101]!, place)
        #expect(bench.tick() == [])
        #expect(bench.tick(after: 5_000) == [.unknown(claim: 1)])
        bench.head = 110
        bench.finalized = 100
        for _ in 0..<3 { #expect(bench.tick(after: 40_000) == []) }
        bench.finalized = 101
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick(after: 40_000) }
        #expect(outcomes == [.refused(claim: 1, isCanceled ? .canceled : .usedElsewhere), .final(claim: 1)])
    }

    /// Nobody has to wait for a final block: our own transaction was reverted, and the claim is watched on.
    @Test func anAdverseEventThatRevertedOursIsARefusalAtOnce() {
        var bench = bench()
        bench.head = 101
        let place = Place(block: 101, transaction: 0xEE)
        bench.logs[101] = [Sample.canceled(ours, place)]
        bench.receipts[Sample.word(0xEE)] = Sample.receipt(bench.logs[101]!, place)
        bench.receipts[Sample.word(0xF1)] = Sample.receipt([], Place(block: 101), succeeded: false)
        bench.counts[Sample.relayer] = 8
        var outcomes: [WatchOutcome] = []
        for _ in 0..<4 { outcomes += bench.tick() }
        #expect(outcomes == [.refused(claim: 1, .reverted, gasWei: 420_000)])
        bench.head = 110
        bench.finalized = 101
        for _ in 0..<3 { outcomes += bench.tick(after: 40_000) }
        #expect(outcomes == [.refused(claim: 1, .reverted, gasWei: 420_000), .final(claim: 1)])
    }

    // MARK: Reorganizations

    @Test func settledAgainInAnotherBlock() {
        var bench = bench()
        bench.head = 101
        bench.settle(ours, Place(block: 101))
        _ = bench.tick()
        bench.logs = [:]
        bench.forkAbove = 100
        bench.head = 103
        let place = Place(block: 102, fork: 1)
        bench.settle(ours, place)
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick() }
        #expect(outcomes == [.settled(claim: 1, place.onChain)])
    }

    @Test func whatVanishedIsToldAndFoundAgain() {
        var bench = bench()
        bench.head = 101
        bench.settle(ours, Place(block: 101))
        _ = bench.tick()
        bench.logs = [:]
        bench.receipts = [:]
        bench.forkAbove = 100
        bench.head = 102
        var outcomes: [WatchOutcome] = []
        for _ in 0..<3 { outcomes += bench.tick() }
        #expect(outcomes == [.reorganized(claim: 1)])
        let place = Place(block: 104, fork: 1)
        bench.head = 104
        bench.settle(ours, place)
        #expect(bench.tick() == [.settled(claim: 1, place.onChain)])
    }

    @Test func whatLiesBelowTheForkStays() {
        var bench = bench()
        bench.head = 101
        bench.settle(ours, Place(block: 101))
        _ = bench.tick()
        bench.head = 103
        _ = bench.tick()
        bench.forkAbove = 102
        bench.head = 104
        for _ in 0..<3 { #expect(bench.tick() == []) }
    }

    // MARK: Starts

    @Test(arguments: [WatchOrder.Standing.open, .refused, .settled])
    func whatHappenedWhileNobodyWatchedIsFound(_ standing: WatchOrder.Standing) {
        var bench = WatchBench()
        _ = bench.tick()
        let place = Place(block: 95)
        bench.settle(ours, place)
        bench.list.add(bench.order(standing: standing), now: bench.now)
        #expect(bench.tick() == [.settled(claim: 1, place.onChain, gasWei: 420_000)])
    }

    @Test func whatIsSettledAndGoneAfterAStartIsTold() {
        var bench = WatchBench()
        _ = bench.tick()
        bench.list.add(bench.order(standing: .settled), now: bench.now)
        #expect(bench.tick() == [.reorganized(claim: 1)])
    }

    @Test func manyAreLookedAtAFewAtATime() {
        var bench = WatchBench()
        _ = bench.tick()
        for claim: Int64 in 1...100 {
            bench.list.add(
                bench.order(claim, Sample.transfer(nonce: UInt64(claim)), standing: .settled), now: bench.now)
            bench.settle(
                Sample.transfer(nonce: UInt64(claim)), Place(block: 95, transaction: 0xF1, index: UInt64(claim * 2)))
        }
        var outcomes: [WatchOutcome] = []
        for _ in 0..<4 { outcomes += bench.tick() }
        #expect(outcomes.count == 100)
        #expect(bench.asked.allSatisfy { $0.looks.count <= 32 })
    }
}
