import Chains

/// The reads that say whether a payment would settle now: in one batch, with a second one only for a wallet that was not
/// known to be one, and for a revert that does not say why.
public struct Verification: Sendable {
    let payment: ChainPayment
    /// Who would send the transaction.
    let relayer: Address
    let gasLimit: UInt64
    /// What is known already of the payer's account; nil: nothing.
    let payerHasCode: Bool?
    let tokenHasCode: Bool
    let readsBalance: Bool

    /// - Parameters:
    ///   - tokenHasCode: known from an earlier look.
    ///   - readsBalance: false where it is enough that the payment would settle.
    public init(
        _ payment: ChainPayment, relayer: Address, gasLimit: UInt64, payerHasCode: Bool?, tokenHasCode: Bool,
        readsBalance: Bool = true
    ) {
        self.payment = payment
        self.relayer = relayer
        self.gasLimit = gasLimit
        self.payerHasCode = payerHasCode
        self.tokenHasCode = tokenHasCode
        self.readsBalance = readsBalance
    }

    /// Asks for the payer's code and, where it is wanted, balance, and runs the settlement as the relayer.
    ///
    /// A short signature must have been recovered to the payer, or been taken by its contract, before.
    public func begin() -> ChainInquiry<ChainJudgement> {
        let settlement = SettlementCall(simulating: payment, payerHasCode: payerHasCode)
        var calls = [
            RPCCall.code(payment.authorization.from),
            RPCCall.call(to: settlement.to, data: settlement.data, from: relayer, gas: gasLimit),
        ]
        if readsBalance { calls.append(payment.balanceCall) }
        if payerHasCode == true { calls.append(walletCall) }
        if !tokenHasCode { calls.append(.code(payment.token)) }
        return .ask(calls) { replies in judge(replies, settlement) }
    }

    private func judge(_ replies: [RPCReply], _ settlement: SettlementCall) -> ChainInquiry<ChainJudgement> {
        let payerCode: [UInt8]
        let tokenCode: [UInt8]?
        do throws(RPCFault) {
            payerCode = try replies[0].data()
            tokenCode = tokenHasCode ? nil : try replies[replies.count - 1].data()
        } catch {
            return .answer(ChainJudgement(.unreachable("\(error)")))
        }
        let found = Found(
            balance: readsBalance ? CallOutcome(replies[2]) : nil,
            simulation: CallOutcome(simulating: settlement, replies[1]),
            payerHasCode: !payerCode.isEmpty, tokenHasCode: tokenCode.map { !$0.isEmpty } ?? true)
        guard found.payerHasCode else {
            return refusalWithoutCode.map { .answer(found.judged(.refused($0))) } ?? judge(found)
        }
        if payerHasCode == true { return judge(wallet: replies[readsBalance ? 3 : 2], found) }
        return .ask([walletCall]) { replies in judge(wallet: replies[0], found) }
    }

    /// What is known after the first batch.
    private struct Found {
        /// Nil where it was not asked for.
        var balance: CallOutcome?
        var simulation: CallOutcome
        var payerHasCode: Bool
        var tokenHasCode: Bool

        func judged(_ verdict: ChainVerdict) -> ChainJudgement {
            ChainJudgement(verdict, payerHasCode: payerHasCode, tokenHasCode: tokenHasCode)
        }
    }

    private var walletCall: RPCCall { ContractProof.call(payment, gasLimit: gasLimit) }

    /// Why a signature of this form cannot be that of an account without code; nil where it can.
    private var refusalWithoutCode: PaymentRefusal? {
        switch payment.form {
        case .short: nil
        case .long: .undeployedWallet
        case .malformed: .signature
        case .counterfactual(let wallet): payment.factories.contains(wallet.factory) ? nil : .factoryNotAllowed
        }
    }

    /// Where code stands at the payer, only that code says what its signature is.
    private func judge(wallet reply: RPCReply, _ found: Found) -> ChainInquiry<ChainJudgement> {
        switch ContractProof.judge(reply) {
        case .good: judge(found)
        case let verdict: .answer(found.judged(verdict))
        }
    }

    private func judge(_ found: Found) -> ChainInquiry<ChainJudgement> {
        guard found.tokenHasCode else { return .answer(found.judged(.refused(.assetNotDeployed))) }
        var balance: UInt256?
        switch found.balance {
        case nil: break
        case .unreachable(let reason): return .answer(found.judged(.unreachable(reason)))
        case .returned(let data):
            guard let number = ABIWords(data).soleNumber else { fallthrough }
            balance = number
        case .reverted: return .answer(found.judged(.refused(.eip3009NotSupported)))
        }
        switch found.simulation {
        case .unreachable(let reason): return .answer(found.judged(.unreachable(reason)))
        case .returned:
            guard let balance else { return .answer(found.judged(.good(balanceAtomic: nil))) }
            let isEnough = balance >= payment.authorization.value
            return .answer(
                found.judged(
                    isEnough ? .good(balanceAtomic: balance.uint128 ?? .max) : .refused(.insufficientBalance)))
        case .reverted(let revert):
            if let refusal = revert.refusal { return .answer(found.judged(.refused(refusal))) }
            let probe = TokenProbe(payment)
            return .ask(probe.calls) { replies in .answer(found.judged(probe.judge(replies))) }
        }
    }
}

extension ChainPayment {
    var balanceCall: RPCCall { .call(to: token, data: ContractReads.balance(of: authorization.from)) }
}

extension CallOutcome {
    /// Of a settlement; what happened within an aggregate is looked at too.
    init(simulating settlement: SettlementCall, _ reply: RPCReply) {
        self = CallOutcome(reply)
        guard settlement.isAggregate, case .returned(let data) = self else { return }
        guard let transfer = Multicall3.outcomes(data, count: 2)?[1] else {
            self = .reverted(Revert(reason: .unclear, message: "no Multicall3 at \(settlement.to)"))
            return
        }
        if transfer.succeeded { return }
        self = .reverted(Revert(reason: RevertReason(transfer.data), message: ""))
    }
}
