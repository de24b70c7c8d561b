import Bytes
import Chains
import JSON

/// The outcome of a payment, as `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE` carries it.
public struct PaymentResponse: Sendable, Hashable {
    public var success: Bool
    /// The transaction's id; empty where there is none.
    public var transaction: String
    /// CAIP-2.
    public var network: String
    /// The network's version 1 name, which version 1 receipts carry.
    public var networkV1Name: String
    public var payer: Address?
    /// What was charged, in atomic units; left out of version 1.
    public var amountAtomic: UInt128?
    /// Why it failed; nil on success.
    public var errorReason: String?

    public init(
        success: Bool, transaction: String, network: String, networkV1Name: String, payer: Address?,
        amountAtomic: UInt128? = nil, errorReason: String? = nil
    ) {
        self.success = success
        self.transaction = transaction
        self.network = network
        self.networkV1Name = networkV1Name
        self.payer = payer
        self.amountAtomic = amountAtomic
        self.errorReason = errorReason
    }

    /// Appends the header's value: base64 of the JSON object.
    public func encode(_ version: ProtocolVersion, into out: inout ByteBuffer) {}

    /// Reads a header's value of either version; nil when it is not such an object.
    public static func decode(_ text: UnsafeRawBufferPointer) -> PaymentResponse? { nil }
}
