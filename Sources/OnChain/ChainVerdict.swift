/// What the chain says of a payment.
public enum ChainVerdict: Hashable, Sendable {
    /// - Parameter balanceAtomic: what the payer holds of the token; nil where it was not asked.
    case good(balanceAtomic: UInt128?)
    case refused(PaymentRefusal)
    /// Nobody could say; the text is for the operator.
    case unreachable(String)
}

/// A verdict, with what was learned on the way that holds for a while.
public struct ChainJudgement: Hashable, Sendable {
    public var verdict: ChainVerdict
    /// Whether code stands at the payer; nil where it was not asked.
    public var payerHasCode: Bool?
    /// Code stands at the token.
    public var tokenHasCode = false

    init(_ verdict: ChainVerdict, payerHasCode: Bool? = nil, tokenHasCode: Bool = false) {
        self.verdict = verdict
        self.payerHasCode = payerHasCode
        self.tokenHasCode = tokenHasCode
    }
}
