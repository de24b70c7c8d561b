import Bytes
import Chains
import OnChain

/// A chain with one token, as a model: every block holds what happened in it and what stands after it.
struct SimulatedChain {
    static let token = address(0x70)
    static let payee = address(0xB0)
    static let finalDepth = 6

    static func word(_ number: UInt64) -> Bytes32 { UInt256(number).bytes }
    static func address(_ number: UInt64) -> Address { Address(Bytes20(word(number).array[12...])!) }

    /// What a payer signed: by the number that is its nonce.
    struct Authorization {
        let number: UInt64
        let wallet: Int
        let transfer: AwaitedTransfer
        /// Its call takes all gas that there is.
        let isGriefing: Bool
    }

    /// What somebody else does with an authorization.
    enum Deed { case settle, useElsewhere, cancel }

    /// Somebody's transaction that is none of our relayers'.
    enum Foreign {
        case deed(UInt64, Deed)
        /// The wallet's money changes by so much.
        case move(wallet: Int, Int)
    }

    struct Block {
        var block: RPCBlock
        var logs: [RPCLog] = []
        var receipts: [Bytes32: RPCReceipt] = [:]
        /// Ours that were mined in it.
        var mined: [Bytes32] = []
        /// Strangers' deeds in it.
        var foreign: [Foreign] = []
        // What stands after it.
        var balances: [Int: UInt128]
        var spent: Set<UInt64>
        /// Authorizations used for us, with the transaction that did it.
        var settled: [UInt64: Bytes32]
        var counts: [Address: UInt64]
    }

    private struct PoolKey: Hashable {
        let relayer: Address
        let nonce: UInt64
    }

    private(set) var blocks: [Block]
    private var pool: [PoolKey: Bytes32] = [:]
    private var foreign: [Foreign] = []
    /// Every transaction that a relayer of ours signed.
    private var signed: [Bytes32: (transaction: RelayTransaction, relayer: Address)] = [:]
    private(set) var authorizations: [UInt64: Authorization] = [:]
    /// Settled at one time in some block, which may have been taken back.
    private(set) var everSettled: Set<UInt64> = []
    /// Settled in a block that was taken back.
    private(set) var takenBack: Set<UInt64> = []
    var baseFee: UInt128 = 100
    private var fork: UInt64 = 0
    private var lastForeign: UInt64 = 1 << 48

    init(wallets: Int, balance: UInt128, timestamp: UInt64) {
        let block = RPCBlock(number: 1, hash: Self.hash(1, 0), parentHash: .zero, timestamp: timestamp, baseFee: 100)
        let balances = Dictionary(uniqueKeysWithValues: (1...wallets).map { ($0, balance) })
        blocks = [Block(block: block, balances: balances, spent: [], settled: [:], counts: [:])]
    }

    private static func hash(_ number: UInt64, _ fork: UInt64) -> Bytes32 { word(number << 24 | fork << 4 | 1) }

    var head: Block { blocks[blocks.count - 1] }
    var final: Block { blocks[max(0, blocks.count - 1 - Self.finalDepth)] }
    var isQuiet: Bool { pool.isEmpty && foreign.isEmpty }

    /// Of a hash that the relayer's bytes have.
    func transaction(_ hash: Bytes32) -> RelayTransaction? { signed[hash]?.transaction }

    mutating func know(_ transaction: RelayTransaction, of relayer: Address) {
        signed[transaction.hash] = (transaction, relayer)
    }

    mutating func authorize(_ authorization: Authorization) { authorizations[authorization.number] = authorization }

    mutating func submit(_ deed: Foreign) { foreign.append(deed) }

    // MARK: Transactions

    /// A node takes it, or says why not.
    mutating func take(_ hash: Bytes32) -> BroadcastAnswer {
        guard let (transaction, relayer) = signed[hash] else { return .rejected("no such transaction") }
        if transaction.nonce < head.counts[relayer] ?? 0 { return .nonceTooLow }
        let key = PoolKey(relayer: relayer, nonce: transaction.nonce)
        if let known = pool[key], let other = signed[known]?.transaction {
            if known == hash { return .alreadyKnown }
            if transaction.fees.maxFeeWei * 8 < other.fees.maxFeeWei * 9 { return .underpriced }
        }
        pool[key] = hash
        return .accepted
    }

    /// The nonce after the last that a node's pool holds without a gap.
    func pendingCount(_ relayer: Address) -> UInt64 {
        var count = head.counts[relayer] ?? 0
        while pool[PoolKey(relayer: relayer, nonce: count)] != nil { count += 1 }
        return count
    }

    mutating func drop(_ isDropped: () -> Bool) {
        for key in pool.keys.sorted(by: { ($0.relayer.bytes.hex, $0.nonce) < ($1.relayer.bytes.hex, $1.nonce) })
        where isDropped() {
            pool[key] = nil
        }
    }

    mutating func mine(atMost: Int, timestamp: UInt64) {
        let before = head
        let number = before.block.number + 1
        var next = Block(
            block: RPCBlock(
                number: number, hash: Self.hash(number, fork), parentHash: before.block.hash, timestamp: timestamp,
                baseFee: baseFee),
            balances: before.balances, spent: before.spent, settled: before.settled, counts: before.counts)
        for each in foreign { execute(each, in: &next) }
        next.foreign = foreign
        foreign = []
        var room = atMost
        for relayer in Set(pool.keys.map(\.relayer)).sorted(by: { $0.bytes.hex < $1.bytes.hex }) {
            while room > 0 {
                let key = PoolKey(relayer: relayer, nonce: next.counts[relayer] ?? 0)
                guard let hash = pool[key], let transaction = signed[hash]?.transaction,
                    transaction.fees.maxFeeWei >= baseFee
                else { break }
                pool[key] = nil
                room -= 1
                next.counts[relayer] = key.nonce + 1
                next.mined.append(hash)
                execute(transaction, in: &next)
            }
        }
        blocks.append(next)
        everSettled.formUnion(next.settled.keys)
    }

    private mutating func execute(_ each: Foreign, in block: inout Block) {
        switch each {
        case .move(let wallet, let change):
            let balance = Int(block.balances[wallet] ?? 0)
            block.balances[wallet] = UInt128(max(0, balance + change))
        case .deed(let number, let deed):
            lastForeign += 1
            let hash = Self.word(lastForeign)
            let logs = run(number, deed, hash, &block)
            block.receipts[hash] = receipt(hash, logs ?? [], logs != nil, block)
        }
    }

    /// Numbers of the authorizations that a call settles.
    static func call(settling numbers: [UInt64]) -> [UInt8] {
        numbers.flatMap { number in withUnsafeBytes(of: number.bigEndian) { Array($0) } }
    }

    private static func numbers(in call: [UInt8]) -> [UInt64] {
        stride(from: 0, to: call.count - call.count % 8, by: 8).map { at in
            call[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private func execute(_ transaction: RelayTransaction, in block: inout Block) {
        let numbers = Self.numbers(in: transaction.call)
        let isBatch = transaction.to == Multicall3.address
        var logs: [RPCLog] = []
        var succeeded = true
        for number in numbers {
            // In one that carries several, each may fail by itself; a griefer takes the gas of those behind him.
            if isBatch && authorizations[number]?.isGriefing == true { break }
            if let own = run(number, .settle, transaction.hash, &block) {
                logs += own
            } else if !isBatch {
                succeeded = false
            }
        }
        block.receipts[transaction.hash] = receipt(transaction.hash, logs, succeeded, block)
    }

    /// Whether the authorization could be used for us now; else why not.
    func refusal(_ number: UInt64, at block: Block, timestamp: UInt64) -> PaymentRefusal? {
        guard let known = authorizations[number] else { return .simulationFailed }
        if block.spent.contains(number) { return .nonceUsed }
        if timestamp >= known.transfer.validBefore { return .expired }
        if block.balances[known.wallet] ?? 0 < known.transfer.value { return .insufficientBalance }
        return nil
    }

    /// Nil where it reverts.
    private func run(_ number: UInt64, _ deed: Deed, _ hash: Bytes32, _ block: inout Block) -> [RPCLog]? {
        guard let known = authorizations[number], !block.spent.contains(number) else { return nil }
        let transfer = known.transfer
        if deed != .cancel, refusal(number, at: block, timestamp: block.block.timestamp) != nil { return nil }
        block.spent.insert(number)
        var logs: [RPCLog] = []
        func log(_ topics: [Bytes32], _ data: [UInt8]) {
            logs.append(
                RPCLog(
                    address: transfer.key.token, topics: topics, data: data, blockNumber: block.block.number,
                    blockHash: block.block.hash, transactionHash: hash,
                    logIndex: UInt64(block.logs.count + logs.count), removed: false))
        }
        let payer = EvidenceJudge.topic(transfer.key.authorizer)
        if deed == .cancel {
            log([EvidenceJudge.authorizationCanceled, payer, transfer.key.nonce], [])
        } else {
            block.balances[known.wallet, default: 0] -= transfer.value
            let to = deed == .settle ? transfer.to : transfer.key.authorizer
            if deed == .settle { block.settled[number] = hash }
            log([EvidenceJudge.authorizationUsed, payer, transfer.key.nonce], [])
            log([EvidenceJudge.transfer, payer, EvidenceJudge.topic(to)], UInt256(transfer.value).bytes.array)
        }
        block.logs += logs
        return logs
    }

    private func receipt(_ hash: Bytes32, _ logs: [RPCLog], _ succeeded: Bool, _ block: Block) -> RPCReceipt {
        RPCReceipt(
            succeeded: succeeded, transactionHash: hash, logs: logs, blockNumber: block.block.number,
            blockHash: block.block.hash, gasUsed: 60_003, effectiveGasPrice: 1)
    }

    /// Another history from `depth` blocks ago on; what was in them goes back to the pool, or is lost.
    mutating func takeBack(_ depth: Int, isKept: () -> Bool) {
        let depth = min(depth, blocks.count - 1, Self.finalDepth - 1)
        guard depth > 0 else { return }
        let gone = blocks.suffix(depth)
        let stood = head.settled
        blocks.removeLast(depth)
        fork += 1
        takenBack.formUnion(stood.keys.filter { head.settled[$0] == nil })
        for hash in gone.flatMap(\.mined) where isKept() {
            guard let (transaction, relayer) = signed[hash] else { continue }
            pool[PoolKey(relayer: relayer, nonce: transaction.nonce)] = hash
        }
        for each in gone.flatMap(\.foreign) where isKept() { foreign.append(each) }
        for block in gone { mine(atMost: 0, timestamp: block.block.timestamp) }
    }
}
