import Bytes
import Chains

/// The call that moves a payment's money: whom the relayer calls, and with what.
public struct SettlementCall: Hashable, Sendable {
    public var to: Address
    public var data: [UInt8]

    public init(to: Address, data: [UInt8]) {
        self.to = to
        self.data = data
    }

    /// - Parameter payerHasCode: whether a wallet stands at the payer already, where that is known: then its factory is not
    ///   called again.
    public init(settling payment: ChainPayment, payerHasCode: Bool?) {
        self.init(payment, payerHasCode: payerHasCode, transferMayFail: false)
    }

    /// All of these calls, each of which may fail by itself.
    public init(together calls: [SettlementCall]) { self.init(together: calls, mayFail: true) }

    init(together calls: [SettlementCall], mayFail: Bool) {
        self.init(
            to: Multicall3.address,
            data: Multicall3.aggregate3(
                calls.map { Multicall3.Call(target: $0.to, mayFail: mayFail, data: $0.data) }))
    }

    /// The same call with the same effect, but one that tells why the transfer fails where it is made through another contract.
    init(simulating payment: ChainPayment, payerHasCode: Bool?) {
        self.init(payment, payerHasCode: payerHasCode, transferMayFail: true)
    }

    private init(_ payment: ChainPayment, payerHasCode: Bool?, transferMayFail: Bool) {
        let transfer = SettlementCall.transfer(payment)
        guard case .counterfactual(let wallet) = payment.form, payerHasCode != true,
            payment.factories.contains(wallet.factory)
        else {
            self.init(to: payment.token, data: transfer)
            return
        }
        self.init(
            to: Multicall3.address,
            data: Multicall3.aggregate3([
                // Somebody may have deployed it in between, which makes some factories revert and does no harm.
                Multicall3.Call(target: wallet.factory, mayFail: true, data: wallet.factoryCalldata),
                Multicall3.Call(target: payment.token, mayFail: transferMayFail, data: transfer),
            ]))
    }

    /// Whether it goes through `Multicall3` and not straight to the token.
    var isAggregate: Bool { to == Multicall3.address }

    /// 65 bytes with a v of 27 or 28 go as (v, r, s), which every EIP-3009 token has. A v of 0 or 1 means the same where a key
    /// signed; in a contract's signature it is left as it is.
    private static func transfer(_ payment: ChainPayment) -> [UInt8] {
        let signature = payment.innerSignature
        guard signature.count == 65, let r = Bytes32(signature[..<32]), let s = Bytes32(signature[32..<64]) else {
            return payment.authorization.calldata(contractSignature: signature)
        }
        switch signature[64] {
        case 27, 28: break
        case 0, 1:
            let signer = signature.withUnsafeBytes { try? Secp256k1.recover(digest: payment.digest, signature: $0) }
            if signer != payment.authorization.from { fallthrough }
        default: return payment.authorization.calldata(contractSignature: signature)
        }
        return payment.authorization.calldata(signature: Signature(r: r, s: s, yParity: signature[64] % 27))
    }
}
