import Bytes
import Chains
import JSON

/// An event of a mined transaction.
public struct RPCLog: Hashable, Sendable {
    /// The contract that wrote it.
    public var address: Address
    /// At most four; the first is the event's, unless it is anonymous.
    public var topics: [Bytes32]
    public var data: [UInt8]
    public var blockNumber: UInt64
    public var blockHash: Bytes32
    public var transactionHash: Bytes32
    /// Position among all logs of the block.
    public var logIndex: UInt64
    /// The block it was in is no longer on the chain.
    public var removed: Bool

    public init(
        address: Address, topics: [Bytes32], data: [UInt8], blockNumber: UInt64, blockHash: Bytes32,
        transactionHash: Bytes32, logIndex: UInt64, removed: Bool
    ) {
        self.address = address
        self.topics = topics
        self.data = data
        self.blockNumber = blockNumber
        self.blockHash = blockHash
        self.transactionHash = transactionHash
        self.logIndex = logIndex
        self.removed = removed
    }

    init(_ object: JSONValue) throws(RPCFault) {
        guard object.kind == .object else { throw .malformed("a log is no object") }
        address = try RPCField(object, "address").address()
        topics = []
        for topic in try RPCField(object, "topics").elements() {
            topics.append(try RPCField("topics", topic).hash())
        }
        guard topics.count <= 4 else { throw .malformed("topics are more than four") }
        data = try RPCField(object, "data").data()
        blockNumber = try RPCField(object, "blockNumber").uint64()
        blockHash = try RPCField(object, "blockHash").hash()
        transactionHash = try RPCField(object, "transactionHash").hash()
        logIndex = try RPCField(object, "logIndex").uint64()
        removed = false
        if let said = RPCField.optional(object, "removed") {
            guard let bool = said.value.bool else { throw .malformed("removed is neither true nor false") }
            removed = bool
        }
    }

    static func list(_ array: JSONValue) throws(RPCFault) -> [RPCLog] {
        var logs: [RPCLog] = []
        for log in try RPCField("logs", array).elements() { logs.append(try RPCLog(log)) }
        return logs
    }
}
