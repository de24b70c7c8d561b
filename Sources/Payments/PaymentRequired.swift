import Bytes
import Chains
import JSON

/// A 402 as a client reads it.
public struct PaymentRequired: Sendable, Hashable {
    public let version: ProtocolVersion
    /// Why the server asks; empty where it did not say.
    public let error: String
    /// In the server's order; entries of other schemes or shapes are left out.
    public let offers: [Entry]

    /// One entry of `accepts` that this client could pay: `exact`, EIP-3009, with the token's domain given.
    public struct Entry: Sendable, Hashable {
        /// As the server wrote it: CAIP-2 in version 2, a name in version 1.
        public let network: String
        public let chainID: UInt64
        public let asset: Address
        public let payTo: Address
        public let amountAtomic: UInt256
        public let maxTimeoutSeconds: Int
        public let domainName: String
        public let domainVersion: String
        /// The entry's JSON text as sent: version 2 echoes it as `accepted`.
        public let source: [UInt8]
    }

    /// Reads the value of `PAYMENT-REQUIRED` (base64) if there was one, otherwise the version 1 body.
    public static func decode(
        v2Header: UnsafeRawBufferPointer?, v1Body: UnsafeRawBufferPointer
    ) throws(PaymentFault) -> PaymentRequired {
        throw PaymentFault(code: .invalidPayload, detail: "not read yet")
    }
}
