import Bytes
import Chains

/// Which block a read is about.
public enum BlockTag: Hashable, Sendable {
    case latest
    /// With what waits in the node's pool.
    case pending
    case finalized
    case number(UInt64)
}

/// The calls of Ethereum's JSON-RPC that are made (ethereum/execution-apis), with their parameters as JSON.
extension RPCCall {
    public static let chainID = RPCCall("eth_chainId", params: "[]")
    public static let blockNumber = RPCCall("eth_blockNumber", params: "[]")
    public static let maxPriorityFee = RPCCall("eth_maxPriorityFeePerGas", params: "[]")

    /// The block's head without its transactions.
    public static func block(_ block: BlockTag) -> RPCCall {
        var params = RPCParams()
        params.add("[")
        params.add(block)
        params.add(",false]")
        return RPCCall("eth_getBlockByNumber", params: params.text)
    }

    public static func code(_ account: Address, at block: BlockTag = .latest) -> RPCCall {
        of(account, "eth_getCode", block)
    }

    /// Of the chain's own coin, in wei.
    public static func balance(_ account: Address, at block: BlockTag = .latest) -> RPCCall {
        of(account, "eth_getBalance", block)
    }

    /// The nonce of the account's next transaction.
    public static func transactionCount(_ account: Address, at block: BlockTag) -> RPCCall {
        of(account, "eth_getTransactionCount", block)
    }

    private static func of(_ account: Address, _ method: String, _ block: BlockTag) -> RPCCall {
        var params = RPCParams()
        params.add("[")
        params.add(account)
        params.add(",")
        params.add(block)
        params.add("]")
        return RPCCall(method, params: params.text)
    }

    /// Runs a call without a transaction.
    public static func call(
        to: Address, data: [UInt8], from: Address? = nil, gas: UInt64? = nil, at block: BlockTag = .latest
    ) -> RPCCall {
        var params = RPCParams(capacity: 256 + 2 * data.count)
        params.add("[{")
        if let from {
            params.add("\"from\":")
            params.add(from)
            params.add(",")
        }
        params.add("\"to\":")
        params.add(to)
        if let gas {
            params.add(",\"gas\":")
            params.add(gas)
        }
        params.add(",\"data\":")
        params.add(data)
        params.add("},")
        params.add(block)
        params.add("]")
        return RPCCall("eth_call", params: params.text)
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
        var params = RPCParams(capacity: 256 + 48 * addresses.count + topics.reduce(0) { $0 + 72 * $1.count })
        params.add("[{\"fromBlock\":")
        params.add(first)
        params.add(",\"toBlock\":")
        params.add(last)
        params.add(",\"address\":")
        params.add(listOf: addresses) { $0.add($1) }
        params.add(",\"topics\":")
        params.add(listOf: topics) { params, place in
            if place.isEmpty { params.add("null") } else { params.add(listOf: place) { $0.add($1) } }
        }
        params.add("}]")
        return RPCCall("eth_getLogs", params: params.text)
    }

    public static func receipt(_ transaction: Bytes32) -> RPCCall {
        var params = RPCParams()
        params.add("[")
        params.add(transaction)
        params.add("]")
        return RPCCall("eth_getTransactionReceipt", params: params.text)
    }

    /// A signed transaction's bytes.
    public static func send(raw: [UInt8]) -> RPCCall {
        var params = RPCParams(capacity: 8 + 2 * raw.count)
        params.add("[")
        params.add(raw)
        params.add("]")
        return RPCCall("eth_sendRawTransaction", params: params.text)
    }
}
