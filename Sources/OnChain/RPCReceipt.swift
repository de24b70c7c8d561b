import Bytes
import JSON

/// What became of a mined transaction.
public struct RPCReceipt: Hashable, Sendable {
    /// False: it was reverted, and had no effect but its nonce and its fee (EIP-658).
    public var succeeded: Bool
    public var transactionHash: Bytes32
    /// In their order.
    public var logs: [RPCLog]
    public var blockNumber: UInt64
    public var blockHash: Bytes32
    public var gasUsed: UInt64
    /// Wei per unit of gas; nil where the node does not say.
    public var effectiveGasPrice: UInt128?
    /// What the OP Stack's chains take beside the gas for the transaction's bytes on layer 1, in wei; nil elsewhere.
    public var layerOneFeeWei: UInt128?

    public init(
        succeeded: Bool, transactionHash: Bytes32, logs: [RPCLog], blockNumber: UInt64, blockHash: Bytes32,
        gasUsed: UInt64, effectiveGasPrice: UInt128?, layerOneFeeWei: UInt128? = nil
    ) {
        self.succeeded = succeeded
        self.transactionHash = transactionHash
        self.logs = logs
        self.blockNumber = blockNumber
        self.blockHash = blockHash
        self.gasUsed = gasUsed
        self.effectiveGasPrice = effectiveGasPrice
        self.layerOneFeeWei = layerOneFeeWei
    }

    /// What its sender paid for it; nil where the node does not say. Saturates.
    public var costWei: UInt128? {
        effectiveGasPrice.map { price in
            let (gas, overflow) = price.multipliedReportingOverflow(by: UInt128(gasUsed))
            return (overflow ? .max : gas).addingSaturated(layerOneFeeWei ?? 0)
        }
    }

    init(_ object: JSONValue) throws(RPCFault) {
        guard object.kind == .object else { throw .malformed("a receipt is no object") }
        switch try RPCField(object, "status").uint64() {
        case 0: succeeded = false
        case 1: succeeded = true
        default: throw .malformed("status is neither 0 nor 1")
        }
        transactionHash = try RPCField(object, "transactionHash").hash()
        logs = try RPCLog.list(try RPCField(object, "logs").value)
        blockNumber = try RPCField(object, "blockNumber").uint64()
        blockHash = try RPCField(object, "blockHash").hash()
        gasUsed = try RPCField(object, "gasUsed").uint64()
        effectiveGasPrice = try RPCField.optional(object, "effectiveGasPrice")?.uint128()
        layerOneFeeWei = try RPCField.optional(object, "l1Fee")?.uint128()
    }
}
