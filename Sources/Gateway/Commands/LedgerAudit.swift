import Chains
import Ledger
import OnChain

/// The ledger's claims of one network against the payments that its chain shows, in a range of blocks.
struct LedgerAudit {
    let network: String
    /// Both ends included.
    let blocks: ClosedRange<UInt64>
    /// What one side says and the other does not.
    private(set) var differences: [String] = []
    /// Payments that both sides tell alike.
    private(set) var agreed = 0
    /// Claims that are on their way still.
    private(set) var pending = 0
    /// Claims that were settled outside of the range, or in a block that is not known.
    private(set) var outside = 0

    /// `claims`: those that were not settled in the sandbox.
    init(network: String, blocks: ClosedRange<UInt64>, claims: [ClaimRecord], payments: [IncomingPayment]) {
        self.network = network
        self.blocks = blocks
        var byKey: [AuthorizationKey: IncomingPayment] = [:]
        for payment in payments { byKey[payment.key] = payment }
        for claim in claims {
            let key = AuthorizationKey(
                token: Address(claim.key.asset), authorizer: Address(claim.key.payer), nonce: claim.key.nonce)
            compare(claim, byKey.removeValue(forKey: key))
        }
        for payment in byKey.values.sorted(by: { $0.place.block < $1.place.block }) {
            differences.append(
                "the chain shows a payment that the ledger does not know: \(Self.text(payment))")
        }
    }

    private mutating func compare(_ claim: ClaimRecord, _ payment: IncomingPayment?) {
        let name = "claim \(claim.id.idempotencyKey)"
        let isPaid = claim.machine.isPaid && claim.reorganizedAt == nil
        guard let payment else {
            if !isPaid { return }
            guard let block = claim.evidenceBlock, blocks.contains(block) else {
                outside += 1
                return
            }
            differences.append(
                "\(name) is \(claim.state.rawValue), paid by \(claim.transaction ?? "-") in block \(block): the chain shows no "
                    + "such payment")
            return
        }
        guard isPaid else {
            if claim.state.isAtRest {
                differences.append(
                    "\(name) is \(claim.state.rawValue) and not paid: the chain shows its payment, \(Self.text(payment))"
                )
            } else {
                pending += 1
            }
            return
        }
        var faults: [String] = []
        if payment.value != UInt256(claim.amountAtomic) {
            faults.append("amount \(claim.amountAtomic), the chain says \(payment.value)")
        }
        if payment.to != Address(claim.payTo) {
            faults.append("paid to \(Address(claim.payTo).checksummed), the chain says \(payment.to.checksummed)")
        }
        if let named = claim.transaction, !named.isEmpty, named != payment.place.transaction.hex {
            faults.append("transaction \(named), the chain says \(payment.place.transaction.hex)")
        }
        if faults.isEmpty {
            agreed += 1
        } else {
            differences.append("\(name): " + faults.joined(separator: "; "))
        }
    }

    private static func text(_ payment: IncomingPayment) -> String {
        "\(payment.value) of \(payment.key.token.checksummed) from \(payment.key.authorizer.checksummed) to "
            + "\(payment.to.checksummed), nonce \(payment.key.nonce.hex), transaction \(payment.place.transaction.hex) in block "
            + "\(payment.place.block)"
    }

    /// For people.
    var text: String {
        let heading =
            "\(network), blocks \(blocks.lowerBound) to \(blocks.upperBound): \(agreed) payments agree, \(pending) are on their "
            + "way, \(outside) lie outside, \(differences.count) differences\n"
        return heading + differences.map { "  \($0)\n" }.joined()
    }
}
