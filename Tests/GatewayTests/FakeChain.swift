import Bytes
import Chains
import Foundation
import OnChain

/// A chain in a few lines: nonces, blocks, one EIP-3009 token that everybody is rich in, and a node's answers about them. It
/// mines when it is told to.
final class FakeChain {
    struct Transaction {
        let hash: Bytes32
        let nonce: UInt64
        let maxFee: UInt128
        let to: Address
        let data: [UInt8]
    }

    struct Block {
        let block: RPCBlock
        var logs: [String] = []
        var receipts: [Bytes32: String] = [:]
        var count: UInt64
        var used: Set<Bytes32>
    }

    static let payee = Address.parse("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")!.address
    let token = Network.named("base-sepolia")!.usdc

    private(set) var blocks: [Block] = []
    private(set) var pool: [UInt64: Transaction] = [:]
    /// Every raw transaction that came, in order, also such as were lost.
    private(set) var heard: [Transaction] = []
    private var lastFork: UInt64 = 0
    /// What is said to the next broadcasts, one each, instead of taking them; an empty text: taken, and then lost.
    var refusals: [String] = []
    var finalized: UInt64 = 0
    /// Calls of the token revert.
    var reverts = false
    var baseFeeWei: UInt128 = 1_000
    var tokenName = "USDC"
    var balanceAtomic: UInt64 = 1_000_000_000

    init() { mine() }

    var head: Block { blocks.last! }

    // MARK: Blocks

    /// A block with what may be in it, after what strangers sent.
    func mine(strangers: [TransferWithAuthorization] = []) {
        let number = UInt64(blocks.count)
        let count = blocks.last?.count ?? 0
        var next = Block(
            block: RPCBlock(
                number: number, hash: UInt256(number << 16 | lastFork << 8 | 1).bytes,
                parentHash: blocks.last?.block.hash ?? .zero, timestamp: UInt64(time(nil)), baseFee: baseFeeWei),
            count: count, used: blocks.last?.used ?? [])
        for (at, stranger) in strangers.enumerated() {
            execute(
                stranger.calldata(contractSignature: []), hash: UInt256(number << 32 | UInt64(at) | 1 << 60).bytes,
                &next)
        }
        while let transaction = pool.removeValue(forKey: next.count) {
            next.count += 1
            execute(transaction.data, hash: transaction.hash, &next)
        }
        blocks.append(next)
    }

    /// Takes the newest blocks back; their transactions are gone from the pool too.
    func takeBack(_ depth: Int) {
        blocks.removeLast(depth)
        lastFork += 1
    }

    /// A node forgets what is in no block.
    func forgetPool() { pool = [:] }

    private func execute(_ data: [UInt8], hash: Bytes32, _ block: inout Block) {
        let number = block.block.number
        var logs: [String] = []
        if data.count >= 4 + 6 * 32 {
            func word(_ at: Int) -> Bytes32 { Bytes32(data[(4 + at * 32)..<(36 + at * 32)])! }
            let isUsed = !block.used.insert(word(5)).inserted
            if isUsed || reverts {
                if !isUsed { block.used.remove(word(5)) }
                block.receipts[hash] = receipt(hash, block, logs: [], succeeded: false)
                return
            }
            let first = block.logs.count
            logs = [
                log([EvidenceJudge.authorizationUsed, word(0), word(5)], "0x", first, hash, block),
                log([EvidenceJudge.transfer, word(0), word(1)], word(2).hex, first + 1, hash, block),
            ]
        }
        block.logs += logs
        _ = number
        block.receipts[hash] = receipt(hash, block, logs: logs, succeeded: true)
    }

    private func log(_ topics: [Bytes32], _ data: String, _ index: Int, _ hash: Bytes32, _ block: Block) -> String {
        let list = topics.map { "\"\($0.hex)\"" }.joined(separator: ",")
        return """
            {"address":"\(token.address.bytes.hex)","topics":[\(list)],"data":"\(data)",\
            "blockNumber":"\(Self.hex(block.block.number))","blockHash":"\(block.block.hash.hex)",\
            "transactionHash":"\(hash.hex)","transactionIndex":"0x0","logIndex":"\(Self.hex(UInt64(index)))","removed":false}
            """
    }

    private func receipt(_ hash: Bytes32, _ block: Block, logs: [String], succeeded: Bool) -> String {
        """
        {"status":"\(succeeded ? "0x1" : "0x0")","transactionHash":"\(hash.hex)",\
        "blockNumber":"\(Self.hex(block.block.number))","blockHash":"\(block.block.hash.hex)",\
        "gasUsed":"0xea60","effectiveGasPrice":"0x3e9","logs":[\(logs.joined(separator: ","))]}
        """
    }

    // MARK: What a node says

    /// A `result` or an `error`, as a member of a reply.
    func answer(_ call: ScriptedNode.Call) -> String {
        let params = (try? JSONSerialization.jsonObject(with: Data(call.params.utf8))) as? [Any] ?? []
        let first = params.first as? String ?? ""
        switch call.method {
        case "eth_getTransactionCount":
            let isPending = params.last as? String == "pending"
            return result(
                "\"\(Self.hex(isPending ? max(head.count, (pool.keys.max() ?? 0) + (pool.isEmpty ? 0 : 1)) : head.count))\""
            )
        case "eth_getBlockByNumber": return result(block(first).map(Self.json) ?? "null")
        case "eth_chainId": return result("\"0x14a34\"")
        case "eth_maxPriorityFeePerGas": return result("\"0x64\"")
        case "eth_getBalance": return result("\"0xde0b6b3a7640000\"")
        case "eth_getCode": return result(first == token.address.bytes.hex ? "\"0x60\"" : "\"0x\"")
        case "eth_call": return called(params.first as? [String: Any] ?? [:])
        case "eth_getLogs": return result("[\(logs(params.first as? [String: Any] ?? [:]).joined(separator: ","))]")
        case "eth_getTransactionReceipt":
            return result(
                blocks.lazy.compactMap { block in block.receipts.first { $0.key.hex == first }?.value }.first ?? "null")
        case "eth_sendRawTransaction": return take(Hex.decode(first) ?? [])
        default: return "\"error\":{\"code\":-32601,\"message\":\"no such method\"}"
        }
    }

    private func take(_ raw: [UInt8]) -> String {
        guard let transaction = Self.read(raw) else { return "\"error\":{\"code\":-32000,\"message\":\"rlp\"}" }
        heard.append(transaction)
        if !refusals.isEmpty {
            let refusal = refusals.removeFirst()
            if refusal.isEmpty { return result("\"\(transaction.hash.hex)\"") }
            return "\"error\":{\"code\":-32000,\"message\":\"\(refusal)\"}"
        }
        if transaction.nonce < head.count { return "\"error\":{\"code\":-32000,\"message\":\"nonce too low\"}" }
        if let known = pool[transaction.nonce] {
            if known.hash == transaction.hash { return "\"error\":{\"code\":-32000,\"message\":\"already known\"}" }
            if transaction.maxFee * 8 < known.maxFee * 9 {
                return "\"error\":{\"code\":-32000,\"message\":\"replacement transaction underpriced\"}"
            }
        }
        pool[transaction.nonce] = transaction
        return result("\"\(transaction.hash.hex)\"")
    }

    private func called(_ call: [String: Any]) -> String {
        let data = Hex.decode(call["data"] as? String ?? "") ?? []
        func text(_ text: String) -> String {
            let bytes = Array(text.utf8)
            let words = [UInt256(UInt64(32)).bytes.array, UInt256(UInt64(bytes.count)).bytes.array]
            return Hex.encodePrefixed(words.joined() + bytes + [UInt8](repeating: 0, count: 32 - bytes.count))
        }
        let selector = Array(data.prefix(4))
        switch selector {
        case ContractReads.name: return result("\"\(text(tokenName))\"")
        case ContractReads.version: return result("\"\(text("2"))\"")
        case ContractReads.decimals: return result("\"\(UInt256(UInt64(6)).bytes.hex)\"")
        case ContractReads.domainSeparator:
            return "\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x\"}"
        case Array(ContractReads.balance(of: Self.payee).prefix(4)):
            return result("\"\(UInt256(balanceAtomic).bytes.hex)\"")
        default: return result("\"0x\"")
        }
    }

    private func logs(_ filter: [String: Any]) -> [String] {
        func number(_ key: String) -> Int { Int((filter[key] as? String ?? "").dropFirst(2), radix: 16) ?? 0 }
        let topics = filter["topics"] as? [Any] ?? []
        let asked = topics.map { Set($0 as? [String] ?? []) }
        let range = number("fromBlock")...max(number("fromBlock"), number("toBlock"))
        return blocks.filter { range.contains(Int($0.block.number)) }.flatMap(\.logs).filter { text in
            let log = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
            let has = log["topics"] as? [String] ?? []
            return asked.indices.allSatisfy { asked[$0].isEmpty || ($0 < has.count && asked[$0].contains(has[$0])) }
        }
    }

    private func block(_ tag: String) -> RPCBlock? {
        switch tag {
        case "latest": return head.block
        case "finalized": return blocks[Int(finalized)].block
        default:
            let number = Int(tag.dropFirst(2), radix: 16) ?? .max
            return number < blocks.count ? blocks[number].block : nil
        }
    }

    private func result(_ json: String) -> String { "\"result\":\(json)" }
    private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

    private static func json(_ block: RPCBlock) -> String {
        """
        {"number":"\(hex(block.number))","hash":"\(block.hash.hex)","parentHash":"\(block.parentHash.hex)",\
        "timestamp":"\(hex(block.timestamp))","baseFeePerGas":"\(hex(UInt64(block.baseFee ?? 0)))"}
        """
    }

    // MARK: Transactions' bytes

    /// Type 2: [chain, nonce, priority, max fee, gas, to, value, data, …] (EIP-1559).
    private static func read(_ raw: [UInt8]) -> Transaction? {
        guard raw.first == 2 else { return nil }
        var rest = raw[1...]
        guard let list = item(&rest) else { return nil }
        var content = list
        var fields: [[UInt8]] = []
        while let field = item(&content) { fields.append(Array(field)) }
        guard fields.count == 12, let to = Bytes20(fields[5]) else { return nil }
        func number(_ bytes: [UInt8]) -> UInt128 { bytes.reduce(0) { $0 << 8 | UInt128($1) } }
        return Transaction(
            hash: Keccak256.hash(raw), nonce: UInt64(number(fields[1])), maxFee: number(fields[3]), to: Address(to),
            data: fields[7])
    }

    /// Takes the first item's content off (Yellow Paper, appendix B).
    private static func item(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let first = bytes.first else { return nil }
        if first < 0x80 { return bytes.popFirst().map { [$0] } }
        let offset: UInt8 = first < 0xC0 ? 0x80 : 0xC0
        var size = Int(first - offset)
        bytes = bytes.dropFirst()
        if size > 55 {
            let digits = bytes.prefix(size - 55)
            bytes = bytes.dropFirst(size - 55)
            size = digits.reduce(0) { $0 << 8 | Int($1) }
        }
        defer { bytes = bytes.dropFirst(size) }
        return bytes.prefix(size)
    }
}
