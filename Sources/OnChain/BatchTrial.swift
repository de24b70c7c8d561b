import Chains

/// How several settlements are best sent, found out by running them: who would fail is taken out, and what is too much for one
/// transaction is split.
public struct BatchTrial: Sendable {
    /// One settlement of the group.
    public struct Member: Hashable, Sendable {
        /// The claim's row in the ledger.
        public let claim: Int64
        public let call: SettlementCall

        public init(claim: Int64, call: SettlementCall) {
            self.claim = claim
            self.call = call
        }
    }

    /// Settlements that would all succeed in one transaction.
    public struct Batch: Hashable, Sendable {
        public let claims: [Int64]
        public let gasLimit: UInt64
    }

    /// A settlement that would fail, for a reason that is none of ours and will not pass.
    public struct Refused: Hashable, Sendable {
        public let claim: Int64
        public let refusal: PaymentRefusal
    }

    public struct Verdict: Hashable, Sendable {
        public var together: [Batch] = []
        /// What nothing is known of, or what others are better not tied to.
        public var alone: [Int64] = []
        public var refused: [Refused] = []
        /// Nothing that makes several calls stands at `Multicall3.address`.
        public var hasNoMulticall = false
    }

    /// The most gas that one batch may use.
    public static let gasCap: UInt64 = 6_000_000
    static let fewest = 2
    /// Steps of splitting and taking out; what is left then goes alone.
    static let rounds = 4

    private let relayer: Address
    private let members: [Member]

    /// - Parameter relayer: who would send the transaction.
    public init(_ members: [Member], relayer: Address) {
        self.members = members
        self.relayer = relayer
    }

    public func begin() -> ChainInquiry<Verdict> { ask([members], round: 1, Verdict()) }

    /// One that has to succeed as a whole tells the gas: a node that looks for the least with calls that may fail finds what is
    /// too little for them. One whose calls may fail tells which do.
    private func ask(_ groups: [[Member]], round: Int, _ verdict: Verdict) -> ChainInquiry<Verdict> {
        var verdict = verdict
        var asked: [[Member]] = []
        for group in groups {
            if group.count >= Self.fewest && round <= Self.rounds {
                asked.append(group)
            } else {
                verdict.alone += group.map(\.claim)
            }
        }
        if asked.isEmpty { return .answer(verdict) }
        let calls = asked.flatMap { group in
            let strict = SettlementCall(together: group.map(\.call), mayFail: false)
            let lenient = SettlementCall(together: group.map(\.call))
            return [
                RPCCall.estimateGas(to: strict.to, data: strict.data, from: relayer),
                RPCCall.call(to: lenient.to, data: lenient.data, from: relayer, gas: Self.gasCap),
            ]
        }
        let (known, groupsAsked) = (verdict, asked)
        return .ask(calls) { replies in
            var verdict = known
            var next: [[Member]] = []
            for (at, group) in groupsAsked.enumerated() {
                next += Self.judge(group, estimate: replies[at * 2], run: replies[at * 2 + 1], &verdict)
            }
            return ask(next, round: round + 1, verdict)
        }
    }

    /// Gives the groups that are to be tried next.
    private static func judge(
        _ group: [Member], estimate: RPCReply, run: RPCReply, _ verdict: inout Verdict
    ) -> [[Member]] {
        switch CallOutcome(run) {
        case .unreachable:
            verdict.alone += group.map(\.claim)
            return []
        case .reverted: return halves(group)
        case .returned(let data):
            guard let outcomes = Multicall3.outcomes(data, count: group.count) else {
                verdict.hasNoMulticall = true
                verdict.alone += group.map(\.claim)
                return []
            }
            guard outcomes.allSatisfy(\.succeeded) else { return [takeOut(group, outcomes, &verdict)] }
        }
        guard let gas = try? estimate.uint64(), let limit = limit(gas) else { return halves(group) }
        verdict.together.append(Batch(claims: group.map(\.claim), gasLimit: limit))
        return []
    }

    private static func takeOut(
        _ group: [Member], _ outcomes: [Multicall3.Outcome], _ verdict: inout Verdict
    ) -> [Member] {
        var good: [Member] = []
        for (member, outcome) in zip(group, outcomes) {
            if outcome.succeeded {
                good.append(member)
                continue
            }
            let revert = CallOutcome.Revert(reason: RevertReason(outcome.data), message: "")
            if let refusal = revert.refusal, refusal != .nonceUsed {
                verdict.refused.append(Refused(claim: member.claim, refusal: refusal))
            } else {
                // Used: perhaps by somebody else for us. Sent, it ends by evidence.
                verdict.alone.append(member.claim)
            }
        }
        return good
    }

    private static func halves(_ group: [Member]) -> [[Member]] {
        [Array(group.prefix(group.count / 2)), Array(group.dropFirst(group.count / 2))]
    }

    /// A quarter more than is needed now: accounts may have changed when it is mined. Nil where that is above the cap.
    private static func limit(_ gas: UInt64) -> UInt64? {
        let (limit, overflow) = gas.addingReportingOverflow(gas / 4)
        return overflow || limit > gasCap ? nil : limit
    }
}
