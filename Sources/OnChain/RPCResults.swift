import Bytes
import Chains
import JSON

/// What a reply holds, read strictly: a node's nonsense is a fault, never a guess.
extension RPCReply {
    /// An unsigned number, as of `eth_getBalance`.
    public func quantity() throws(RPCFault) -> UInt256 {
        try read { (value) throws(RPCFault) in try RPCField("result", value).quantity() }
    }

    /// An unsigned number that fits 128 bits, as wei do.
    public func uint128() throws(RPCFault) -> UInt128 {
        try read { (value) throws(RPCFault) in try RPCField("result", value).uint128() }
    }

    /// An unsigned number that fits 64 bits, as of `eth_getTransactionCount` and `eth_blockNumber`.
    public func uint64() throws(RPCFault) -> UInt64 {
        try read { (value) throws(RPCFault) in try RPCField("result", value).uint64() }
    }

    /// Bytes, as of `eth_call` and `eth_getCode`.
    public func data() throws(RPCFault) -> [UInt8] {
        try read { (value) throws(RPCFault) in try RPCField("result", value).data() }
    }

    /// 32 bytes, as of `eth_sendRawTransaction`.
    public func hash() throws(RPCFault) -> Bytes32 {
        try read { (value) throws(RPCFault) in try RPCField("result", value).hash() }
    }

    /// Of `eth_getBlockByNumber`; nil where the node knows no such block.
    public func block() throws(RPCFault) -> RPCBlock? {
        try read { (value) throws(RPCFault) in value.isNull ? nil : try RPCBlock(value) }
    }

    /// Of `eth_getTransactionReceipt`; nil where the transaction is not mined as far as the node knows.
    public func receipt() throws(RPCFault) -> RPCReceipt? {
        try read { (value) throws(RPCFault) in value.isNull ? nil : try RPCReceipt(value) }
    }

    /// Of `eth_getLogs`, in the node's order.
    public func logs() throws(RPCFault) -> [RPCLog] {
        try read { (value) throws(RPCFault) in try RPCLog.list(value) }
    }

    /// Calls `body` with the result's value, good until it returns.
    private func read<Value>(_ body: (JSONValue) throws(RPCFault) -> Value) throws(RPCFault) -> Value {
        switch self {
        case .unreachable(let reason): throw .unreachable(reason)
        case .error(let code, let message, let data): throw .refused(code: code, message: message, data: data)
        case .result(let json):
            let outcome = json.withUnsafeBytes { bytes in
                Result { () throws(RPCFault) -> Value in
                    let tape: JSONTape
                    do throws(JSONFault) {
                        tape = try JSONTape(bytes, limits: RPCBatch.limits)
                    } catch {
                        throw RPCFault.malformed(error.reason.rawValue)
                    }
                    return try body(tape.root(over: bytes))
                }
            }
            return try outcome.get()
        }
    }
}
