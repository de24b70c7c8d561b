import Bytes
import Chains
import JSON

/// Which offer a payment is for, and whether its terms are that offer's (x402.md §2).
public enum Matching {
    /// The offers a payment may be for, before its terms are looked at: same scheme and network, and asset in version 2.
    ///
    /// Several offers may differ in what they ask (a former revision in grace beside the present one): pass them in order of preference.
    public static func candidate(for payload: PaymentPayload, among offers: [Offer]) -> Offer? { nil }

    /// Why no offer is a candidate.
    public static func refusal(of payload: PaymentPayload, among offers: [Offer]) -> PaymentCode {
        .noMatchingRequirements
    }

    /// Compares what the client accepted with the offer: amount, asset, payTo and maxTimeoutSeconds equal, and the offer's
    /// `extra` contained in the client's. Version 1 sends no terms: nothing to compare. Nil when they agree.
    public static func compare(_ payload: PaymentPayload, with offer: Offer) -> PaymentCode? {
        .noMatchingRequirements
    }
}
