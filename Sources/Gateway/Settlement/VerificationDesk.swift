import Chains
import EventLoop
import OnChain
import Payments

/// Proves and verifies payments on one chain by its nodes, and says by which call they settle. On the money loop.
final class VerificationDesk {
    /// Proofs on their way; a payment that no key signed costs its sender nothing, so it must not cost us much.
    static let proofsAtMost = 32
    /// Of one batch of reads.
    static let deadlineMilliseconds = 5_000

    private let rpc: RPCClient
    /// Who would send the transactions, so that what is simulated is what will be sent.
    private let relayer: Address
    private let gasLimit: UInt64
    private let now: () -> UInt64
    private var memory = ContractProofMemory()
    private var proofs = 0

    /// - Parameter now: monotonic nanoseconds.
    init(
        rpc: RPCClient, relayer: Address, gasLimit: UInt64, now: @escaping () -> UInt64 = { monotonicNanoseconds() }
    ) {
        self.rpc = rpc
        self.relayer = relayer
        self.gasLimit = gasLimit
        self.now = now
    }

    /// Whether the payer's contract vouches for a signature that recovers to no key. The balance is not read
    /// here.
    func prove(_ request: VerificationRequest, done: @escaping (Verdict) -> Void) {
        guard proofs < Self.proofsAtMost else {
            return done(.unreachable("\(rpc.network): \(Self.proofsAtMost) contract signatures are being checked"))
        }
        proofs += 1
        let payment = ChainPayment(request)
        let proof = ContractProof(payment, relayer: relayer, gasLimit: gasLimit)
        let known = memory.payerHasCode(payment.authorization.from, now: now())
        pursue(proof.begin(payerHasCode: known), of: payment) { [self] verdict in
            proofs -= 1
            done(verdict)
        }
    }

    /// Whether the payment would settle now. A plain signature must have been recovered to the payer before, any other proved.
    func verify(_ request: VerificationRequest, done: @escaping (Verdict) -> Void) {
        let payment = ChainPayment(request)
        let now = now()
        let verification = Verification(
            payment, relayer: relayer, gasLimit: gasLimit,
            payerHasCode: memory.payerHasCode(payment.authorization.from, now: now),
            tokenHasCode: memory.tokenHasCode(payment.token, now: now), readsBalance: request.readsBalance)
        pursue(verification.begin(), of: payment, done: done)
    }

    /// Whether a verified payment may be settled within one transaction with others: a plain account's key signed it, so that none of
    /// its payer's code is run.
    func mayShare(_ request: VerificationRequest) -> Bool {
        let payment = ChainPayment(request)
        return payment.isPlain && memory.payerHasCode(payment.authorization.from, now: now()) == false
    }

    /// The call that settles a verified payment.
    func settlementCall(_ request: VerificationRequest) -> SettlementCall {
        let payment = ChainPayment(request)
        let payer = payment.authorization.from
        let hasCode = memory.payerHasCode(payer, now: now())
        // What this settles may deploy the wallet.
        if hasCode == false { memory.forget(payer: payer) }
        return SettlementCall(settling: payment, payerHasCode: hasCode)
    }

    /// The token was found at its place.
    func noteCode(token: Address) { memory.noteCode(token: token, now: now()) }

    private func pursue(
        _ inquiry: ChainInquiry<ChainJudgement>, of payment: ChainPayment, done: @escaping (Verdict) -> Void
    ) {
        rpc.pursue(inquiry, deadlineMilliseconds: Self.deadlineMilliseconds) { [self] judgement in
            let now = now()
            if let hasCode = judgement.payerHasCode {
                memory.note(payer: payment.authorization.from, hasCode: hasCode, now: now)
            }
            if judgement.tokenHasCode { memory.noteCode(token: payment.token, now: now) }
            done(Verdict(judgement.verdict, network: rpc.network))
        }
    }
}

extension ChainPayment {
    init(_ request: VerificationRequest) {
        self.init(
            token: request.offer.asset, domainName: request.offer.domainName,
            domainVersion: request.offer.domainVersion, domainSeparator: request.offer.domainSeparator,
            authorization: request.payload.authorization, signature: request.payload.signature,
            factories: request.offer.factories)
    }
}

extension Verdict {
    init(_ verdict: ChainVerdict, network: String) {
        self =
            switch verdict {
            case .good(let balance): .good(balanceAtomic: balance)
            case .refused(let refusal): .refused(PaymentCode(refusal))
            case .unreachable(let reason):
                .unreachable(reason.hasPrefix("\(network): ") ? reason : "\(network): \(reason)")
            }
    }
}

extension PaymentCode {
    init(_ refusal: PaymentRefusal) {
        self =
            switch refusal {
            case .expired: .validBefore
            case .notYetValid: .validAfter
            case .nonceUsed: .nonceAlreadyUsed
            case .insufficientBalance: .insufficientBalance
            case .signature: .signature
            case .undeployedWallet: .undeployedSmartWallet
            case .factoryNotAllowed: .factoryNotAllowed
            case .assetNotDeployed: .assetNotDeployed
            case .eip3009NotSupported: .eip3009NotSupported
            case .tokenNameMismatch: .tokenNameMismatch
            case .tokenVersionMismatch: .tokenVersionMismatch
            case .simulationFailed: .simulationFailed
            }
    }
}
