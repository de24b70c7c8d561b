import Chains
import OnChain

extension RPCClient {
    /// Compares a token with the configuration. Where no node is on the right chain and one says that it is on another, that
    /// is a mismatch too: waiting would not help.
    func check(_ token: TokenCheck, deadlineMilliseconds: Int, done: @escaping (TokenCheck.Outcome) -> Void) {
        pursue(token.begin(), deadlineMilliseconds: deadlineMilliseconds) { [self] outcome in
            done(token.outcome(outcome, health: health))
        }
    }
}

extension TokenCheck {
    func outcome(_ outcome: Outcome, health: [RPCHealth]) -> Outcome {
        guard case .unreachable = outcome, !health.contains(where: { $0.state == .usable }) else { return outcome }
        for node in health {
            if case .wrongChain(let found) = node.state { return wrongChain(found, at: node.name) }
        }
        return outcome
    }
}

extension TokenCheck {
    /// Of the token that a payment is made in.
    init(_ payment: PaymentMethod) {
        self.init(
            Network.Token(
                address: payment.asset, name: payment.domainName, version: payment.domainVersion,
                decimals: payment.assetDecimals),
            chainID: payment.chainID, place: "\(payment.place.fileAndLine): payments.\(payment.name).asset")
    }
}
