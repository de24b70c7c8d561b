import Bytes
import Chains

/// The checks of `exact` on EVM that need no chain. Pure: the clock is an argument.
public enum LocalChecks {
    /// Seconds that must be left of a window whatever the route needs, for the transaction to be mined.
    public static let minimumSecondsLeft: Int64 = 6

    /// Proves the payer: 65 bytes, low s, and the digest under the offer's domain recovers to `from`.
    ///
    /// A failure may still be a contract's signature (EIP-1271), which only the chain can judge.
    /// x402 tells the caller the first check that fails, and this is the last of them: `check` has the word before it.
    public static func prove(_ payload: PaymentPayload, for offer: Offer) -> Result<Address, PaymentCode> {
        if CounterfactualSignature.isWrapped(payload.signature) { return .failure(.factoryNotAllowed) }
        let digest = payload.authorization.digest(domainSeparator: offer.domainSeparator)
        let recovered = payload.signature.withUnsafeBytes { bytes in
            Result { () throws(Secp256k1.Failure) in try Secp256k1.recover(digest: digest, signature: bytes) }
        }
        guard case .success(let signer) = recovered, signer == payload.authorization.from else {
            return .failure(.signature)
        }
        return .success(signer)
    }

    /// Proves the payer for one of several candidates, best first, and says for which. Each token's domain is tried
    /// once.
    public static func prove(
        _ payload: PaymentPayload, among candidates: [Offer]
    ) -> Result<Offer, PaymentCode> {
        var failure: PaymentCode?
        for (index, offer) in candidates.enumerated() {
            let isTried = candidates[..<index].contains { $0.domainSeparator == offer.domainSeparator }
            if isTried { continue }
            switch prove(payload, for: offer) {
            case .success: return .success(offer)
            case .failure(let code): failure = failure ?? code
            }
        }
        return .failure(failure ?? .noMatchingRequirements)
    }

    /// Recipient, exact amount, window; the first that fails, or nil.
    ///
    /// - Parameters:
    ///   - now: Unix seconds, after 1970.
    ///   - neededSeconds: what the route may take to answer and settle; `validBefore` must leave at least this.
    public static func check(
        _ payload: PaymentPayload, for offer: Offer, now: Int64, neededSeconds: Int64
    ) -> PaymentCode? {
        let authorization = payload.authorization
        if authorization.to != offer.payTo { return .recipientMismatch }
        if authorization.value != UInt256(offer.amountAtomic) { return .valueMismatch }
        let secondsLeft = authorization.validBefore.clampedToInt64 - now
        if secondsLeft < max(minimumSecondsLeft, neededSeconds) { return .validBefore }
        if authorization.validAfter.clampedToInt64 > now { return .validAfter }
        return nil
    }
}

extension PaymentCode: Error {}
