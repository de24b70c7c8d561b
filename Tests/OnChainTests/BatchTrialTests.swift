import Bytes
import Chains
import OnChain
import Testing

@Suite struct BatchTrialTests {
    /// A node that runs aggregates: by the claims in them.
    private struct Node {
        /// Reverts of single calls, by the claim.
        var fails: [Int64: String] = [:]
        /// An aggregate with one of these uses up all gas.
        var burns: Set<Int64> = []
        var gasEach: UInt64 = 60_000
        var estimates = true
        var isDown = false
        var hasMulticall = true
        private(set) var rounds: [[RPCCall]] = []

        mutating func pursue(_ members: [BatchTrial.Member]) -> BatchTrial.Verdict {
            var inquiry = BatchTrial(members, relayer: Sample.relayer).begin()
            while true {
                switch inquiry {
                case .answer(let verdict): return verdict
                case .ask(let calls, let next):
                    rounds.append(calls)
                    inquiry = next(calls.map { answer($0, members) })
                }
            }
        }

        private func answer(_ call: RPCCall, _ members: [BatchTrial.Member]) -> RPCReply {
            if isDown { return Reply.down }
            if !hasMulticall { return call.method == "eth_call" ? Reply.none : Reply.number(21_000) }
            // Which calls stand in it: each member's data is unlike every other's.
            let group = members.filter { call.params.contains(Hex.encode($0.call.data)) }.map(\.claim)
            if group.contains(where: burns.contains) { return Reply.bareRevert }
            if call.method == "eth_estimateGas" {
                if !estimates || group.contains(where: { fails[$0] != nil }) { return Reply.bareRevert }
                return Reply.json("\"0x\(String(gasEach * UInt64(group.count) + 30_000, radix: 16))\"")
            }
            return Reply.hex(BatchTrialTests.outcomes(group.map { fails[$0] }))
        }
    }

    /// As `aggregate3` returns them: nil succeeded, a text is what it reverted with.
    private static func outcomes(_ texts: [String?]) -> [UInt8] {
        var offsets: [UInt8] = []
        var tuples: [UInt8] = []
        for text in texts {
            var data: [UInt8] = []
            if let text, case .error(_, _, let revert?) = Reply.revert(text) { data = revert }
            offsets += Reply.word(UInt64(texts.count * 32 + tuples.count))
            tuples += Reply.word(text == nil ? 1 : 0) + Reply.word(64) + Reply.word(UInt64(data.count)) + data
            tuples += [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
        }
        return Reply.word(32) + Reply.word(UInt64(texts.count)) + offsets + tuples
    }

    private func members(_ count: Int) -> [BatchTrial.Member] {
        (1...count).map { claim in
            let data = Array(Keccak256.hash([UInt8(claim)]).array)
            return BatchTrial.Member(claim: Int64(claim), call: SettlementCall(to: Sample.token, data: data))
        }
    }

    private func claims(_ range: ClosedRange<Int64>) -> [Int64] { Array(range) }

    @Test func allGoTogetherInOneRound() {
        var node = Node()
        let verdict = node.pursue(members(32))
        #expect(verdict.together.map(\.claims) == [claims(1...32)])
        #expect(verdict.together[0].gasLimit == (32 * 60_000 + 30_000) * 5 / 4)
        #expect(verdict.alone.isEmpty && verdict.refused.isEmpty)
        #expect(node.rounds.map { $0.map(\.method) } == [["eth_estimateGas", "eth_call"]])
        // The gas is that of all succeeding; what is run is what will be sent.
        let lenient = SettlementCall(together: members(32).map(\.call))
        #expect(
            node.rounds[0][1]
                == .call(to: Multicall3.address, data: lenient.data, from: Sample.relayer, gas: BatchTrial.gasCap))
        #expect(node.rounds[0][0].params != node.rounds[0][1].params)
    }

    @Test func whoWouldFailIsTakenOut() {
        var node = Node()
        node.fails = [
            2: "ERC20: transfer amount exceeds balance", 5: "FiatTokenV2: authorization is used or canceled",
            7: "Pausable: paused",
        ]
        let verdict = node.pursue(members(9))
        #expect(verdict.together.map(\.claims) == [[1, 3, 4, 6, 8, 9]])
        #expect(verdict.refused.map(\.claim) == [2] && verdict.refused[0].refusal == .insufficientBalance)
        // Used, perhaps for us; or for a reason that is not understood.
        #expect(verdict.alone == [5, 7])
        #expect(node.rounds.count == 2)
    }

    /// One that takes all gas is found by halves, in few rounds; who is tied to it goes alone.
    @Test func whatCannotBeRunIsSplit() {
        var node = Node()
        node.burns = [3]
        let verdict = node.pursue(members(32))
        #expect(verdict.together.map(\.claims) == [claims(17...32), claims(9...16), claims(5...8)])
        #expect(verdict.alone.sorted() == [1, 2, 3, 4])
        #expect(node.rounds.count == 4)
    }

    @Test func whatCannotBeEstimatedGoesAlone() {
        var node = Node()
        node.estimates = false
        let verdict = node.pursue(members(16))
        #expect(verdict.together.isEmpty && verdict.alone.sorted() == claims(1...16))
        #expect(node.rounds.count == 4)
    }

    @Test func gasIsCapped() {
        var node = Node()
        node.gasEach = 400_000
        let verdict = node.pursue(members(32))
        #expect(verdict.together.map(\.claims.count) == [8, 8, 8, 8])
        #expect(verdict.together.allSatisfy { $0.gasLimit <= BatchTrial.gasCap })
    }

    @Test func whereNobodyAnswersAllGoAlone() {
        var node = Node()
        node.isDown = true
        var verdict = node.pursue(members(6))
        #expect(verdict.alone == claims(1...6) && !verdict.hasNoMulticall)
        node = Node()
        node.hasMulticall = false
        verdict = node.pursue(members(6))
        #expect(verdict.alone == claims(1...6) && verdict.hasNoMulticall)
    }

    @Test func everybodyIsNamedOnce() {
        var random = ModelRandom(seed: 7)
        for _ in 0..<70 {
            var node = Node()
            let count = Int.random(in: 1...32, using: &random)
            for claim in 1...Int64(count) {
                if random.chance(10) {
                    node.fails[claim] = random.chance(50) ? "FiatTokenV2: invalid signature" : "?"
                }
                if random.chance(5) { node.burns.insert(claim) }
            }
            if random.chance(10) { node.gasEach = 1_000_000 }
            let verdict = node.pursue(members(count))
            let named = verdict.together.flatMap(\.claims) + verdict.alone + verdict.refused.map(\.claim)
            #expect(named.sorted() == claims(1...Int64(count)))
            for claim in verdict.together.flatMap(\.claims) {
                #expect(node.fails[claim] == nil && !node.burns.contains(claim))
            }
            #expect(node.rounds.count <= 4)
        }
    }
}
