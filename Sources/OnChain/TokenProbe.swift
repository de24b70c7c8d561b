import Chains

/// Looks for why a settlement reverts without saying so.
struct TokenProbe: Sendable {
    let payment: ChainPayment

    init(_ payment: ChainPayment) { self.payment = payment }

    var calls: [RPCCall] {
        let authorization = payment.authorization
        let state = ContractReads.authorizationState(of: authorization.from, nonce: authorization.nonce)
        return [state, ContractReads.name, ContractReads.version].map { RPCCall.call(to: payment.token, data: $0) }
            + [payment.balanceCall]
    }

    func judge(_ replies: [RPCReply]) -> ChainVerdict {
        let outcomes = replies.map { CallOutcome($0) }
        for outcome in outcomes {
            if case .unreachable(let reason) = outcome { return .unreachable(reason) }
        }
        guard let isUsed = outcomes[0].words?.soleBool else { return .refused(.eip3009NotSupported) }
        if isUsed { return .refused(.nonceUsed) }
        if let name = outcomes[1].words?.soleString, name != payment.domainName { return .refused(.tokenNameMismatch) }
        if let version = outcomes[2].words?.soleString, version != payment.domainVersion {
            return .refused(.tokenVersionMismatch)
        }
        guard let balance = outcomes[3].words?.soleNumber else { return .refused(.eip3009NotSupported) }
        return .refused(balance < payment.authorization.value ? .insufficientBalance : .simulationFailed)
    }
}

extension CallOutcome {
    /// What was returned; nil where nothing was.
    var words: ABIWords? {
        if case .returned(let data) = self { ABIWords(data) } else { nil }
    }
}
