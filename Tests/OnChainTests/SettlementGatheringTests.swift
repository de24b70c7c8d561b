import OnChain
import Testing

@Suite struct SettlementGatheringTests {
    private typealias Due = SettlementGathering.Due

    private func gathering(_ count: Int, atMost: Int = 32, at now: UInt64 = 1_000) -> SettlementGathering {
        var gathering = SettlementGathering(atMost: atMost)
        for claim in 0..<count { gathering.add(Int64(claim), now: now) }
        return gathering
    }

    private func due(_ together: [[Int64]] = [], alone: [Int64] = []) -> Due { Due(together: together, alone: alone) }

    @Test func fewGoAtOnceAndAlone() {
        var gathering = gathering(4)
        #expect(gathering.due(unconfirmed: 4, patience: 100, now: 1_000) == due(alone: [0, 1, 2, 3]))
        #expect(gathering.nextDue(patience: 100) == nil)
    }

    @Test func whereOthersAreUnconfirmedTheyGather() {
        var gathering = gathering(4)
        #expect(gathering.due(unconfirmed: 5, patience: 100, now: 1_099) == due())
        #expect(gathering.nextDue(patience: 100) == 1_100)
        gathering.add(4, now: 1_099)
        #expect(gathering.due(unconfirmed: 6, patience: 100, now: 1_099) == due())
        #expect(gathering.due(unconfirmed: 6, patience: 100, now: 1_100) == due([[0, 1, 2, 3, 4]]))
    }

    @Test func whereNobodyJoinsTheyGoAlone() {
        var gathering = gathering(4)
        #expect(gathering.due(unconfirmed: 50, patience: 100, now: 1_100) == due(alone: [0, 1, 2, 3]))
    }

    @Test func aFullOneWaitsForNobody() {
        var gathering = gathering(70)
        let first = gathering.due(unconfirmed: 70, patience: 100, now: 1_000)
        #expect(first == due([(0..<32).map { $0 }, (32..<64).map { $0 }]))
        #expect(gathering.takeAll() == [64, 65, 66, 67, 68, 69])
    }

    @Test(arguments: [(1, due: [[Int64]]()), (3, due: [[0, 1, 2], [3, 4, 5], [6, 7, 8]])])
    func theOperatorsBound(_ atMost: Int, due together: [[Int64]]) {
        var gathering = gathering(9, atMost: atMost)
        let due = gathering.due(unconfirmed: 9, patience: 100, now: 1_000)
        #expect(due.together == together && due.alone.count == (atMost == 1 ? 9 : 0))
    }

    /// Who makes others fail with him can do so once in a while.
    @Test func severalFailuresInOneTransactionEndSharing() {
        var gathering = gathering(9)
        gathering.failed(in: bytes32(1), now: 1_000)
        gathering.failed(in: bytes32(2), now: 1_000)
        #expect(!gathering.isPaused(now: 1_000), "each may have its own reasons")
        gathering.failed(in: bytes32(1), now: 1_000)
        let end = 1_000 + SettlementGathering.pauseMilliseconds
        #expect(gathering.isPaused(now: end - 1))
        #expect(gathering.due(unconfirmed: 9, patience: 1, now: end - 1).alone.count == 9)
        for claim in 0..<5 as Range<Int64> { gathering.add(claim, now: end) }
        #expect(gathering.due(unconfirmed: 9, patience: 0, now: end) == due([[0, 1, 2, 3, 4]]))
    }

    @Test func sharesSumToTheWhole() {
        for (wei, count) in [(100, 7), (6, 7), (0, 3), (21, 1)] as [(UInt128, Int)] {
            let parts = (0..<count).map { BatchShare(place: $0, of: count).part(of: wei) }
            #expect(parts.reduce(0, +) == wei && parts.max()! - parts.min()! <= 1)
        }
    }
}
