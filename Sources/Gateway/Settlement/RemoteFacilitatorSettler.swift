import EventLoop
import Ledger
import Logging
import Payments

/// Who reads a chain for payments that a facilitator sends. On the money loop.
///
/// From `expect` to the end of one claim it alone tells the ledger what the claim's money came to, and answers whoever waits.
protocol PaymentWitness: AnyObject {
    /// Begins to look for the payment, from the chain's present block on. `reply` hears once: that it is settled, by evidence at
    /// the confirmations asked for; or, when the time is over, that its outcome is not known. Either is on disk by then, and the
    /// chain is watched on.
    func expect(
        _ claim: ClaimID, _ request: VerificationRequest, withinMilliseconds: Int,
        reply: @escaping @Sendable (Settlement) -> Void)

    /// The facilitator names this transaction for it: what a caller is shown, and a place to look; no evidence.
    func named(_ transaction: String, of claim: ClaimID)

    /// The facilitator says that no money moved. Unless the chain has shown otherwise by then, the claim has failed, and whoever
    /// waits is told so. The chain is watched on.
    func refused(_ claim: ClaimID, code: String)
}

/// Verifies and settles one payment of the config by a remote facilitator. On the money loop.
///
/// Where the network has an RPC, the chain's word counts and not the facilitator's: a success that the chain does not show in time
/// leaves the outcome unknown. Where it has none, the facilitator's word is all there is.
final class RemoteFacilitatorSettler: Settler {
    /// What the caller is told of a payment that never left.
    static let neverSent = "facilitator_unreachable"

    private let payment: String
    private let settleTimeoutMilliseconds: Int
    private let facilitator: RemoteFacilitator
    private let watch: FacilitatorWatch
    private let ledger: Ledger
    private let witness: (any PaymentWitness)?
    private let logger: Logger
    private let inbox: Inbox<RemoteFacilitatorSettler>

    /// - Parameters:
    ///   - payment: an entry of `payments:` that names the facilitator.
    ///   - witness: nil where its network has no RPC.
    ///   - loop: the money loop, which must not outlive this.
    init(
        _ payment: PaymentMethod, facilitator: RemoteFacilitator, watch: FacilitatorWatch, ledger: Ledger,
        witness: (any PaymentWitness)?, loop: EventLoop, logger: Logger
    ) throws(SystemFault) {
        self.payment = payment.name
        settleTimeoutMilliseconds = payment.settlementSeconds * 1_000
        self.facilitator = facilitator
        self.watch = watch
        self.ledger = ledger
        self.witness = witness
        self.logger = logger
        inbox = try Inbox()
        try inbox.attach(to: loop, owner: self)
    }

    var troubles: [SettlerTrouble] { watch.troubles[payment].map { [$0] } ?? [] }

    /// A payment that nobody has proven does not reach a facilitator, and contracts are read for `self` alone.
    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        reply(.refused(.signature))
    }

    /// The balance of a good payment is its amount: a facilitator says no more.
    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        let amount = request.offer.amountAtomic
        facilitator.verify(request) { verdict in
            switch verdict {
            case .good: reply(.good(balanceAtomic: amount))
            case .refused(let code):
                reply(PaymentCode(rawValue: code).map { .refused($0) } ?? .refusedByFacilitator(code: code))
            case .unreachable(let detail): reply(.unreachable(detail))
            }
        }
    }

    func settle(
        _ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let claim = ticket.id
        ledger.sending(ticket, transaction: nil) { [inbox] sending in
            switch sending {
            case .go: inbox.post { $0.send(claim, request, reply) }
            case .alreadyPaid(let transaction, let mayForward):
                reply(.settled(transaction: transaction, mayForward: mayForward))
            case .refused(let code): reply(.refused(code: code))
            case .unavailable(let reason): reply(.unavailable(reason: reason))
            }
        }
    }

    /// The claim is `sent` on disk.
    private func send(
        _ claim: ClaimID, _ request: VerificationRequest, _ reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let time = settleTimeoutMilliseconds
        // Before the facilitator is asked, so that no block passes unseen.
        witness?.expect(claim, request, withinMilliseconds: time, reply: reply)
        facilitator.settle(request, withinMilliseconds: time) { [self] outcome in
            if case .unknown(_, let detail) = outcome {
                logger.warning(
                    "\(facilitator.settings.name) leaves open whether it settled",
                    metadata: ["claim": "\(claim.idempotencyKey)", "cause": "\(detail)"])
            }
            if let witness { return tell(witness, outcome, claim) }
            ledger.evidence(claim, Self.evidence(outcome)) { reply(Self.settlement($0)) }
        }
    }

    private func tell(_ witness: any PaymentWitness, _ outcome: FacilitatorOutcome, _ claim: ClaimID) {
        switch outcome {
        case .settled(let transaction): witness.named(transaction, of: claim)
        case .unknown(let transaction, _): if let transaction { witness.named(transaction, of: claim) }
        case .refused(let code): witness.refused(claim, code: code)
        case .notSent: witness.refused(claim, code: Self.neverSent)
        }
    }

    /// The facilitator's word, where there is no other.
    static func evidence(_ outcome: FacilitatorOutcome) -> Evidence {
        switch outcome {
        case .settled(let transaction): .settled(transaction: transaction, block: nil)
        case .refused(let code): .refused(code: code)
        case .unknown(let transaction, _): .unknown(transaction: transaction)
        case .notSent: .refused(code: neverSent)
        }
    }

    private static func settlement(_ outcome: EvidenceOutcome) -> Settlement {
        switch outcome {
        case .settlement(let settlement): settlement
        case .recorded(let state): .unavailable(reason: "the claim is \(state.rawValue)")
        case .refused: .unavailable(reason: "the claim is not in flight")
        case .unavailable(let reason): .unavailable(reason: reason)
        }
    }
}
