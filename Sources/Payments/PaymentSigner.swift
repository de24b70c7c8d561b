import Bytes
import Chains
import JSON

/// Signs a payment for a 402: what `farebox pay` does with its key.
public enum PaymentSigner {
    public enum Refusal: Error, Sendable, Hashable {
        /// None of the entries is `exact` on EVM with a token domain.
        case nothingPayable
        /// The cheapest payable entry is above the maximum; both in atomic units.
        case aboveMaximum(amountAtomic: UInt256, maximumAtomic: UInt256)
    }

    /// A header to send with the one paid retry.
    public struct SignedPayment: Sendable, Hashable {
        public let version: ProtocolVersion
        public let entry: PaymentRequired.Entry
        public let payer: Address
        public let authorization: TransferWithAuthorization
        /// `PAYMENT-SIGNATURE` or `X-PAYMENT`.
        public let headerName: String
        /// base64.
        public let headerValue: String
    }

    /// Signs the first payable entry at or under the maximum.
    ///
    /// - Parameters:
    ///   - maximumAtomic: in atomic units, by entry, since decimals differ between assets.
    ///   - nonce: 32 random bytes, never used before by this key.
    ///   - now: Unix seconds; the window is [now − 600, now + maxTimeoutSeconds].
    public static func sign(
        _ required: PaymentRequired, resource: String, key: borrowing PrivateKey,
        maximumAtomic: (PaymentRequired.Entry) -> UInt256, nonce: Bytes32, now: Int64
    ) throws(Refusal) -> SignedPayment {
        throw .nothingPayable
    }
}
