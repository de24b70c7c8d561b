import Bytes
import Chains
import JSON

/// Which offers a payment may be for, and whether its terms are an offer's. The rule is the reference SDK's for
/// Python: six fields equal, and the server's `extra` contained in the client's; addresses without regard to case.
public enum Matching {
    /// The offers a payment may be for, before its terms are looked at: same scheme and network, and in version 2
    /// asset.
    ///
    /// Those whose terms, recipient and amount it meets come first; otherwise the order stays, so pass the present
    /// revision's before a former one's. Version 1 names no asset: where a network has several, only the signature
    /// tells them apart.
    public static func candidates(for payload: PaymentPayload, among offers: [Offer]) -> [Offer] {
        let possible = offers.filter { isPossible(payload, $0) }
        guard possible.count > 1 else { return possible }
        return possible.filter { isMet(payload, $0) } + possible.filter { !isMet(payload, $0) }
    }

    /// The first of `candidates`.
    public static func candidate(for payload: PaymentPayload, among offers: [Offer]) -> Offer? {
        candidates(for: payload, among: offers).first
    }

    /// Why no offer is a candidate: no offer on that network, or none for that asset.
    public static func refusal(of payload: PaymentPayload, among offers: [Offer]) -> PaymentCode {
        offers.contains { isSameNetwork(payload, $0) } ? .noMatchingRequirements : .networkMismatch
    }

    /// Compares what the client accepted with the offer: amount, asset, payTo and maxTimeoutSeconds equal, and the
    /// offer's `extra` contained in the client's. Version 1 sends no terms: nothing to compare. Nil when they agree.
    public static func compare(_ payload: PaymentPayload, with offer: Offer) -> PaymentCode? {
        guard isPossible(payload, offer) else { return .noMatchingRequirements }
        guard let accepted = payload.accepted else { return nil }
        let agrees =
            accepted.amount == UInt256(offer.amountAtomic) && accepted.payTo == offer.payTo
            && accepted.maxTimeoutSeconds == offer.maxTimeoutSeconds && contains(accepted.extra, extraOf: offer)
        return agrees ? nil : .noMatchingRequirements
    }

    private static func isSameNetwork(_ payload: PaymentPayload, _ offer: Offer) -> Bool {
        payload.network == (payload.version == .v2 ? offer.network : offer.networkV1Name)
    }

    private static func isPossible(_ payload: PaymentPayload, _ offer: Offer) -> Bool {
        isSameNetwork(payload, offer) && (payload.accepted == nil || payload.accepted?.asset == offer.asset)
    }

    private static func isMet(_ payload: PaymentPayload, _ offer: Offer) -> Bool {
        payload.authorization.to == offer.payTo && payload.authorization.value == UInt256(offer.amountAtomic)
            && compare(payload, with: offer) == nil
    }

    /// What `ChallengeTemplate` writes into `extra`; whatever else the client put there is its own.
    private static func contains(_ extra: [UInt8], extraOf offer: Offer) -> Bool {
        extra.withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes) else { return false }
            let object = tape.root(over: bytes)
            return isText(object["name"], offer.domainName) && isText(object["version"], offer.domainVersion)
                && (!offer.settlesFirst || object["paymentFlow"]?.isString("upfront") == true)
        }
    }

    private static func isText(_ value: JSONValue?, _ text: String) -> Bool {
        value?.withString { $0.elementsEqual(text.utf8) } ?? false
    }
}
