import Bytes
import OnChain
import Testing

@Suite struct HeadTrackerTests {
    private func tracker(_ numbers: ClosedRange<UInt64>) -> HeadTracker {
        var heads = HeadTracker()
        for number in numbers {
            _ = heads.take(latest: Sample.block(number), hashAtHead: Sample.hash(number &- 1, 0))
        }
        return heads
    }

    struct Step: Sendable {
        let what: String
        let latest: RPCBlock
        let hashAtHead: Bytes32?
        let movement: HeadTracker.Movement
    }

    /// From a head at 10, seen from 5 on.
    @Test(arguments: [
        Step(
            what: "the same again", latest: Sample.block(10), hashAtHead: Sample.hash(10, 0), movement: .same),
        Step(what: "its child", latest: Sample.block(11), hashAtHead: nil, movement: .advanced),
        Step(what: "a later one", latest: Sample.block(14), hashAtHead: Sample.hash(10, 0), movement: .advanced),
        Step(what: "a later one, nothing known between", latest: Sample.block(14), hashAtHead: nil, movement: .behind),
        Step(what: "a lagging node", latest: Sample.block(8), hashAtHead: nil, movement: .behind),
        Step(what: "a lagging node beyond what was seen", latest: Sample.block(2), hashAtHead: nil, movement: .behind),
        Step(
            what: "another at the same height", latest: Sample.block(10, fork: 1), hashAtHead: Sample.hash(10, 1),
            movement: .reorganized),
        Step(
            what: "another child", latest: Sample.block(11, fork: 1), hashAtHead: Sample.hash(10, 1),
            movement: .reorganized),
        Step(what: "another parent", latest: Sample.block(11, fork: 1), hashAtHead: nil, movement: .reorganized),
        Step(
            what: "another history", latest: Sample.block(14, fork: 1), hashAtHead: Sample.hash(10, 1),
            movement: .reorganized),
        Step(what: "a shorter history", latest: Sample.block(8, fork: 1), hashAtHead: nil, movement: .reorganized),
    ])
    func movements(_ step: Step) {
        var heads = tracker(5...10)
        #expect(heads.take(latest: step.latest, hashAtHead: step.hashAtHead) == step.movement)
        let isNew = step.movement == .advanced
        #expect(heads.head == (isNew ? step.latest : Sample.block(10)))
        #expect(heads.isLost == (step.movement == .reorganized))
    }

    @Test func goesBackToWhereHistoriesPart() {
        var heads = tracker(5...10)
        #expect(heads.take(latest: Sample.block(11, fork: 1), hashAtHead: Sample.hash(10, 1)) == .reorganized)
        #expect(heads.history == [10, 9, 8, 7, 6, 5])
        var now: [UInt64: Bytes32] = [:]
        for number in heads.history { now[number] = Sample.hash(number, number > 7 ? 1 : 0) }
        #expect(heads.settle(latest: Sample.block(11, fork: 1), hashes: now) == 7)
        #expect(heads.head == Sample.block(11, fork: 1))
        #expect(heads.hash(at: 9) == nil && heads.hash(at: 7) == Sample.hash(7, 0))
        #expect(heads.take(latest: Sample.block(12, fork: 1), hashAtHead: Sample.hash(11, 1)) == .advanced)
    }

    @Test func wholeOtherHistory() {
        var heads = tracker(5...10)
        _ = heads.take(latest: Sample.block(11, fork: 1), hashAtHead: Sample.hash(10, 1))
        #expect(heads.settle(latest: Sample.block(11, fork: 1), hashes: [:]) == 0)
    }

    @Test func confirmationsCountTheBlockItself() {
        let heads = tracker(5...10)
        #expect(heads.confirmations(of: 10) == 1)
        #expect(heads.confirmations(of: 8) == 3)
        #expect(heads.confirmations(of: 11) == 0)
        #expect(HeadTracker().confirmations(of: 0) == 0)
    }

    @Test func memoryIsBoundedAndDeepReorgsAreFoundInIt() {
        var heads = tracker(1...10_000)
        #expect(heads.history.count <= 80)
        #expect(heads.hash(at: 9_999) != nil && heads.hash(at: 9_944) != nil)
        #expect(heads.hash(at: 5_000) == nil)
        _ = heads.take(latest: Sample.block(10_001, fork: 1), hashAtHead: Sample.hash(10_000, 1))
        var now: [UInt64: Bytes32] = [:]
        for number in heads.history { now[number] = Sample.hash(number, number > 9_000 ? 1 : 0) }
        let fork = heads.settle(latest: Sample.block(10_001, fork: 1), hashes: now)
        #expect(fork <= 9_000 && fork > 8_800)
    }
}
