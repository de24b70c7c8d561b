import Chains

/// Whether a payment whose signature recovers to no key was signed by its payer's contract: by one that stands there
/// (EIP-1271; EIP-7702 too), or by one that an allowed factory would deploy (ERC-6492).
public struct ContractProof: Sendable {
    let payment: ChainPayment
    let relayer: Address
    let gasLimit: UInt64

    public init(_ payment: ChainPayment, relayer: Address, gasLimit: UInt64) {
        self.payment = payment
        self.relayer = relayer
        self.gasLimit = gasLimit
    }

    /// - Parameter payerHasCode: from an earlier look; where it has none, garbage is refused without asking.
    public func begin(payerHasCode: Bool?) -> ChainInquiry<ChainJudgement> {
        if case .malformed = payment.form { return .answer(ChainJudgement(.refused(.signature))) }
        if payerHasCode == false { return judgeWithoutCode() }
        return .ask([.code(payment.authorization.from), ContractProof.call(payment, gasLimit: gasLimit)]) { replies in
            do throws(RPCFault) {
                if try replies[0].data().isEmpty { return judgeWithoutCode() }
            } catch {
                return .answer(ChainJudgement(.unreachable("\(error)")))
            }
            return .answer(ChainJudgement(ContractProof.judge(replies[1]), payerHasCode: true))
        }
    }

    private func judgeWithoutCode() -> ChainInquiry<ChainJudgement> {
        func refused(_ refusal: PaymentRefusal) -> ChainInquiry<ChainJudgement> {
            .answer(ChainJudgement(.refused(refusal), payerHasCode: false))
        }
        switch payment.form {
        case .short, .malformed: return refused(.signature)
        case .long: return refused(.undeployedWallet)
        case .counterfactual(let wallet):
            guard payment.factories.contains(wallet.factory) else { return refused(.factoryNotAllowed) }
        }
        let settlement = SettlementCall(simulating: payment, payerHasCode: false)
        let simulation = RPCCall.call(to: settlement.to, data: settlement.data, from: relayer, gas: gasLimit)
        return .ask([simulation]) { replies in
            switch CallOutcome(simulating: settlement, replies[0]) {
            case .unreachable(let reason): .answer(ChainJudgement(.unreachable(reason), payerHasCode: false))
            case .returned: .answer(ChainJudgement(.good(balanceAtomic: nil), payerHasCode: false))
            // Unclear means here that the wallet did not come about, or does not take the signature.
            case .reverted(let revert): refused(revert.refusal ?? .signature)
            }
        }
    }

    /// Asks the payer's code about its signature.
    static func call(_ payment: ChainPayment, gasLimit: UInt64) -> RPCCall {
        let data = ContractReads.isValidSignature(digest: payment.digest, signature: payment.innerSignature)
        return .call(to: payment.authorization.from, data: data, gas: gasLimit)
    }

    /// Only the one answer that EIP-1271 names is a yes.
    static func judge(_ reply: RPCReply) -> ChainVerdict {
        switch CallOutcome(reply) {
        case .unreachable(let reason): .unreachable(reason)
        case .reverted: .refused(.signature)
        case .returned(let data):
            data == ContractReads.validSignature ? .good(balanceAtomic: nil) : .refused(.signature)
        }
    }
}
