import Bytes
import Chains

/// Which block a read is about.
public enum BlockTag: Hashable, Sendable {
    case latest
    /// With what waits in the node's pool.
    case pending
    case finalized
    case number(UInt64)

    /// As a JSON string.
    var json: String {
        switch self {
        case .latest: "\"latest\""
        case .pending: "\"pending\""
        case .finalized: "\"finalized\""
        case .number(let number): "\"\(RPCCall.hex(number))\""
        }
    }
}

/// The calls of Ethereum's JSON-RPC that are made (ethereum/execution-apis), with their parameters as JSON.
extension RPCCall {
    public static let chainID = RPCCall("eth_chainId", params: "[]")
    public static let blockNumber = RPCCall("eth_blockNumber", params: "[]")
    public static let maxPriorityFee = RPCCall("eth_maxPriorityFeePerGas", params: "[]")

    /// The block's head without its transactions.
    public static func block(_ block: BlockTag) -> RPCCall {
        RPCCall("eth_getBlockByNumber", params: "[\(block.json),false]")
    }

    public static func code(_ account: Address, at block: BlockTag = .latest) -> RPCCall {
        RPCCall("eth_getCode", params: "[\"\(account.bytes.hex)\",\(block.json)]")
    }

    /// Of the chain's own coin, in wei.
    public static func balance(_ account: Address, at block: BlockTag = .latest) -> RPCCall {
        RPCCall("eth_getBalance", params: "[\"\(account.bytes.hex)\",\(block.json)]")
    }

    /// The nonce of the account's next transaction.
    public static func transactionCount(_ account: Address, at block: BlockTag) -> RPCCall {
        RPCCall("eth_getTransactionCount", params: "[\"\(account.bytes.hex)\",\(block.json)]")
    }

    /// Runs a call without a transaction.
    public static func call(
        to: Address, data: [UInt8], from: Address? = nil, gas: UInt64? = nil, at block: BlockTag = .latest
    ) -> RPCCall {
        let sender = from.map { "\"from\":\"\($0.bytes.hex)\"," } ?? ""
        let limit = gas.map { ",\"gas\":\"\(hex($0))\"" } ?? ""
        return RPCCall(
            "eth_call",
            params: "[{\(sender)\"to\":\"\(to.bytes.hex)\"\(limit),\"data\":\"\(Hex.encodePrefixed(data))\"},"
                + "\(block.json)]"
        )
    }

    /// The least gas that lets a call succeed, with the node's margin.
    public static func estimateGas(to: Address, data: [UInt8], from: Address) -> RPCCall {
        RPCCall(
            "eth_estimateGas",
            params: "[{\"from\":\"\(from.bytes.hex)\",\"to\":\"\(to.bytes.hex)\","
                + "\"data\":\"\(Hex.encodePrefixed(data))\"}]")
    }

    /// Events of these contracts in a range of blocks, both ends included. Each of `topics` lists what may stand at its
    /// place; an empty list takes anything.
    public static func logs(
        from first: BlockTag, to last: BlockTag, addresses: [Address], topics: [[Bytes32]]
    ) -> RPCCall {
        let contracts = addresses.map { "\"\($0.bytes.hex)\"" }.joined(separator: ",")
        let places = topics.map { place in
            place.isEmpty ? "null" : "[\(place.map { "\"\($0.hex)\"" }.joined(separator: ","))]"
        }
        return RPCCall(
            "eth_getLogs",
            params: "[{\"fromBlock\":\(first.json),\"toBlock\":\(last.json),\"address\":[\(contracts)],"
                + "\"topics\":[\(places.joined(separator: ","))]}]")
    }

    public static func receipt(_ transaction: Bytes32) -> RPCCall {
        RPCCall("eth_getTransactionReceipt", params: "[\"\(transaction.hex)\"]")
    }

    /// A signed transaction's bytes.
    public static func send(raw: [UInt8]) -> RPCCall {
        RPCCall("eth_sendRawTransaction", params: "[\"\(Hex.encodePrefixed(raw))\"]")
    }

    /// A quantity: no leading zero.
    static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}
