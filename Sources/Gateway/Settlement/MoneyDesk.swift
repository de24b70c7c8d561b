import Chains
import Ledger
import Payments

/// Proves, verifies and settles what the sandbox does not: on a chain by our own relayer, or by a remote facilitator.
///
/// Every method may be called from any thread, returns at once, and answers by its closure, once, on a thread of the desk's
/// own: the closure posts itself to its loop and does nothing else where it is called.
protocol MoneyDesk: Sendable {
    /// Whether a payment that no key of a plain account signed was signed by its payer all the same: by the contract at the
    /// account (EIP-1271), or by one that an allowed factory would deploy there (ERC-6492). Changes nothing.
    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void)

    /// Whether the payment would settle now, and what its payer holds. Changes nothing.
    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void)

    /// Moves the money of a claim, and answers when the ledger holds how it went.
    func settle(_ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void)

    /// What keeps payments from being verified or settled now, or soon will; empty when all is well.
    var troubles: [PaymentTrouble] { get }
}

/// What is wrong with a way to pay, for the load balancer and the operator.
struct PaymentTrouble: Sendable, Hashable {
    /// The payment's name in the configuration.
    let payment: String
    /// Stable, for programs: `rpc_unreachable`, `low_balance`.
    let code: String
    /// Which of several it is about: a relayer's address; empty where there is one only.
    var subject = ""
    /// For people.
    let detail: String
}

/// One payment as it is shown to a chain or a facilitator.
struct VerificationRequest: Sendable {
    /// Who settles, where, and on which terms.
    let offer: Offer
    let payload: PaymentPayload
    /// The absolute URL that is paid for, as the 402 names it.
    let resourceURL: String
    /// Other payments of the wallet are in flight: its whole balance has to be known.
    var readsBalance = true
}

/// What a chain or a facilitator says of a payment before anything is claimed.
enum Verdict: Sendable {
    /// - Parameter balanceAtomic: what the payer holds of the asset, or the least that is known of it; nil where it was not
    ///   asked for: the amount at least.
    case good(balanceAtomic: UInt128?)
    /// 402 with this code.
    case refused(PaymentCode)
    /// 402 with a facilitator's own code: lower-case letters, digits and `_`, at most 64.
    case refusedByFacilitator(code: String)
    /// Nobody could say: 503, nothing claimed. The text is for the operator.
    case unreachable(String)
}
