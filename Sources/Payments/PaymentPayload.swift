import Bytes
import Chains

/// The two wire formats of x402 (x402 specification, versions 1 and 2).
public enum ProtocolVersion: Int, Sendable, Hashable {
    /// `X-PAYMENT`, `X-PAYMENT-RESPONSE`, terms in the JSON body.
    case v1 = 1
    /// `PAYMENT-SIGNATURE`, `PAYMENT-RESPONSE`, terms in `PAYMENT-REQUIRED`.
    case v2 = 2
}

/// A payment as it was sent: well-formed, and nothing of it proven.
public struct PaymentPayload: Sendable, Hashable {
    public let version: ProtocolVersion
    public let scheme: String
    /// CAIP-2 in version 2, a name in version 1.
    public let network: String
    /// The terms the client says it accepted; nil in version 1, which sends none.
    public let accepted: AcceptedTerms?
    public let authorization: TransferWithAuthorization
    /// As sent: 65 bytes for a plain account; a contract's signature may have any length.
    public let signature: [UInt8]
    /// `extensions["payment-identifier"].info.id`: 16 to 128 of `A-Za-z0-9_-`.
    public let paymentIdentifier: String?
    /// The whole message as it was sent: one object that the strict reader took, for whoever is asked about the payment.
    public let json: [UInt8]

    /// Whether the two are one authorization for one thing, however each was written.
    public func isSamePayment(as other: PaymentPayload) -> Bool {
        version == other.version && network == other.network && accepted?.asset == other.accepted?.asset
            && authorization == other.authorization && signature == other.signature
            && paymentIdentifier == other.paymentIdentifier
    }
}

/// `accepted` of version 2, beside scheme and network.
public struct AcceptedTerms: Sendable, Hashable {
    public let amount: UInt256
    public let asset: Address
    public let payTo: Address
    public let maxTimeoutSeconds: Int
    /// The object's JSON text as sent; "{}" where it was missing or null.
    public let extra: [UInt8]
}

/// A payment header that cannot be read.
public struct PaymentFault: Error, Sendable, Hashable {
    public let code: PaymentCode
    /// For logs: which key, or where in the text; it never repeats what the client wrote.
    public let detail: String

    public init(code: PaymentCode, detail: String) {
        self.code = code
        self.detail = detail
    }
}
