import Chains
import JSON
import Payments

/// What a facilitator's answer to `/verify` means.
enum FacilitatorVerdict: Hashable, Sendable {
    case good
    case refused(code: String)
    /// Nobody could say: nothing is claimed. The text is for the operator.
    case unreachable(String)

    /// - Parameters:
    ///   - status: of the HTTP answer. Bodies of any status are read, since facilitators refuse by 200 and by 400 alike; but only
    ///     200 says that a payment is good.
    init(status: Int, body: [UInt8], for request: VerificationRequest) {
        let read = FacilitatorMessages.object(body) { object -> FacilitatorVerdict? in
            guard let isValid = object["isValid"]?.bool else { return nil }
            guard FacilitatorMessages.isOurs(payer: object, request) else {
                return .unreachable("it answers for another payer")
            }
            if !isValid {
                let reason = FacilitatorReason(FacilitatorMessages.text(object, "invalidReason"))
                if reason.isDefinite { return .refused(code: reason.code) }
                return .unreachable("it could not verify: \(reason.code)")
            }
            guard status == 200 else { return .unreachable("it says valid under status \(status)") }
            return .good
        }
        self = read ?? .unreachable("its answer of status \(status) says nothing of the payment")
    }
}

/// What a facilitator's answer to one `/settle` means.
enum FacilitatorSettlement: Hashable, Sendable {
    /// It says that the money is ours, by this transaction.
    case settled(transaction: String)
    /// It says that no money moved, and why.
    case refused(code: String, isFromChain: Bool)
    /// It has sent the transaction and waits: the same `/settle` asks again.
    case pending(transaction: String?)
    /// Money may have moved. The text is for the operator.
    case unknown(transaction: String?, String)

    /// - Parameter status: of the HTTP answer. Only 200 says that money moved; refusals are read under any status.
    init(status: Int, body: [UInt8], for request: VerificationRequest) {
        let read = FacilitatorMessages.object(body) { object -> FacilitatorSettlement? in
            guard let success = object["success"]?.bool else { return nil }
            let transaction = TransactionHash.parse(object["transaction"]?.string)
            let errorReason = FacilitatorMessages.text(object, "errorReason")
            func doubt(_ detail: String) -> FacilitatorSettlement { .unknown(transaction: transaction, detail) }
            guard FacilitatorMessages.isOurs(payer: object, request) else {
                return doubt("it answers for another payer")
            }
            let network = FacilitatorMessages.text(object, "network")
            let isOurNetwork =
                network == .text(request.offer.network) || network == .text(request.offer.networkV1Name)
            if !success {
                guard isOurNetwork || network == .none else { return doubt("it answers for another network") }
                return Self.failure(
                    FacilitatorReason(errorReason), transaction,
                    hasTransaction: FacilitatorMessages.text(object, "transaction") != .none)
            }
            guard status == 200 else { return doubt("it says settled under status \(status)") }
            guard errorReason == .none else { return doubt("it says settled, and why not") }
            guard isOurNetwork else { return doubt("it says settled, and not on our network") }
            guard let transaction else { return doubt("it says settled and names no transaction") }
            switch FacilitatorMessages.text(object, "amount") {
            case .none: break
            case .text("\(request.offer.amountAtomic)"): break
            default: return doubt("it says settled of another amount")
            }
            return .settled(transaction: transaction)
        }
        self = read ?? .unknown(transaction: nil, "its answer of status \(status) says nothing of the settlement")
    }

    /// A `success: false`. What names a transaction, or says that the authorization is used, speaks of something that reached the
    /// chain: it is a refusal only where it says that the transaction failed there.
    private static func failure(
        _ reason: FacilitatorReason, _ transaction: String?, hasTransaction: Bool
    ) -> FacilitatorSettlement {
        if reason.code == PaymentCode.settlementPending.rawValue { return .pending(transaction: transaction) }
        if chainFailures.contains(reason.code) { return .refused(code: reason.code, isFromChain: true) }
        let isUsed = reason.code == PaymentCode.nonceAlreadyUsed.rawValue
        if !reason.isDefinite || hasTransaction || isUsed {
            return .unknown(transaction: transaction, "it did not settle for sure: \(reason.code)")
        }
        return .refused(code: reason.code, isFromChain: false)
    }

    /// The transaction is on the chain and moved nothing.
    private static let chainFailures = [
        PaymentCode.transactionFailed.rawValue, PaymentCode.eventMismatch.rawValue, "invalid_transaction_state",
    ]
}

extension FacilitatorMessages {
    /// Whether an answer's `payer`, where there is one, is who signed.
    fileprivate static func isOurs(payer object: JSONValue, _ request: VerificationRequest) -> Bool {
        switch text(object, "payer") {
        case .none: true
        case .text(let text): Address.parse(text)?.address == request.payload.authorization.from
        case .malformed: false
        }
    }
}
