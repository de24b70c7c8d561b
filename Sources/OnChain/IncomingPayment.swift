import Bytes
import Chains

/// An authorization that was used for a payee: `AuthorizationUsed` (EIP-3009) and, as the token's next log, the `Transfer`.
public struct IncomingPayment: Hashable, Sendable {
    public let key: AuthorizationKey
    public let to: Address
    public let value: UInt256
    public let place: ChainPlace

    public init(key: AuthorizationKey, to: Address, value: UInt256, place: ChainPlace) {
        self.key = key
        self.to = to
        self.value = value
        self.place = place
    }
}

extension EvidenceJudge {
    /// Every use of an authorization in `receipt` that paid one of `payees` in one of `tokens`, in their order.
    public static func payments(
        in receipt: RPCReceipt, tokens: Set<Address>, payees: Set<Address>
    ) -> [IncomingPayment] {
        guard receipt.succeeded else { return [] }
        let place = ChainPlace(
            transaction: receipt.transactionHash, block: receipt.blockNumber, blockHash: receipt.blockHash)
        var payments: [IncomingPayment] = []
        for token in tokens {
            let own = receipt.logs.filter { $0.address == token && !$0.removed }
            for (use, next) in zip(own, own.dropFirst()) {
                guard let (key, isUse) = authorization(use), isUse, next.topics.count == 3, next.topics[0] == transfer,
                    address(next.topics[1]) == key.authorizer, let to = address(next.topics[2]), payees.contains(to),
                    let value = Bytes32(next.data)
                else { continue }
                payments.append(IncomingPayment(key: key, to: to, value: UInt256(value), place: place))
            }
        }
        return payments
    }
}
