import Bytes
import Chains
import OnChain
import Testing

@Suite struct RelayerQueueTests {
    private static let price = GasPrice(baseFeeWei: 100, priorityFeeWei: 10)
    private static let policy = FeePolicy(capWei: 10_000)

    /// A queue with a signer that is no key: hashes are what they are made of.
    private struct Bench {
        var queue = RelayerQueue(address: Sample.relayer, policy: RelayerQueueTests.policy)
        var now: UInt64 = 1_000
        private var lastHash: UInt64 = 0
        private var lastClaim: Int64 = 0

        /// Heard from the chain: nothing in flight.
        init(count: UInt64 = 7, isReady: Bool = true) {
            guard isReady else { return }
            say(.counted(latest: count, pending: count))
            say(.priced(RelayerQueueTests.price))
        }

        @discardableResult mutating func say(_ event: QueueEvent) -> [QueueAction] { queue.on(event, now: now) }

        mutating func sign(_ unsigned: UnsignedTransaction) -> RelayTransaction {
            lastHash += 1
            let signed = RelayTransaction(
                claims: unsigned.claims, nonce: unsigned.nonce, to: unsigned.to, call: unsigned.call,
                gasLimit: unsigned.gasLimit, fees: unsigned.fees, hash: Sample.word(lastHash),
                raw: [UInt8(lastHash & 255)])
            queue.signed(signed, now: now)
            return signed
        }

        mutating func job() -> RelayJob {
            lastClaim += 1
            return RelayJob(claims: [lastClaim], to: Sample.token, call: [UInt8(lastClaim & 255)], gasLimit: 100_000)
        }

        /// For so many claims at once.
        mutating func batch(_ count: Int) throws -> RelayTransaction {
            let jobs = (0..<count).map { _ in job() }
            return sign(
                try queue.take(
                    RelayJob(
                        claims: jobs.flatMap(\.claims), to: Multicall3.address, call: jobs.flatMap(\.call),
                        gasLimit: 400_000), now: now))
        }

        mutating func take() throws -> RelayTransaction { sign(try queue.take(job(), now: now)) }

        /// Taken, durable, broadcast and accepted.
        mutating func send() throws -> RelayTransaction {
            let transaction = try take()
            #expect(say(.durable(transaction.hash)) == [.broadcast(transaction)])
            say(.answered(transaction.hash, .accepted))
            return transaction
        }

        mutating func after(_ milliseconds: UInt64) -> [QueueAction] {
            now += milliseconds
            return say(.turn)
        }

        /// Of a turn, those to sign.
        mutating func signatures(after milliseconds: UInt64) -> [UnsignedTransaction] {
            after(milliseconds).compactMap { if case .sign(let unsigned) = $0 { unsigned } else { nil } }
        }
    }

    @Test func noncesAreGivenInOrderAndManyAreInFlight() throws {
        var bench = Bench()
        let sent = try (0..<5).map { _ in try bench.send() }
        #expect(sent.map(\.nonce) == [7, 8, 9, 10, 11])
        #expect(sent[0].fees == Fees(maxFeeWei: 210, priorityFeeWei: 10))
        #expect(bench.queue.inFlight == 5)
        bench.say(.counted(latest: 10, pending: nil))
        #expect(bench.queue.inFlight == 2)
        #expect(try bench.send().nonce == 12)
    }

    @Test func nothingIsTakenBeforeTheChainWasHeard() {
        var bench = Bench(isReady: false)
        #expect(bench.queue.refusal(now: 0) == .notReady)
        bench.say(.counted(latest: 0, pending: 0))
        #expect(bench.queue.refusal(now: 0) == .notReady)
        bench.say(.priced(Self.price))
        #expect(bench.queue.refusal(now: 0) == nil)
        bench.say(.priced(GasPrice(baseFeeWei: 9_999, priorityFeeWei: 1)))
        #expect(bench.queue.refusal(now: 0) == .feesAboveCap)
        #expect(throws: QueueRefusal.feesAboveCap) { try bench.take() }
    }

    @Test func poolsTransactionsKeepTheirNonces() throws {
        var bench = Bench(isReady: false)
        bench.say(.counted(latest: 7, pending: 9))
        bench.say(.priced(Self.price))
        #expect(try bench.send().nonce == 9)
        // Somebody else's in 7 and 8 are given time before they are replaced.
        #expect(bench.signatures(after: 3_000).isEmpty)
        #expect(bench.signatures(after: 20_000).map(\.nonce) == [7, 8])
    }

    @Test func isBounded() throws {
        var bench = Bench()
        for _ in 0..<RelayerQueue.capacity { _ = try bench.take() }
        #expect(throws: QueueRefusal.full) { try bench.take() }
        bench.say(.counted(latest: 8, pending: nil))
        #expect(try bench.take().nonce == UInt64(7 + RelayerQueue.capacity))
    }

    @Test func fewWaitBehindAStuckOne() throws {
        var bench = Bench()
        for _ in 0...RelayerQueue.behindStuck { _ = try bench.send() }
        bench.now += RelayerQueue.stuckMilliseconds
        #expect(throws: QueueRefusal.stuck) { try bench.take() }
        bench.say(.counted(latest: 8, pending: nil))
        #expect(bench.queue.refusal(now: bench.now) == nil)
    }

    @Test func onlyWhatIsDurableIsBroadcast() throws {
        var bench = Bench()
        let first = try bench.take()
        #expect(bench.after(60_000) == [])
        #expect(bench.say(.durable(first.hash)) == [.broadcast(first)])
        #expect(bench.say(.durable(Sample.word(0xDEAD))) == [])
    }

    // MARK: Nonces given up

    @Test func aWithdrawnNonceIsGivenToTheNextOne() throws {
        var bench = Bench()
        let first = try bench.take()
        let second = try bench.take()
        bench.say(.withdrawn(nonce: first.nonce))
        #expect(try bench.take().nonce == first.nonce)
        bench.say(.withdrawn(nonce: second.nonce))
        #expect(bench.queue.inFlight == 1)
        #expect(try bench.take().nonce == second.nonce)
    }

    @Test func aGapIsFilledWhereOthersWaitBehindIt() throws {
        var bench = Bench()
        let first = try bench.take()
        _ = try bench.send()
        bench.say(.withdrawn(nonce: first.nonce))
        #expect(bench.signatures(after: 1_000).isEmpty)
        let filling = bench.signatures(after: 1_500)
        #expect(filling.map(\.nonce) == [7] && filling[0].kind == .freeing && filling[0].claims.isEmpty)
        #expect(filling[0].to == Sample.relayer && filling[0].call == [])
        let signed = bench.sign(filling[0])
        #expect(bench.say(.durable(signed.hash)) == [.broadcast(signed)])
        // It is nobody's any more.
        #expect(try bench.take().nonce == 9)
    }

    @Test func anAbandonedNonceGoesToNoOtherClaim() throws {
        var bench = Bench()
        let first = try bench.take()
        bench.say(.abandoned(nonce: first.nonce))
        #expect(bench.signatures(after: 60_000).isEmpty)
        let second = try bench.send()
        #expect(second.nonce == 8)
        #expect(bench.signatures(after: 10_000).map(\.nonce) == [7])
    }

    // MARK: Broadcasts

    @Test(arguments: [
        (BroadcastAnswer.accepted, UInt64(5_000)), (.alreadyKnown, 5_000), (.rejected("no"), 5_000),
        (.unreachable, 1_000),
    ])
    func isBroadcastAgain(_ answer: BroadcastAnswer, _ milliseconds: UInt64) throws {
        var bench = Bench()
        let transaction = try bench.send()
        bench.say(.answered(transaction.hash, answer))
        #expect(bench.after(milliseconds - 1) == [])
        #expect(bench.after(1) == [.broadcast(transaction)])
        #expect(bench.after(1) == [])
    }

    @Test func whatIsMinedIsNotBroadcastAgain() throws {
        var bench = Bench()
        let transaction = try bench.send()
        bench.say(.counted(latest: 8, pending: nil))
        #expect(bench.after(60_000) == [])
        // Taken back: the same bytes again.
        bench.say(.counted(latest: 7, pending: nil))
        #expect(bench.after(0) == [.broadcast(transaction)])
    }

    @Test func aUsedNonceIsCountedAgain() throws {
        var bench = Bench()
        let transaction = try bench.send()
        #expect(bench.say(.answered(transaction.hash, .nonceTooLow)) == [.recount])
        bench.say(.counted(latest: 12, pending: 13))
        #expect(bench.say(.answered(transaction.hash, .nonceTooLow)) == [])
        #expect(bench.queue.refusal(now: bench.now) == nil)
        #expect(try bench.take().nonce == 13)
    }

    @Test func anEmptyAccountTakesNothingForAWhile() throws {
        var bench = Bench()
        let transaction = try bench.send()
        bench.say(.answered(transaction.hash, .insufficientFunds))
        #expect(throws: QueueRefusal.noFunds) { try bench.take() }
        bench.now += 10_000
        #expect(bench.queue.refusal(now: bench.now) == nil)
    }

    // MARK: Replacing

    @Test func theOldestIsReplacedWhenItIsStuck() throws {
        var bench = Bench()
        let first = try bench.send()
        let second = try bench.send()
        #expect(bench.signatures(after: 14_999).isEmpty)
        let bumped = bench.signatures(after: 1)
        #expect(bumped.map(\.nonce) == [first.nonce])
        #expect(bumped[0].kind == .replacement && bumped[0].claims == first.claims && bumped[0].call == first.call)
        #expect(bumped[0].fees == Fees(maxFeeWei: 237, priorityFeeWei: 12))
        // It is broadcast when the ledger holds it, and not replaced again before.
        let signed = bench.sign(bumped[0])
        #expect(bench.signatures(after: 60_000).isEmpty)
        #expect(bench.say(.durable(signed.hash)) == [.broadcast(signed)])
        #expect(bench.queue.hashes(claim: first.claims[0]) == [first.hash, signed.hash])
        // The next one's time begins when it is the oldest.
        bench.say(.counted(latest: 8, pending: nil))
        #expect(bench.signatures(after: 14_999).isEmpty)
        #expect(bench.signatures(after: 1).map(\.nonce) == [second.nonce])
    }

    @Test func theCapEndsReplacing() throws {
        var bench = Bench()
        _ = try bench.send()
        var fees: [UInt128] = []
        while let bumped = bench.signatures(after: 15_000).first {
            fees.append(bumped.fees.maxFeeWei)
            let signed = bench.sign(bumped)
            bench.say(.durable(signed.hash))
        }
        #expect(fees.count > 20 && fees.last! <= 10_000 && fees.last! > 8_800)
    }

    @Test func whatTheBaseFeeLeftBelowIsReplacedBehindTheOldest() throws {
        var bench = Bench()
        let sent = try (0..<3).map { _ in try bench.send() }
        bench.say(.priced(GasPrice(baseFeeWei: 1_000, priorityFeeWei: 10)))
        let bumped = bench.signatures(after: 15_000)
        #expect(bumped.map(\.nonce) == sent.map(\.nonce))
        #expect(bumped.allSatisfy { $0.fees.maxFeeWei == 2_010 })
    }

    @Test func anUnderpricedOneIsReplacedSoon() throws {
        var bench = Bench()
        let transaction = try bench.send()
        bench.say(.answered(transaction.hash, .underpriced))
        #expect(bench.signatures(after: 1_999).isEmpty)
        #expect(bench.signatures(after: 1).map(\.nonce) == [7])
    }

    @Test func whatIsOverIsReplacedByATransferToItself() throws {
        var bench = Bench()
        let transaction = try bench.send()
        bench.say(.over(claim: transaction.claims[0]))
        let freeing = bench.signatures(after: 15_000)
        #expect(freeing.map(\.nonce) == [7] && freeing[0].kind == .freeing)
        #expect(freeing[0].to == Sample.relayer && freeing[0].call == [] && freeing[0].claims == transaction.claims)
        // What replaces it in its turn is no payment either.
        let signed = bench.sign(freeing[0])
        bench.say(.durable(signed.hash))
        #expect(bench.signatures(after: 15_000).map(\.kind) == [.freeing])
    }

    @Test func whatTheLedgerDoesNotHoldIsNotBroadcast() throws {
        var bench = Bench()
        let transaction = try bench.send()
        let signed = bench.sign(try #require(bench.signatures(after: 15_000).first))
        bench.say(.notReplaced(signed.hash))
        #expect(bench.after(5_000).contains(.broadcast(transaction)))
        #expect(bench.signatures(after: 15_000).map(\.kind) == [.freeing])
    }

    // MARK: Several claims in one

    @Test func aBatchHasOneNonceThatIsAllItsClaims() throws {
        var bench = Bench()
        let batch = try bench.batch(3)
        #expect(batch.claims == [1, 2, 3] && batch.nonce == 7)
        #expect(bench.say(.durable(batch.hash)) == [.broadcast(batch)])
        #expect((1...3).map { bench.queue.nonce(claim: $0) } == [7, 7, 7])
        #expect(bench.queue.inFlight == 1)
        #expect(try bench.take().nonce == 8)
    }

    @Test func aBatchIsReplacedAsAWholeUntilAllOfItIsOver() throws {
        var bench = Bench()
        let batch = try bench.batch(3)
        bench.say(.durable(batch.hash))
        bench.say(.over(claim: 1))
        bench.say(.over(claim: 3))
        let bumped = bench.signatures(after: 15_000)
        #expect(bumped.map(\.kind) == [.replacement] && bumped[0].call == batch.call)
        #expect(bumped[0].claims == [1, 2, 3] && bumped[0].gasLimit == 400_000)
        let signed = bench.sign(bumped[0])
        bench.say(.durable(signed.hash))
        bench.say(.over(claim: 2))
        #expect(bench.signatures(after: 15_000).map(\.kind) == [.freeing])
    }

    @Test func aWithdrawnBatchFreesItsNonce() throws {
        var bench = Bench()
        let batch = try bench.batch(3)
        bench.say(.withdrawn(nonce: batch.nonce))
        #expect(bench.queue.inFlight == 0 && bench.queue.nonce(claim: 2) == nil)
        #expect(try bench.batch(2).nonce == batch.nonce)
    }

    @Test func aRestartKnowsWhoIsLeftInABatch() throws {
        var before = Bench()
        let batch = try before.batch(3)
        // Of the others what is on the chain is final.
        let row = RelayTransaction(
            claims: [2], nonce: batch.nonce, to: batch.to, call: batch.call, gasLimit: batch.gasLimit,
            fees: batch.fees, hash: batch.hash, raw: batch.raw)
        var after = Bench(isReady: false)
        after.say(.restored([row]))
        after.say(.counted(latest: 7, pending: 8))
        after.say(.priced(Self.price))
        #expect(after.after(0) == [.broadcast(row)])
        after.say(.over(claim: 2))
        #expect(after.signatures(after: 15_000).map(\.kind) == [.freeing])
    }

    @Test func whatIsInFlightIsPledged() throws {
        var bench = Bench()
        let first = try bench.send()
        let most = first.fees.maxFeeWei * 100_000
        _ = try bench.send()
        #expect(bench.queue.pledgedWei == 2 * most)
        bench.say(.counted(latest: 8, pending: nil))
        #expect(bench.queue.pledgedWei == most)
        // Of a nonce's versions one is mined.
        let signed = bench.sign(try #require(bench.signatures(after: 15_000).first))
        bench.say(.durable(signed.hash))
        bench.say(.counted(latest: 8, pending: nil))
        #expect(bench.queue.pledgedWei == signed.fees.maxFeeWei * 100_000)
        bench.say(.counted(latest: 9, pending: nil))
        #expect(bench.queue.pledgedWei == 0)
    }

    // MARK: Restarts and reorganizations

    @Test func aRestartGoesOnFromTheRows() throws {
        var before = Bench()
        let sent = try (0..<3).map { _ in try before.send() }
        var after = Bench(isReady: false)
        after.now = 50_000
        after.say(.restored([sent[2], sent[0], sent[1]]))
        after.say(.counted(latest: 8, pending: 8))
        after.say(.priced(Self.price))
        // The node's pool may have forgotten them.
        #expect(after.after(0) == [.broadcast(sent[1]), .broadcast(sent[2])])
        #expect(after.queue.inFlight == 2)
        #expect(try after.send().nonce == 10)
    }

    @Test func countsMayComeBeforeTheRows() throws {
        var before = Bench()
        let sent = try (0..<3).map { _ in try before.send() }
        var after = Bench(count: 8)
        after.say(.restored(sent))
        #expect(after.after(0) == [.broadcast(sent[1]), .broadcast(sent[2])])
        #expect(try after.send().nonce == 10)
    }

    @Test func gapsAmongTheRowsAreFilled() throws {
        var before = Bench()
        let sent = try (0..<3).map { _ in try before.send() }
        var after = Bench(isReady: false)
        after.say(.restored([sent[2]]))
        #expect(after.say(.counted(latest: 7, pending: 7)) == [])
        after.say(.priced(Self.price))
        #expect(after.after(0) == [.broadcast(sent[2])])
        #expect(after.signatures(after: 2_500).map(\.nonce) == [7, 8])
    }

    /// Its claims are at rest, so no row brings it back.
    @Test func whatNobodySendsAgainIsNotInFlight() throws {
        var before = Bench()
        let sent = try (0..<2).map { _ in try before.send() }
        var after = Bench(count: 9)
        after.say(.restored([sent[0]]))
        #expect(after.queue.inFlight == 0)
        after.say(.counted(latest: 7, pending: nil))
        #expect(after.queue.inFlight == 1)
        #expect(after.after(0) == [.broadcast(sent[0])])
        after.say(.counted(latest: 8, pending: nil))
        #expect(after.queue.inFlight == 0)
        #expect(after.queue.frontMilliseconds(now: after.now + 60_000) == nil)
        // It is filled when somebody waits behind it.
        #expect(after.after(60_000) == [])
        #expect(try after.send().nonce == 9)
        #expect(after.queue.frontMilliseconds(now: after.now) == 0)
        #expect(after.signatures(after: 0).map(\.nonce) == [8])
    }

    @Test func aReplacementAmongTheRowsCounts() throws {
        var before = Bench()
        let first = try before.send()
        let signed = before.sign(try #require(before.signatures(after: 15_000).first))
        before.say(.durable(signed.hash))
        var after = Bench(isReady: false)
        after.say(.restored([signed, first]))
        after.say(.counted(latest: 7, pending: 7))
        after.say(.priced(Self.price))
        #expect(after.after(0) == [.broadcast(signed)])
        #expect(after.queue.hashes(claim: first.claims[0]) == [first.hash, signed.hash])
    }

    @Test func blocksTakenBackBeyondMemoryAskForTheRows() throws {
        var bench = Bench()
        let first = try bench.send()
        bench.say(.counted(latest: 5_000, pending: nil))
        #expect(bench.queue.hashes(claim: first.claims[0]) == [])
        #expect(bench.say(.counted(latest: 7, pending: nil)) == [.restore])
        // Nothing is filled or taken until they are there.
        #expect(bench.after(60_000) == [])
        #expect(throws: QueueRefusal.notReady) { try bench.take() }
        bench.say(.restored([first]))
        #expect(bench.after(0) == [.broadcast(first)])
    }

    /// A node that lies costs no time: what is looked at is what we gave out.
    @Test func countsThatNobodyReachesAreNotCountedUpTo() throws {
        var bench = Bench()
        let first = try bench.send()
        bench.say(.counted(latest: 7, pending: .max))
        #expect(bench.after(0) == [])
        bench.say(.counted(latest: 1 << 60, pending: .max))
        #expect(bench.queue.hashes(claim: first.claims[0]) == [])
        #expect(bench.say(.counted(latest: 7, pending: 7)) == [.restore])
        bench.say(.restored([first]))
        #expect(bench.after(0) == [.broadcast(first)])
    }

    @Test(arguments: [
        ("already known", BroadcastAnswer.alreadyKnown), ("AlreadyKnown", .alreadyKnown),
        ("ALREADY_EXISTS: already known", .alreadyKnown), ("nonce too low: next nonce 9, tx nonce 7", .nonceTooLow),
        ("replacement transaction underpriced", .underpriced),
        ("max fee per gas less than block base fee: address 0x", .underpriced),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", .underpriced),
        ("insufficient funds for gas * price + value", .insufficientFunds),
        ("intrinsic gas too low", .rejected("intrinsic gas too low")),
    ])
    func nodesWords(_ message: String, _ answer: BroadcastAnswer) {
        #expect(BroadcastAnswer(message: message) == answer)
    }
}
