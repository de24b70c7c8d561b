import Bytes
import Chains
import OnChain
import Testing

@Suite struct RPCResultsTests {
    private static let hash = "0x" + String(repeating: "ab", count: 32)
    private static let account = "0x" + String(repeating: "cd", count: 20)

    // MARK: Numbers and bytes

    @Test(
        arguments: [
            (#""0x0""#, 0), (#""0xff""#, 255), (#""0xFF""#, 255), (#""0x00ff""#, 255), (#""0xffffffffffffffff""#, .max),
            (#""0x""#, nil), (#""ff""#, nil), (#""0xfg""#, nil), (#""0X1""#, nil), (#""-0x1""#, nil), ("255", nil),
            ("null", nil), (#""0x10000000000000000""#, nil), (#"" 0x1""#, nil), ("[]", nil), ("", nil),
            (#""0x1"0"#, nil),
        ] as [(String, UInt64?)])
    func aNumber(json: String, expected: UInt64?) {
        #expect((try? Reply.json(json).uint64()) == expected)
    }

    @Test func aLargeNumber() throws {
        #expect(try Reply.json("\"0x" + String(repeating: "f", count: 64) + "\"").quantity() == .max)
        #expect(throws: RPCFault.self) { try Reply.json("\"0x" + String(repeating: "0", count: 65) + "\"").quantity() }
        #expect(try Reply.json("\"0x" + String(repeating: "f", count: 32) + "\"").uint128() == .max)
        #expect(throws: RPCFault.self) { try Reply.json("\"0x1" + String(repeating: "0", count: 32) + "\"").uint128() }
    }

    @Test(
        arguments: [
            (#""0x""#, []), (#""0x00fF""#, [0, 255]), (#""0x0""#, nil), (#""""#, nil), (#""00""#, nil), ("null", nil),
        ] as [(String, [UInt8]?)])
    func someBytes(json: String, expected: [UInt8]?) {
        #expect((try? Reply.json(json).data()) == expected)
    }

    @Test func aHashIs32Bytes() {
        #expect((try? Reply.json("\"\(Self.hash)\"").hash()) == bytes32(0xAB))
        #expect((try? Reply.json("\"\(Self.hash)00\"").hash()) == nil)
        #expect((try? Reply.json("\"\(Self.account)\"").hash()) == nil)
    }

    @Test func whatIsNoResultIsTold() {
        #expect(throws: RPCFault.unreachable("down")) { try Reply.down.uint64() }
        #expect(throws: RPCFault.refused(code: 7, message: "m", data: [1])) {
            try RPCReply.error(code: 7, message: "m", data: [1]).uint64()
        }
    }

    // MARK: Blocks, logs, receipts

    private static let block: [(String, String)] = [
        ("number", "\"0x10\""), ("hash", "\"\(hash)\""), ("parentHash", "\"\(hash)\""), ("timestamp", "\"0x65\""),
        ("baseFeePerGas", "\"0x7\""), ("transactions", "[]"),
    ]
    private static let log: [(String, String)] = [
        ("address", "\"\(account)\""), ("topics", "[\"\(hash)\"]"), ("data", "\"0x01\""), ("blockNumber", "\"0x10\""),
        ("blockHash", "\"\(hash)\""), ("transactionHash", "\"\(hash)\""), ("logIndex", "\"0x2\""), ("removed", "true"),
    ]
    private static let receipt: [(String, String)] = [
        ("status", "\"0x1\""), ("transactionHash", "\"\(hash)\""), ("logs", "[\(object(log))]"),
        ("blockNumber", "\"0x10\""), ("blockHash", "\"\(hash)\""), ("gasUsed", "\"0x5208\""),
        ("effectiveGasPrice", "\"0x9\""),
    ]

    /// `changed` replaces one member's value; nil leaves the member out.
    private static func object(_ members: [(String, String)], _ key: String = "", _ changed: String? = "") -> String {
        let kept = members.compactMap { name, value in
            name != key ? "\"\(name)\":\(value)" : changed.map { "\"\(name)\":\($0)" }
        }
        return "{\(kept.joined(separator: ","))}"
    }

    @Test func wellFormed() throws {
        let block = RPCBlock(
            number: 16, hash: bytes32(0xAB), parentHash: bytes32(0xAB), timestamp: 101, baseFee: 7)
        let log = RPCLog(
            address: address(0xCD), topics: [bytes32(0xAB)], data: [1], blockNumber: 16, blockHash: bytes32(0xAB),
            transactionHash: bytes32(0xAB), logIndex: 2, removed: true)
        let receipt = RPCReceipt(
            succeeded: true, transactionHash: bytes32(0xAB), logs: [log], blockNumber: 16, blockHash: bytes32(0xAB),
            gasUsed: 21_000, effectiveGasPrice: 9)
        #expect(try Reply.json(Self.object(Self.block)).block() == block)
        #expect(try Reply.json("[\(Self.object(Self.log))]").logs() == [log])
        #expect(try Reply.json(Self.object(Self.receipt)).receipt() == receipt)
        #expect(try Reply.json("null").block() == nil)
        #expect(try Reply.json("null").receipt() == nil)
        #expect(try Reply.json("[]").logs() == [])
    }

    @Test func whatMayBeMissing() throws {
        #expect(try Reply.json(Self.object(Self.block, "baseFeePerGas", nil)).block()?.baseFee == nil)
        #expect(
            try Reply.json(Self.object(Self.receipt, "effectiveGasPrice", "null")).receipt()?.effectiveGasPrice == nil)
        #expect(try Reply.json("[\(Self.object(Self.log, "removed", nil))]").logs()[0].removed == false)
        #expect(try Reply.json(Self.object(Self.receipt, "status", "\"0x0\"")).receipt()?.succeeded == false)
    }

    @Test(
        arguments: [
            ("number", nil), ("number", "null"), ("number", "16"), ("number", "\"0x\""), ("hash", nil),
            ("hash", "\"0xab\""),
            ("parentHash", nil), ("timestamp", nil), ("timestamp", "\"0x10000000000000000\""), ("baseFeePerGas", "7"),
        ] as [(String, String?)])
    func aBrokenBlock(key: String, value: String?) {
        #expect(throws: RPCFault.self) { try Reply.json(Self.object(Self.block, key, value)).block() }
    }

    @Test(
        arguments: [
            ("address", nil), ("address", "\"\(hash)\""), ("topics", nil), ("topics", "\"0x\""),
            ("topics", "[\"0xab\"]"),
            ("topics", "[\"\(hash)\",\"\(hash)\",\"\(hash)\",\"\(hash)\",\"\(hash)\"]"), ("data", "null"),
            ("data", "\"0x1\""),
            // As of a transaction that is not mined: no evidence of anything.
            ("blockNumber", "null"), ("blockHash", "null"), ("transactionHash", nil), ("logIndex", "null"),
            ("logIndex", "2"), ("removed", "\"no\""),
        ] as [(String, String?)])
    func aBrokenLog(key: String, value: String?) {
        let broken = Self.object(Self.log, key, value)
        #expect(throws: RPCFault.self) { try Reply.json("[\(broken)]").logs() }
        #expect(throws: RPCFault.self) {
            try Reply.json(Self.object(Self.receipt, "logs", "[\(broken)]")).receipt()
        }
    }

    @Test(
        arguments: [
            ("status", nil), ("status", "null"), ("status", "\"0x2\""), ("status", "true"), ("transactionHash", nil),
            ("logs", nil), ("logs", "{}"), ("blockNumber", "null"), ("blockHash", nil), ("gasUsed", nil),
            ("effectiveGasPrice", "9"),
        ] as [(String, String?)])
    func aBrokenReceipt(key: String, value: String?) {
        #expect(throws: RPCFault.self) { try Reply.json(Self.object(Self.receipt, key, value)).receipt() }
    }

    @Test func ofAnotherKind() {
        #expect(throws: RPCFault.self) { try Reply.json("[]").block() }
        #expect(throws: RPCFault.self) { try Reply.json("\"0x\"").receipt() }
        #expect(throws: RPCFault.self) { try Reply.json("null").logs() }
        #expect(throws: RPCFault.self) { try Reply.json("[null]").logs() }
    }

    // MARK: Calls

    @Test(arguments: [
        (RPCCall.code(address(1)), "eth_getCode", #"["0x0101010101010101010101010101010101010101","latest"]"#),
        (
            .transactionCount(address(1), at: .pending), "eth_getTransactionCount",
            #"["0x0101010101010101010101010101010101010101","pending"]"#
        ),
        (.block(.finalized), "eth_getBlockByNumber", #"["finalized",false]"#),
        (
            .call(to: address(2), data: [0xAB], from: address(1), gas: 500_000), "eth_call",
            #"[{"from":"0x0101010101010101010101010101010101010101","to":"0x0202020202020202020202020202020202020202","#
                + #""gas":"0x7a120","data":"0xab"},"latest"]"#
        ),
        (
            .logs(from: .number(0), to: .latest, addresses: [address(1)], topics: [[bytes32(2), bytes32(3)], []]),
            "eth_getLogs",
            #"[{"fromBlock":"0x0","toBlock":"latest","address":["0x0101010101010101010101010101010101010101"],"topics":[["#
                + "\"\(bytes32(2).hex)\",\"\(bytes32(3).hex)\"],null]}]"
        ),
        (.send(raw: [2, 255]), "eth_sendRawTransaction", #"["0x02ff"]"#),
    ])
    func aCallsParameters(call: RPCCall, method: String, params: String) {
        #expect(call.method == method)
        #expect(call.params == params)
    }
}
