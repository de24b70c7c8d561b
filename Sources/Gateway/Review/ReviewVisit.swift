import Bytes
import Ledger

/// What an exchange has to do with a review, beside a purchase or without one.
final class ReviewVisit {
    enum Errand {
        /// Its payment has to wait, for this reason.
        case entering(why: String)
        /// Somebody asks at a review's URL.
        case asking(url: Bytes32)
        /// The stored request is in the place of that one: it is paid at the URL, or its terms are told with this code.
        case paying(ClaimID, code: String)
        /// Nobody asks: the stored request runs with the payment that waited.
        case running(ReviewRun)
        case deciding(ClaimID, ReviewDecision)
        case listing
    }

    var errand: Errand
    /// Of the stored request, until it is collected.
    private var body: [UInt8]?
    /// Where the stored request came from.
    private(set) var callerAddress: [UInt8]?

    // What was asked of the ledger, and its answer.
    private var isAsked = false
    var held: ReviewHeld?
    var standing: ReviewStanding?
    var decided: ReviewDecided?
    /// Nil within: the ledger takes nothing.
    var reviews: [ReviewRecord]??

    /// What the payment waits at.
    let url: ReviewURL?
    /// Of a paid answer that is given at the URL for the first time.
    var ticket: Ticket?
    /// The ledger let the stored request run.
    var wasClaimed = false

    init(_ errand: Errand) {
        self.errand = errand
        if case .entering = errand { url = ReviewURL() } else { url = nil }
    }

    /// True for the first who asks.
    func isFirstToAsk() -> Bool {
        defer { isAsked = true }
        return !isAsked
    }

    func takes(_ request: ReviewRequest) {
        body = request.body
        callerAddress = Array(request.callerAddress.utf8)
    }

    func takeBody() -> [UInt8]? { body.take() }

    /// What the ledger is to know of it.
    var pass: ReviewPass? {
        switch errand {
        case .running(let run): .stored(run.id)
        case .paying(let id, _): .paid(id)
        case .entering, .asking, .deciding, .listing: nil
        }
    }

    /// The request is a stored one, not what came on the connection.
    var hasStoredRequest: Bool { pass != nil }

    /// Why the terms of the stored request are told.
    var challengeCode: String? {
        if case .paying(_, let code) = errand { code } else { nil }
    }
}
