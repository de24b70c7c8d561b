import Bytes
import Chains
import Digests
import HTTP
import Ledger
import Payments

/// What one exchange buys: the proven payment, the terms it was made for, and how far it has come.
///
/// The ledger alone says what is true of the money; this holds what it said.
final class Purchase {
    static let acknowledgementCheckNanoseconds: UInt64 = 20_000_000
    /// Five seconds in all.
    static let acknowledgementChecksAtMost = 250

    let payload: PaymentPayload
    let offer: Offer
    let terms: Terms
    /// Number of the revision whose terms these are.
    let revision: Int
    let payer: Address
    /// `payer` with its checksum, which costs a hash.
    private(set) lazy var payerText = payer.checksummed
    /// Why the terms are not met; counts only if the ledger does not know the payment already.
    let termsFault: PaymentCode?

    /// The binding is being computed over the body, which is kept to be sent upstream.
    private(set) var collectsBody: Bool
    var body: SpillBuffer?
    var bindingHash = SHA256()
    var bindingHasBegun = false
    private(set) var binding = Bytes32.zero

    /// The signature is the payer's own key's; otherwise a contract has to stand for it.
    let isProven: Bool
    /// What a chain or a facilitator said of the payment, until it is acted upon.
    var verdict: Verdict?
    private var isBeingVerified = false
    private var hold: LeaseHold?

    var token: AdmissionToken?
    var admitted: Admitted?
    /// What the ledger said has been acted upon.
    var admissionIsTaken = false
    /// Held from the claim to its end.
    var ticket: Ticket?
    var settlementIsAsked = false
    var settlement: Settlement?
    /// The money is ours: by this exchange's settlement, or by an earlier one that this redeems.
    private(set) var isPaid = false
    private(set) var isRerun = false
    private(set) var transaction = ""

    var requestBytesWritten = false
    /// The upstream's status, once it answered.
    var answerStatus: Int?
    /// The caller was given the upstream's whole answer, not one of ours.
    var answerIsUpstreams = false
    /// Status line and field lines, without the gateway's own.
    var heldHead = ByteBuffer()
    var heldStatusLineBytes = 0
    private(set) var heldBody: SpillBuffer?
    var heldHasBody = false
    var heldAllowsOrigin = false
    /// The answer is one that was kept: the upstream was not asked for it.
    var givesStored = false
    /// A copy of the answer that streams by, while it fits what is kept.
    var copiedAnswer: AnswerCopy?
    /// The held bytes are compressed, or otherwise not what they stand for.
    var heldIsCoded = false
    private(set) var holdsAnswer = false
    var voidReason = "the exchange ended early"

    /// - Parameter collectsBody: the request's body has not been taken in yet.
    init(_ payload: PaymentPayload, _ agreed: Agreement, isProven: Bool, collectsBody: Bool) {
        self.payload = payload
        self.isProven = isProven
        offer = agreed.offer
        terms = agreed.terms
        revision = agreed.revision
        payer = payload.authorization.from
        termsFault = agreed.fault
        self.collectsBody = collectsBody && agreed.terms.bind == .body
    }

    // MARK: Verification

    /// True for the first who asks: the question goes out once.
    func verdictIsAsked() -> Bool {
        defer { isBeingVerified = true }
        return !isBeingVerified
    }

    func takeVerdict() -> Verdict? {
        if verdict != nil { isBeingVerified = false }
        return verdict.take()
    }

    /// The ledger holds a lease for this payment while it is verified.
    func holds(_ hold: LeaseHold) {
        self.hold = hold
        admitted = nil
        admissionIsTaken = false
    }

    /// Nothing else of the wallet is in flight.
    var holdIsAlone: Bool { hold?.isAlone == true }

    var holdsLease: Bool { hold != nil }

    func takeHold() -> LeaseHold? { hold.take() }

    // MARK: The claim

    /// The body is whole, if it is part of the binding at all.
    func collected(binding: Bytes32) {
        collectsBody = false
        self.binding = binding
    }

    func claimed(_ ticket: Ticket) {
        self.ticket = ticket
    }

    func redeemed(_ ticket: Ticket, transaction: String) {
        self.ticket = ticket
        isRerun = true
        paid(transaction)
    }

    func paid(_ transaction: String) {
        isPaid = true
        self.transaction = transaction
    }

    // MARK: The answer

    /// `after`: an answer that may be charged is held until it is; what will not be goes to the caller as it is.
    func wantsToHold(_ status: Int) -> Bool {
        !isPaid && (terms.chargeWhen?.statuses ?? ChargeWhen.success).contains(status)
    }

    /// What the answer's JSON must hold to be charged; empty where its status says enough.
    var chargeConditions: [JSONCondition] { terms.chargeWhen?.json ?? [] }

    func hold(in buffer: SpillBuffer) {
        heldBody = buffer
        holdsAnswer = true
    }

    func dropHeld() {
        holdsAnswer = false
        heldBody = nil
        heldHead.release()
    }

    /// Fields of the upstream's answer that the gateway's own take the place of.
    var replacedAnswerFields: FieldIDSet {
        isPaid ? FieldIDSet.payment.union([.cacheControl, .expires, .pragma]) : .payment
    }

    /// The receipt, and that nobody may keep what was paid for (RFC 9111 §5.2.2).
    func appendAnswerFields(to out: inout ByteBuffer) {
        guard isPaid else { return }
        out.append("Cache-Control: private, no-store\r\n")
        appendReceipt(receipt(), to: &out)
    }

    /// What the caller of a paid and undelivered request may count on.
    var promise: String {
        switch terms.bind {
        case .body: "It is paid for: the same request, with a new payment, will not be charged again."
        case .head: "It is paid for, and the payment is kept as owed; a new payment would be charged. Ask the seller."
        }
    }

    func receipt() -> PaymentResponse {
        PaymentResponse(
            success: true, transaction: transaction, network: offer.network, networkV1Name: offer.networkV1Name,
            // What was signed: the offer's amount, unless an old payment comes again after the price has changed.
            payer: payer, amountAtomic: payload.authorization.value.uint128 ?? offer.amountAtomic)
    }

    func refusal(_ reason: String, transaction: String = "") -> PaymentResponse {
        PaymentResponse(
            success: false, transaction: transaction, network: offer.network, networkV1Name: offer.networkV1Name,
            payer: payer, errorReason: reason)
    }

    /// One field line, under the name that the payment's version reads.
    func appendReceipt(_ response: PaymentResponse, to out: inout ByteBuffer) {
        switch payload.version {
        case .v1: out.append("X-PAYMENT-RESPONSE: ")
        case .v2: out.append("PAYMENT-RESPONSE: ")
        }
        response.encode(payload.version, payerText: payerText, into: &out)
        out.append("\r\n")
    }

    /// What the upstream may know of who paid.
    func appendUpstreamFields(to out: inout ByteBuffer) {
        out.append("X-Farebox-Payer: ")
        out.append(string: payerText)
        out.append("\r\nX-Farebox-Amount: ")
        out.append(string: offer.amountAtomic.decimalText)
        out.append("\r\nX-Farebox-Network: ")
        out.append(string: offer.network)
        if !transaction.isEmpty {
            out.append("\r\nX-Farebox-Transaction: ")
            out.append(string: transaction)
        }
        if let ticket {
            out.append("\r\nIdempotency-Key: ")
            out.append(string: ticket.idempotencyKey)
        }
        out.append("\r\n")
    }
}
