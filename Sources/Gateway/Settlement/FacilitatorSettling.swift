/// How a settlement at a facilitator ended.
enum FacilitatorOutcome: Hashable, Sendable {
    /// By the facilitator's word: where the chain can be read, it is asked before this counts.
    case settled(transaction: String)
    /// Not charged, and will not be, by the facilitator's word.
    case refused(code: String)
    /// Money may have moved. The text is for the operator.
    case unknown(transaction: String?, String)
    /// No byte of the payment ever left: it is not charged.
    case notSent(String)
}

/// One settlement at a facilitator: what to do after each `/settle`. A value, without a clock.
///
/// What was written once may have been acted on, and is not said again, because a second answer could then refuse what the first
/// call had paid. Only a facilitator that says `settlement_pending` is asked again: by that it promises to wait for what it sent.
struct FacilitatorSettling {
    enum Heard: Hashable {
        case answer(FacilitatorSettlement)
        /// No whole answer. `wasSent`: a byte of the request left.
        case fault(String, wasSent: Bool)
    }

    enum Step: Hashable {
        case again(afterMilliseconds: Int)
        case done(FacilitatorOutcome)
    }

    private static let firstPauseMilliseconds = 250
    private static let longestPauseMilliseconds = 4_000

    private var pause = firstPauseMilliseconds
    private var isPending = false
    private var transaction: String?

    /// - Parameter remainingMilliseconds: until the settlement's deadline.
    mutating func next(_ heard: Heard, remainingMilliseconds: Int) -> Step {
        switch heard {
        case .answer(.settled(let transaction)): return .done(.settled(transaction: transaction))
        case .answer(.refused(let code, let isFromChain)):
            // What it had sent may be what makes it refuse now.
            if !isPending || isFromChain { return .done(.refused(code: code)) }
            return again(remainingMilliseconds, "it said pending, then \(code)")
        case .answer(.pending(let transaction)):
            isPending = true
            self.transaction = transaction ?? self.transaction
            return again(remainingMilliseconds, "it is pending")
        case .answer(.unknown(let transaction, let detail)):
            self.transaction = self.transaction ?? transaction
            return isPending ? again(remainingMilliseconds, detail) : .done(.unknown(transaction: transaction, detail))
        case .fault(let detail, let wasSent):
            if wasSent && !isPending { return .done(.unknown(transaction: nil, detail)) }
            return again(remainingMilliseconds, detail)
        }
    }

    private mutating func again(_ remaining: Int, _ detail: String) -> Step {
        guard pause < remaining else {
            return .done(isPending ? .unknown(transaction: transaction, detail) : .notSent(detail))
        }
        defer { pause = min(pause * 2, Self.longestPauseMilliseconds) }
        return .again(afterMilliseconds: pause)
    }
}
