import Bytes

/// One proven payment that asks for its exchange: steps 3 to 8 of the order of work, in one request to the ledger.
public struct Admission: Sendable {
    public var key: ClaimKey
    /// Hash of method, host, canonical target and (unless `bind` is `.head`) body.
    public var binding: Bytes32
    public var bind: BindMode
    public var order: SettleOrder
    public var amountAtomic: UInt128
    public var payTo: Bytes20
    /// End of the authorization's window, in Unix seconds, saturated to Int64.
    public var validBefore: Int64
    /// What the window must still hold when the claim is taken: the route's total time-out (under `after`) and the settlement.
    /// Asked again by the ledger because waiting for a lease uses up the window.
    public var neededSeconds: Int64
    /// The sandbox grants 10 × 10^decimals of each asset.
    public var assetDecimals: Int
    public var facilitator: ClaimFacilitator
    /// The code of a fault in the terms (step 4), found by the caller; answered only if the key is not known.
    public var termsFault: String?
    public var route: String
    public var revision: Int
    /// Method and target, for people who read the ledger.
    public var request: String
    public var redeliver: Redelivery
    /// GET, HEAD, PUT or DELETE (RFC 9110 §9.2.2).
    public var isIdempotent: Bool
    /// What the payer calls the payment (extension `payment-identifier`), as it was read: 16 to 128 safe characters.
    public var paymentID: String?
    /// How long an owed claim may be redeemed, in seconds since it became owed.
    public var redeliverForSeconds: Int64
    /// Leases of this wallet for this order.
    public var inFlightPerWallet: Int
    public var leaseWaitMilliseconds: Int
    /// Presentations of this wallet that may wait for a lease of this order.
    public var leaseQueue: Int
    /// The policies whose bounds count this payment, in the route's order; each name once.
    public var bounds: [BoundPolicy]
    /// What else it must pass.
    public var gate: AdmissionGate

    public init(
        key: ClaimKey, binding: Bytes32, bind: BindMode = .body, order: SettleOrder = .after, amountAtomic: UInt128,
        payTo: Bytes20, validBefore: Int64, neededSeconds: Int64, assetDecimals: Int,
        facilitator: ClaimFacilitator = .sandbox, termsFault: String? = nil, route: String, revision: Int,
        request: String,
        redeliver: Redelivery = .safe, isIdempotent: Bool, paymentID: String? = nil, redeliverForSeconds: Int64 = 600,
        inFlightPerWallet: Int, leaseWaitMilliseconds: Int = 10_000, leaseQueue: Int = 64,
        bounds: [BoundPolicy] = [], gate: AdmissionGate = .open
    ) {
        self.key = key
        self.binding = binding
        self.bind = bind
        self.order = order
        self.amountAtomic = amountAtomic
        self.payTo = payTo
        self.validBefore = validBefore
        self.neededSeconds = neededSeconds
        self.assetDecimals = assetDecimals
        self.facilitator = facilitator
        self.termsFault = termsFault
        self.route = route
        self.revision = revision
        self.request = request
        self.redeliver = redeliver
        self.isIdempotent = isIdempotent
        self.paymentID = paymentID
        self.redeliverForSeconds = redeliverForSeconds
        self.inFlightPerWallet = inFlightPerWallet
        self.leaseWaitMilliseconds = leaseWaitMilliseconds
        self.leaseQueue = leaseQueue
        self.bounds = bounds
        self.gate = gate
    }
}

/// Names one presentation for `Ledger.callerGone`, from the call of `admit` on.
public struct AdmissionToken: Hashable, Sendable {
    let number: UInt64
}

/// What the ledger says to an admission. Everything but a waiting is durable when this arrives.
public enum Admitted: Sendable {
    /// The authorization is taken, on disk: effects may follow.
    case claimed(Ticket)
    /// The lease is held, nothing is claimed and nothing written: read the chain, or ask the remote facilitator, then `Ledger.claim`
    /// or `Ledger.release`.
    case verify(LeaseHold)
    /// An owed claim went back to `running`, on disk: one of this wallet and binding, or the very payment's that comes again with its
    /// identifier. No authorization is taken and nothing charged; the receipt names the old transaction. With an answer, that is
    /// given to the caller and the upstream is not asked: it is no rerun.
    case redeemed(Ticket, transaction: String, answer: StoredAnswer?)
    /// The payment comes again with its identifier, was delivered, and its answer is kept still: it is given again. There is no ticket,
    /// nothing changes, and the receipt names the old transaction.
    case stored(StoredAnswer, transaction: String)
    /// Another payment came with this identifier and holds it: 409, `"charged": false`.
    case idConflict
    /// 402 with this code and fresh terms.
    case refused(code: String)
    /// The same payment, or one that this retry waits for, is still in flight after 30 s: 409.
    case stillInFlight(retryAfterSeconds: Int)
    /// Sent and not known yet: 402 `settlement_pending`, never an invitation to pay again.
    case pending(transaction: String)
    /// 429, `"charged": false`.
    case leaseBusy(LeaseTrouble, retryAfterSeconds: Int)
    /// A bound is reached: 429, `"charged": false`.
    case bounded(BoundRefusal)
    /// A gate is shut for this wallet or route: 403, `"charged": false`.
    case denied(GateRefusal)
    /// A person has to look at it first: everything else was found good, the lease is held, nothing is claimed and nothing written.
    /// The reason is the raw value of a `GateRefusal.Code`.
    case review(LeaseHold, reason: String)
    /// Owed, and the upstream may not be asked again: 502 `outcome_unknown`.
    case outcomeUnknown(transaction: String)
    /// The ledger takes no payments: 503, nothing claimed, nothing charged.
    case unavailable(reason: String)
}

/// Why a lease was not had; the raw value is the machine-readable reason.
public enum LeaseTrouble: String, Sendable {
    /// `lease_queue` presentations of this wallet wait already.
    case queueFull = "lease_queue_full"
    /// `lease_wait` is over.
    case timedOut = "lease_timeout"
}

/// How a settlement went.
public enum Settlement: Sendable {
    /// Charged, on disk. With `mayForward` the claim is `running` already (order `first`) and `forwarding` need not be asked.
    case settled(transaction: String, mayForward: Bool)
    /// Not charged, and will not be (`failed`): 402 with this code, the answer withheld. The lease has ended.
    case refused(code: String)
    /// `unknown`: 402 `settlement_pending`. The lease has ended.
    case pending(transaction: String)
    /// Nothing is known to be charged: 503, the answer withheld.
    case unavailable(reason: String)
}

/// Whether the upstream may be asked.
public enum Forwarding: Sendable {
    /// `running` is on disk.
    case go
    case unavailable(reason: String)
}

/// How an exchange with a ticket ended.
public enum ExchangeEnd: Sendable {
    /// The last byte was taken by the socket (and acknowledged where the peer had closed its sending side).
    case delivered
    /// Paid for, and not all of it reached the caller. `noRequestByteWritten`: the upstream has seen nothing of this attempt.
    case undelivered(noRequestByteWritten: Bool)
    /// Not to be charged: upstream down, answer not chargeable, truncated or above the limit. Only before `sent`.
    case uncharged(reason: String)
}
