import Bytes
import Chains

/// The checks of `exact` on EVM that need no chain (x402.md §3). Pure: the clock is an argument.
public enum LocalChecks {
    /// Seconds that must be left of a window whatever the route needs, for the transaction to be mined.
    public static let minimumSecondsLeft: Int64 = 6

    /// Proves the payer: 65 bytes, low s, and the digest under the offer's domain recovers to `from`.
    ///
    /// A failure may still be a contract's signature (EIP-1271), which only the chain can judge.
    public static func prove(_ payload: PaymentPayload, for offer: Offer) -> Result<Address, PaymentCode> {
        .failure(.signature)
    }

    /// Recipient, exact amount, window; the first that fails, or nil.
    ///
    /// - Parameters:
    ///   - now: Unix seconds.
    ///   - neededSeconds: what the route may take to answer and settle; `validBefore` must leave at least this.
    public static func check(
        _ payload: PaymentPayload, for offer: Offer, now: Int64, neededSeconds: Int64
    ) -> PaymentCode? {
        .recipientMismatch
    }
}

extension PaymentCode: Error {}
