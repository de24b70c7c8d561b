import Bytes
import Chains
import OnChain

/// A small random number generator with a seed (splitmix64), so that a failure can be had again.
struct ModelRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// A chain with one token and one relayer, as a model: every block holds what happened in it.
struct ModelChain {
    /// What a transaction of a stranger does with an authorization.
    enum Deed { case settle, useElsewhere, cancel }

    struct Block {
        var block: RPCBlock
        var logs: [RPCLog] = []
        var receipts: [Bytes32: RPCReceipt] = [:]
        /// The relayer's next nonce after it.
        var count: UInt64
        /// Authorizations that were used or canceled up to it, by the claim.
        var spent: Set<Int64>
        var mined: [RelayTransaction] = []
    }

    static let finalDepth = 8
    private(set) var blocks: [Block]
    var pool: [UInt64: RelayTransaction] = [:]
    /// Claims' transfers, by the claim.
    var transfers: [Int64: AwaitedTransfer] = [:]
    /// A claim whose call takes all gas that there is: what stands behind it in its transaction fails, and sometimes the whole.
    var griefers: [Int64: Grief] = [:]
    enum Grief { case fromHereOn, whole }
    private var strangers: [(claim: Int64, deed: Deed)] = []
    private var lastFork: UInt64 = 0
    private var lastStranger: UInt64 = 1 << 40

    init() {
        blocks = [Block(block: Sample.block(0), count: 0, spent: [])]
    }

    var head: Block { blocks.last! }
    var finalized: Block { blocks[max(0, blocks.count - 1 - Self.finalDepth)] }

    mutating func submit(_ claim: Int64, _ deed: Deed) { strangers.append((claim, deed)) }

    /// A node takes it, or says why not.
    mutating func take(_ transaction: RelayTransaction) -> BroadcastAnswer {
        if transaction.nonce < head.count { return .nonceTooLow }
        if let known = pool[transaction.nonce] {
            if known.hash == transaction.hash { return .alreadyKnown }
            if transaction.fees.maxFeeWei * 8 < known.fees.maxFeeWei * 9 { return .underpriced }
        }
        pool[transaction.nonce] = transaction
        return .accepted
    }

    mutating func mine(atMost: Int) {
        let number = head.block.number + 1
        var next = Block(
            block: RPCBlock(
                number: number, hash: Sample.hash(number, lastFork), parentHash: head.block.hash,
                timestamp: number * 2, baseFee: 100),
            count: head.count, spent: head.spent)
        for stranger in strangers {
            lastStranger += 1
            execute(stranger.claim, stranger.deed, hash: Sample.word(lastStranger), in: &next)
        }
        strangers = []
        var room = atMost
        while room > 0, let transaction = pool.removeValue(forKey: next.count) {
            next.count += 1
            room -= 1
            next.mined.append(transaction)
            if transaction.to == Sample.token {
                executeOne(transaction, in: &next)
            } else if transaction.to == Multicall3.address {
                executeMany(transaction, in: &next)
            } else {
                next.receipts[transaction.hash] = receipt(transaction.hash, [], true, next)
            }
        }
        blocks.append(next)
    }

    private func executeOne(_ transaction: RelayTransaction, in block: inout Block) {
        if griefers[transaction.claims[0]] != nil {
            block.receipts[transaction.hash] = receipt(transaction.hash, [], false, block)
        } else {
            execute(transaction.claims[0], .settle, hash: transaction.hash, in: &block)
        }
    }

    /// Calls that may fail each by itself.
    private func executeMany(_ transaction: RelayTransaction, in block: inout Block) {
        if transaction.claims.contains(where: { griefers[$0] == .whole }) {
            block.receipts[transaction.hash] = receipt(transaction.hash, [], false, block)
            return
        }
        var logs: [RPCLog] = []
        for claim in transaction.claims {
            if griefers[claim] != nil { break }
            logs += run(claim, .settle, hash: transaction.hash, in: &block) ?? []
        }
        block.receipts[transaction.hash] = receipt(transaction.hash, logs, true, block)
    }

    private func execute(_ claim: Int64, _ deed: Deed, hash: Bytes32, in block: inout Block) {
        let logs = run(claim, deed, hash: hash, in: &block)
        block.receipts[hash] = receipt(hash, logs ?? [], logs != nil, block)
    }

    /// Nil where it reverts.
    private func run(_ claim: Int64, _ deed: Deed, hash: Bytes32, in block: inout Block) -> [RPCLog]? {
        guard let transfer = transfers[claim], !block.spent.contains(claim),
            block.block.timestamp < transfer.validBefore
        else { return nil }
        block.spent.insert(claim)
        func place(_ at: Int) -> Sample.Place { Sample.Place(index: UInt64(block.logs.count + at)) }
        var logs: [RPCLog]
        switch deed {
        case .settle: logs = [Sample.used(transfer, place(0)), Sample.moved(transfer, place(1))]
        case .useElsewhere:
            logs = [Sample.used(transfer, place(0)), Sample.moved(transfer, place(1), to: Sample.payer)]
        case .cancel: logs = [Sample.canceled(transfer, place(0))]
        }
        for at in logs.indices {
            logs[at].blockNumber = block.block.number
            logs[at].blockHash = block.block.hash
            logs[at].transactionHash = hash
        }
        block.logs += logs
        return logs
    }

    private func receipt(_ hash: Bytes32, _ logs: [RPCLog], _ succeeded: Bool, _ block: Block) -> RPCReceipt {
        RPCReceipt(
            succeeded: succeeded, transactionHash: hash, logs: logs, blockNumber: block.block.number,
            blockHash: block.block.hash, gasUsed: 1_000_003, effectiveGasPrice: 1)
    }

    /// Another history from `depth` blocks ago on; what was in them goes back to the pool, or is lost.
    mutating func takeBack(_ depth: Int, keepsTransactions: Bool) {
        let depth = min(depth, blocks.count - 1)
        let gone = blocks.suffix(depth)
        blocks.removeLast(depth)
        lastFork += 1
        if keepsTransactions { for block in gone { for each in block.mined { pool[each.nonce] = each } } }
        pool = pool.filter { $0.key >= head.count }
        for _ in 0..<depth { mine(atMost: 0) }
    }

    /// Where the claim was settled on the chain as it is now.
    func settlement(of claim: Int64) -> Block? {
        guard let transfer = transfers[claim] else { return nil }
        return blocks.first { block in
            block.receipts.values.contains {
                if case .settled? = EvidenceJudge.finding(in: $0, for: transfer) { true } else { false }
            }
        }
    }

    // MARK: What a node says that has seen so many of the blocks

    func answer(_ probe: WatchProbe, seen: Int) -> WatchProbeAnswers {
        let blocks = self.blocks.prefix(seen)
        var answers = WatchProbeAnswers()
        answers.latest = blocks.last!.block
        answers.counts = [Sample.relayer: blocks.last!.count]
        for number in (probe.check.map { [$0] } ?? []) + probe.blocks where number < UInt64(blocks.count) {
            answers.blocks[number] = blocks[Int(number)].block
        }
        if probe.wantsFinalized { answers.finalized = finalized.block }
        return answers
    }

    func answer(_ plan: WatchPlan, seen: Int, answersScan: Bool) -> WatchAnswers {
        var answers = WatchAnswers()
        if let scan = plan.scan, answersScan {
            let payers = Set(scan.payers.map(EvidenceJudge.topic))
            answers.logs = blocks.prefix(seen).filter { $0.block.number >= scan.from && $0.block.number <= scan.to }
                .flatMap(\.logs).filter { payers.contains($0.topics[1]) }
        }
        for look in plan.looks { answers.looks[look.claim] = answer(look, seen: seen) }
        for hash in plan.receipts {
            answers.receipts[hash] = blocks.prefix(seen).lazy.compactMap { $0.receipts[hash] }.first
        }
        return answers
    }

    func answer(_ look: WatchLook, seen: Int) -> WatchLookAnswer {
        let blocks = self.blocks.prefix(seen)
        return WatchLookAnswer(
            logs: blocks.filter { $0.block.number >= look.from && $0.block.number <= look.to }.flatMap(\.logs).filter {
                $0.topics[0] != EvidenceJudge.transfer && $0.topics[2] == look.key.nonce
            },
            receipts: look.receipts.compactMap { hash in blocks.lazy.compactMap { $0.receipts[hash] }.first })
    }

    func answer(_ audit: WatchAudit, seen: Int) -> WatchLookAnswer? {
        guard audit.anchor.number < UInt64(min(seen, blocks.count)),
            blocks[Int(audit.anchor.number)].block.hash == audit.anchor.hash
        else { return nil }
        return answer(audit.look, seen: seen)
    }
}
