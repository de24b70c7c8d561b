import Bytes

@testable import Ledger

/// Reviews at a desk.
extension Desk {
    /// Presents a payment that has to wait, and has it wait.
    func enter(
        _ admission: Admission, url: Int, limits: ReviewLimits = ReviewLimits(), request: ReviewRequest = .sample
    ) -> String {
        let admitted = admit(admission)
        guard case .review(let hold, _) = admitted.value else { return admitted.text }
        let held = Answer<ReviewHeld>()
        hold.didEnd()
        post(
            .review(
                .hold(
                    hold.name, request, why: "breaker_open", url: Pay.bytes32(url), limits, held.callback)))
        return held.value.map(Self.text) ?? "no answer"
    }

    static func text(_ held: ReviewHeld) -> String {
        switch held {
        case .waiting(_, let position): "waiting \(position)"
        case .rejected(let remark): "rejected \(remark ?? "")"
        case .full(let ofWallet): ofWallet ? "wallet full" : "full"
        case .otherwise(let admitted):
            switch admitted {
            case .refused(let code): "refused \(code)"
            case .stillInFlight: "stillInFlight"
            default: "\(admitted)"
            }
        }
    }

    func standing(url: Int) -> ReviewStanding {
        tokens += 1
        let answer = Answer<ReviewStanding>()
        post(.review(.poll(url: Pay.bytes32(url), AdmissionToken(number: tokens), answer.callback)))
        return answer.value ?? .unavailable(reason: "no answer")
    }

    func decide(_ admission: Admission, _ decision: ReviewDecision) throws -> ReviewDecided {
        let id = try claim(admission)?.id ?? ClaimID(row: 999, ledger: core.store.mark)
        let answer = Answer<ReviewDecided>()
        post(.review(.decide(id, decision, answer.callback)))
        return answer.value ?? .unavailable(reason: "no answer")
    }

    /// The approved requests that are given to be run now.
    func takeApproved(atMost count: Int = 8) -> [ReviewRun] {
        let runs = Answer<[ReviewRun]>()
        post(.review(.take(atMost: count) { given, _ in runs.callback(given) }))
        return runs.value ?? []
    }

    func ended(_ run: ReviewRun, refusal: String? = nil) {
        run.didEnd()
        post(.review(.runEnded(row: run.id.row, refusal: refusal)))
    }
}

extension ReviewRequest {
    static let sample = ReviewRequest(
        head: Array("POST /v1/emails HTTP/1.1\r\nHost: api\r\n".utf8), payment: Array("X-PAYMENT: e30=\r\n".utf8),
        body: Array("{}".utf8), paymentVersion: 2, callerAddress: "192.0.2.7")
}

extension ReviewStanding {
    /// A short name, for tables.
    var text: String {
        switch self {
        case .unknown: "unknown"
        case .waiting: "waiting"
        case .running: "running"
        case .rejected(let remark): "rejected \(remark ?? "")"
        case .expired: "expired"
        case .needsPayment(_, _, let code): "needs payment: \(code)"
        case .pending: "pending"
        case .answered(let ticket, let answer, _): "answered \(answer.status)\(ticket == nil ? " again" : "")"
        case .erased: "erased"
        case .unavailable(let reason): "unavailable \(reason)"
        }
    }

    var ticket: Ticket? {
        if case .answered(let ticket, _, _) = self { ticket } else { nil }
    }
}

extension Pay {
    static let late402 = "needs payment: invalid_exact_evm_payload_authorization_valid_before"

    /// A payment that a person has to see first.
    static func reviewed(
        wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after, amount: UInt128 = 1
    ) -> Admission {
        var admission = admission(wallet: wallet, nonce: nonce, binding: binding, order: order, amount: amount)
        admission.gate.breaker = AdmissionGate.OpenBreaker(name: "breaker", then: .review, retryAfterSeconds: 60)
        return admission
    }

    /// The same by way of an approved review.
    static func passing(_ admission: Admission, _ pass: ReviewPass) -> Admission {
        var admission = admission
        admission.review = pass
        admission.gate.isApproved = true
        return admission
    }
}
