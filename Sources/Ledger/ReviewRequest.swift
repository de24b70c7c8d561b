import Bytes

/// A request with its payment as it waits for a person: enough to run it without its caller.
public struct ReviewRequest: Sendable, Hashable {
    /// Request line and field lines, each with its line end, but the payment's: with those and an empty line, a head to be read again.
    public var head: [UInt8]
    /// The payment's field line.
    public var payment: [UInt8]
    public var body: [UInt8]
    /// Version of the payment's messages, 1 or 2: the receipt is written in it.
    public var paymentVersion: Int
    /// Where the request came from, as `X-Forwarded-For` names it.
    public var callerAddress: String

    public init(
        head: [UInt8], payment: [UInt8], body: [UInt8], paymentVersion: Int, callerAddress: String
    ) {
        self.head = head
        self.payment = payment
        self.body = body
        self.paymentVersion = paymentVersion
        self.callerAddress = callerAddress
    }
}

/// How much may wait for a person, and how long.
public struct ReviewLimits: Sendable, Hashable {
    public var perWallet: Int
    public var total: Int
    /// How long an undecided review waits, and a decided one is remembered.
    public var keepSeconds: Int64

    public init(perWallet: Int = 3, total: Int = 1000, keepSeconds: Int64 = 7 * 86_400) {
        self.perWallet = perWallet
        self.total = total
        self.keepSeconds = keepSeconds
    }
}

/// What a person, or time, has said of a review; a row holds the raw value.
public enum ReviewState: String, CaseIterable, Sendable {
    case waiting
    case approved
    case rejected
    /// Nobody decided within `keep`.
    case expired
}

/// How an admission comes by a review that a person has approved.
public enum ReviewPass: Sendable, Hashable {
    /// With the authorization that waits there.
    case stored(ClaimID)
    /// With one that was paid at the review's URL.
    case paid(ClaimID)

    var review: ClaimID {
        switch self {
        case .stored(let id), .paid(let id): id
        }
    }
}

/// One review as people see it. Times in Unix seconds.
public struct ReviewRecord: Sendable, Hashable {
    /// The claim whose authorization came with the request; it names the review.
    public let claim: ClaimRecord
    /// The state of the claim that runs it: the same, or one that was paid at the URL.
    public let runState: ClaimState
    public let state: ReviewState
    /// Why it had to wait: a stable code.
    public let why: String
    /// Where the request came from.
    public let callerAddress: String
    public let bodyBytes: Int
    /// The request itself; nil in lists, which may be long.
    public internal(set) var request: ReviewRequest?
    public let createdAt: Int64
    public let decidedAt: Int64?
    /// What was said at the decision.
    public let remark: String?
    public let expiresAt: Int64

    public var id: ClaimID { claim.id }
}

/// What became of a request that was to wait.
public enum ReviewHeld: Sendable {
    /// It waits, on disk; `position` counts all that wait, this one too.
    case waiting(ClaimID, position: Int)
    /// This very authorization was rejected: nothing waits.
    case rejected(remark: String?)
    /// The wallet, or everybody together, has as much waiting as may.
    case full(ofWallet: Bool)
    /// The hold is over, or the payment is another claim's by now: as `Admitted` says.
    case otherwise(Admitted)
}

/// A person's word on a review.
public enum ReviewDecision: Sendable, Hashable {
    case approve
    case reject(remark: String?)
}

/// What became of a person's word; durable when it is told.
public enum ReviewDecided: Sendable, Hashable {
    /// `runs`: the authorization is good still, the request is to be run now.
    case approved(runs: Bool)
    case rejected
    /// Decided before.
    case already(ReviewState)
    case notFound
    case unavailable(reason: String)
}

/// What a receipt tells of a claim that is paid.
public struct ReviewReceipt: Sendable, Hashable {
    public let key: ClaimKey
    public let amountAtomic: UInt128
    public let transaction: String
    /// 1 or 2.
    public let paymentVersion: Int
}

/// What the URL of a review answers.
public enum ReviewStanding: Sendable {
    /// No review has this URL.
    case unknown
    case waiting
    /// It runs, or is about to.
    case running
    case rejected(remark: String?)
    case expired
    /// Approved, and no authorization is there to run it with; `code` says why.
    case needsPayment(ClaimID, ReviewRequest, code: String)
    /// Sent and not known yet.
    case pending(ReviewReceipt)
    /// Paid for. With a ticket the answer has not been delivered before: `Ledger.ended` says whether it was now.
    case answered(Ticket?, StoredAnswer, ReviewReceipt)
    /// Delivered before, and not stored any more.
    case erased(ReviewReceipt)
    case unavailable(reason: String)
}
