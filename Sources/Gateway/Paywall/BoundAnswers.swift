import Ledger

/// The answers to who is beyond a bound, or not let in at all: which policy says so, what is left, and when to come back.
extension Answer {
    static func bounded(_ refusal: BoundRefusal) -> Answer {
        let when = refusal.retryAfterSeconds == nil ? "This price is above all of it" : "Come back later"
        var answer = Answer.uncharged(
            429, refusal.code.rawValue,
            "The policy \(refusal.policy) lets no more through now. \(when). Nothing was charged.",
            retryAfterSeconds: refusal.retryAfterSeconds)
        answer.policy = refusal.policy
        answer.left = refusal.leftText
        return answer
    }

    static func denied(_ refusal: GateRefusal) -> Answer {
        let reason =
            switch refusal.code {
            case .walletUnproven: "wants more of this wallet first"
            case .breakerOpen: "lets nobody through now"
            }
        var answer = Answer.uncharged(
            403, refusal.code.rawValue, "The policy \(refusal.policy) \(reason). Nothing was charged.",
            retryAfterSeconds: refusal.retryAfterSeconds)
        answer.policy = refusal.policy
        answer.missing = refusal.missing
        return answer
    }

    static func walletDenied(policy: String) -> Answer {
        var answer = Answer.uncharged(
            403, "wallet_denied", "The policy \(policy) denies this wallet. Nothing was charged.")
        answer.policy = policy
        return answer
    }

    static func addressUnpaid(policy: String, retryAfterSeconds: Int) -> Answer {
        overRate(
            "address_unpaid", "Too many requests of this address came without a payment that proves its payer.",
            policy: policy, retryAfterSeconds: retryAfterSeconds)
    }

    static func addressFree(policy: String, retryAfterSeconds: Int) -> Answer {
        overRate(
            "address_free", "Too many free requests came of this address.", policy: policy,
            retryAfterSeconds: retryAfterSeconds)
    }

    static func customerRate(retryAfterSeconds: Int) -> Answer {
        overRate(
            "customer_rate", "Too many requests came with this key.", policy: nil,
            retryAfterSeconds: retryAfterSeconds)
    }

    private static func overRate(
        _ code: String, _ message: String, policy: String?, retryAfterSeconds: Int
    ) -> Answer {
        var answer = Answer.uncharged(429, code, message, retryAfterSeconds: retryAfterSeconds)
        answer.policy = policy
        answer.left = "0"
        return answer
    }

    /// `charge_when` asks for a value that the answer does not let be read: it is neither charged nor shown.
    static var answerUnreadable: Answer {
        .uncharged(
            502, "answer_unreadable",
            "The API's answer cannot be looked into, which decides about its charge. Nothing was charged.")
    }
}
