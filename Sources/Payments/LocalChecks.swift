import Bytes
import Chains

/// The checks of `exact` on EVM that need no chain (x402.md §3). Pure: the clock is an argument.
public enum LocalChecks {
    /// Seconds that must be left of a window whatever the route needs, for the transaction to be mined.
    public static let minimumSecondsLeft: Int64 = 6

    /// Proves the payer: 65 bytes, low s, and the digest under the offer's domain recovers to `from`.
    ///
    /// A failure may still be a contract's signature (EIP-1271), which only the chain can judge.
    /// What to tell the caller is the business of `refusalOfUnproven`.
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

    /// Proves the payer for one of several candidates, best first, and says for which: each token's domain is tried once.
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
    ///   - now: Unix seconds.
    ///   - neededSeconds: what the route may take to answer and settle; `validBefore` must leave at least this.
    public static func check(
        _ payload: PaymentPayload, for offer: Offer, now: Int64, neededSeconds: Int64
    ) -> PaymentCode? {
        let authorization = payload.authorization
        if authorization.to != offer.payTo { return .recipientMismatch }
        if authorization.value != UInt256(offer.amountAtomic) { return .valueMismatch }
        if authorization.validBefore.clampedToInt64 < now + max(minimumSecondsLeft, neededSeconds) {
            return .validBefore
        }
        if authorization.validAfter.clampedToInt64 > now { return .validAfter }
        return nil
    }

    /// The code for a payment that `prove` refused with `code`: x402.md §3 asks for the first failing check, and the signature is
    /// the last of them, though money.md has it looked at first.
    public static func refusalOfUnproven(
        _ payload: PaymentPayload, for offer: Offer, code: PaymentCode, now: Int64, neededSeconds: Int64
    ) -> PaymentCode {
        Matching.compare(payload, with: offer)
            ?? check(payload, for: offer, now: now, neededSeconds: neededSeconds) ?? code
    }
}

extension PaymentCode: Error {}
