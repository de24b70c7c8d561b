import Bytes
import JSON

/// What is read of a block.
public struct RPCBlock: Hashable, Sendable {
    public var number: UInt64
    public var hash: Bytes32
    public var parentHash: Bytes32
    /// Unix seconds.
    public var timestamp: UInt64
    /// Wei per unit of gas; nil on a chain without a fee market (EIP-1559).
    public var baseFee: UInt128?

    public init(number: UInt64, hash: Bytes32, parentHash: Bytes32, timestamp: UInt64, baseFee: UInt128?) {
        self.number = number
        self.hash = hash
        self.parentHash = parentHash
        self.timestamp = timestamp
        self.baseFee = baseFee
    }

    init(_ object: JSONValue) throws(RPCFault) {
        guard object.kind == .object else { throw .malformed("a block is no object") }
        number = try RPCField(object, "number").uint64()
        hash = try RPCField(object, "hash").hash()
        parentHash = try RPCField(object, "parentHash").hash()
        timestamp = try RPCField(object, "timestamp").uint64()
        baseFee = try RPCField.optional(object, "baseFeePerGas")?.uint128()
    }
}
