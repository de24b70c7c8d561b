import Chains
import OnChain

/// The first calls of a tick and what they say.
struct ProbeBatch {
    let probe: WatchProbe
    let asksForFees: Bool
    let asksForBalances: Bool
    private(set) var calls: [RPCCall] = []
    private let relayers: [(address: Address, wantsRecount: Bool)]
    private let finalized: BlockTag?

    struct Reading {
        var answers = WatchProbeAnswers()
        var pendingCounts: [Address: UInt64] = [:]
        var balancesWei: [Address: UInt128] = [:]
        var priorityFeeWei: UInt128?
        /// The node does not know which block is final.
        var hasNoFinalTag = false
    }

    /// - Parameter head: the newest block that is known.
    init(
        _ probe: WatchProbe, relayers: [(address: Address, wantsRecount: Bool)], head: UInt64?, hasFinalTag: Bool,
        asksForFees: Bool, asksForBalances: Bool
    ) {
        self.probe = probe
        self.relayers = relayers
        self.asksForFees = asksForFees
        self.asksForBalances = asksForBalances
        let depth = ChainWatcher.finalDepth
        let byDepth = head.flatMap { $0 > depth ? BlockTag.number($0 - depth) : nil }
        finalized = probe.wantsFinalized ? (hasFinalTag ? .finalized : byDepth) : nil
        // Counts come first: what they count is then within the newest block.
        for relayer in relayers { calls.append(.transactionCount(relayer.address, at: .latest)) }
        calls.append(.block(.latest))
        for number in numbers { calls.append(.block(.number(number))) }
        if let finalized { calls.append(.block(finalized)) }
        for relayer in relayers where relayer.wantsRecount {
            calls.append(.transactionCount(relayer.address, at: .pending))
        }
        if asksForFees { calls.append(.maxPriorityFee) }
        if asksForBalances { for relayer in relayers { calls.append(.balance(relayer.address)) } }
    }

    private var numbers: [UInt64] { (probe.check.map { [$0] } ?? []) + probe.blocks }

    func read(_ replies: [RPCReply]) -> Reading {
        var reading = Reading()
        var rest = replies[...]
        for relayer in relayers { reading.answers.counts[relayer.address] = try? rest.removeFirst().uint64() }
        reading.answers.latest = try? rest.removeFirst().block()
        for number in numbers {
            if let block = try? rest.removeFirst().block(), block.number == number {
                reading.answers.blocks[number] = block
            }
        }
        if let finalized { readFinalized(rest.removeFirst(), finalized, &reading) }
        for relayer in relayers where relayer.wantsRecount {
            reading.pendingCounts[relayer.address] = try? rest.removeFirst().uint64()
        }
        if asksForFees { reading.priorityFeeWei = try? rest.removeFirst().uint128() }
        if asksForBalances {
            for relayer in relayers { reading.balancesWei[relayer.address] = try? rest.removeFirst().uint128() }
        }
        return reading
    }

    private func readFinalized(_ reply: RPCReply, _ tag: BlockTag, _ reading: inout Reading) {
        do throws(RPCFault) {
            reading.answers.finalized = try reply.block()
        } catch {
            if case .refused = error, tag == .finalized { reading.hasNoFinalTag = true }
        }
    }
}

/// The second calls of a tick: new events, and closer looks at single claims.
struct LookBatch {
    private let plan: WatchPlan
    private(set) var calls: [RPCCall] = []
    private var scanCalls = 0

    init(_ plan: WatchPlan) {
        self.plan = plan
        if let scan = plan.scan {
            let events = [EvidenceJudge.authorizationUsed, EvidenceJudge.authorizationCanceled, EvidenceJudge.transfer]
            for start in stride(from: 0, to: scan.payers.count, by: ChainWatcher.payersAtOnce) {
                let payers = scan.payers[start..<min(start + ChainWatcher.payersAtOnce, scan.payers.count)]
                calls.append(
                    .logs(
                        from: .number(scan.from), to: .number(scan.to), addresses: scan.tokens,
                        topics: [events, payers.map(EvidenceJudge.topic)]))
            }
            scanCalls = calls.count
        }
        for look in plan.looks { calls += look.calls }
        for transaction in plan.receipts { calls.append(.receipt(transaction)) }
    }

    func read(_ replies: [RPCReply]) -> WatchAnswers {
        var answers = WatchAnswers()
        if plan.scan != nil { answers.logs = Self.logs(replies[..<scanCalls]) }
        var at = scanCalls
        for look in plan.looks {
            let count = look.calls.count
            answers.looks[look.claim] = look.read(replies[at..<at + count])
            at += count
        }
        for (transaction, reply) in zip(plan.receipts, replies[at...]) {
            guard let receipt = try? reply.receipt(), receipt.transactionHash == transaction else { continue }
            answers.receipts[transaction] = receipt
        }
        return answers
    }

    /// Nil unless every part was answered.
    static func logs(_ replies: ArraySlice<RPCReply>) -> [RPCLog]? {
        var all: [RPCLog] = []
        for reply in replies {
            guard let logs = try? reply.logs() else { return nil }
            all += logs
        }
        return all
    }
}

/// What every node is asked before a refusal.
struct AuditBatch {
    private let audit: WatchAudit
    let calls: [RPCCall]

    init(_ audit: WatchAudit) {
        self.audit = audit
        calls = [.block(.number(audit.anchor.number))] + audit.look.calls
    }

    /// What one node said; nil where it does not count.
    func read(_ replies: [RPCReply]) -> WatchLookAnswer? {
        guard let block = try? replies[0].block(), block.hash == audit.anchor.hash else { return nil }
        return audit.look.read(replies[1...])
    }
}

extension WatchLook {
    /// Blocks of each `eth_getLogs`: the step grows where there would be too many of them for one batch.
    private var ranges: [(first: UInt64, last: UInt64)] {
        let step = max(ChainWatcher.blocksAtOnce, (to - from) / 64 + 1)
        return stride(from: from, through: to, by: UInt64.Stride(step)).map { ($0, min($0 + step - 1, to)) }
    }

    var calls: [RPCCall] {
        let events = [EvidenceJudge.authorizationUsed, EvidenceJudge.authorizationCanceled]
        let logs = ranges.map { range in
            RPCCall.logs(
                from: .number(range.first), to: .number(range.last), addresses: [key.token],
                topics: [events, [EvidenceJudge.topic(key.authorizer)], [key.nonce]])
        }
        return logs + receipts.map { .receipt($0) }
    }

    /// Nil unless everything was answered.
    func read(_ replies: ArraySlice<RPCReply>) -> WatchLookAnswer? {
        let asked = replies.count - receipts.count
        guard let logs = LookBatch.logs(replies.prefix(asked)) else { return nil }
        var found: [RPCReceipt] = []
        for (reply, hash) in zip(replies.dropFirst(asked), receipts) {
            do throws(RPCFault) {
                if let receipt = try reply.receipt(), receipt.transactionHash == hash { found.append(receipt) }
            } catch {
                return nil
            }
        }
        return WatchLookAnswer(logs: logs, receipts: found)
    }
}
