import Chains
import Ledger
import OnChain

/// What was found out about one network that this gateway settles on itself. Nil is what nobody could say.
struct WalletCheckFacts {
    struct Node {
        /// Scheme, host and port.
        var name: String
        /// Number of its newest block.
        var head: UInt64?
        var trouble: String?
    }

    struct Account {
        var address: Address
        /// `env NAME`, `file PATH`.
        var source: String
        var balanceWei: UInt128?
        /// The next nonce after what is mined, and after what waits in the node's pool too.
        var minedNonce: UInt64?
        var pendingNonce: UInt64?
    }

    struct Payment {
        var name: String
        /// As the configuration calls it.
        var asset: String
        var token: Address
        var check = TokenCheck.Outcome.unreachable("not asked")
        var payee: Address
        var payeeHasCode: Bool?
    }

    /// A price as a route asks it.
    struct Price {
        /// `$0.02`.
        var text: String
        var amountAtomic: UInt128
        var decimals: Int
    }

    /// Gas that a transfer by authorization uses on Circle's tokens, rounded up.
    static let settlementGas: UInt128 = 90_000

    var network: String
    var chainID: UInt64
    var nodes: [Node] = []
    /// Wei a unit of gas.
    var baseFeeWei: UInt128?
    var priorityFeeWei: UInt128?
    var maxFeeWei: UInt128
    var lowBalanceWei: UInt128
    var accounts: [Account] = []
    /// Sources of keys that could not be read.
    var missingKeys: [String] = []
    var payments: [Payment] = []
    var cheapest: Price?
    /// The relayer's transactions for claims that are not settled, oldest first.
    var pending: [SentTransaction] = []
    /// Why the ledger could not be read.
    var ledgerTrouble: String?

    /// Wei that one settlement would cost now. What a rollup adds for its data is not in it.
    var settlementCostWei: UInt128? {
        guard let baseFeeWei, let priorityFeeWei else { return nil }
        let (price, overflow) = baseFeeWei.addingReportingOverflow(priorityFeeWei)
        let (cost, beyond) = price.multipliedReportingOverflow(by: Self.settlementGas)
        return overflow || beyond ? nil : cost
    }

    /// Whole dollars a coin at which a settlement would cost as much as the cheapest price brings.
    var breakEvenDollars: UInt128? {
        guard let cost = settlementCostWei, cost > 0, let cheapest else { return nil }
        let weiACoin: UInt128 = 1_000_000_000_000_000_000
        let (value, overflow) = cheapest.amountAtomic.multipliedReportingOverflow(by: weiACoin)
        var units: UInt128 = 1
        for _ in 0..<min(cheapest.decimals, 36) { units *= 10 }
        return overflow ? nil : value / units / cost
    }

    /// Everything that keeps payments from settling, or soon will; empty where all is well.
    var problems: [String] {
        var problems: [String] = []
        for node in nodes { if let trouble = node.trouble { problems.append(trouble) } }
        problems += missingKeys.map { "the relayer's key is missing: \($0)" }
        for account in accounts {
            let name = "relayer \(account.address)"
            guard let balance = account.balanceWei else {
                problems.append("\(name): its balance could not be read")
                continue
            }
            if balance < lowBalanceWei {
                problems.append("\(name): \(WalletCheckText.coins(balance)) is below low_balance; send it gas money")
            }
        }
        // The next block's may be an eighth above this one's (EIP-1559).
        if let baseFeeWei, baseFeeWei > maxFeeWei - maxFeeWei / 9 {
            problems.append(
                "the base fee, \(WalletCheckText.gwei(baseFeeWei)) gwei, leaves no room below max_fee_gwei, "
                    + "\(WalletCheckText.gwei(maxFeeWei)): nothing is sent")
        } else if baseFeeWei == nil {
            problems.append(
                "the base fee could not be read: the chain has no fee market (EIP-1559), or no node answered")
        }
        for payment in payments { problems += self.problems(payment) }
        if let ledgerTrouble { problems.append(ledgerTrouble) }
        return problems
    }

    private func problems(_ payment: Payment) -> [String] {
        var problems: [String] = []
        switch payment.check {
        case .match: break
        case .mismatch(let text): problems.append(text)
        case .unreachable(let reason):
            problems.append("payment \(payment.name): the token could not be read: \(reason)")
        }
        if accounts.contains(where: { $0.address == payment.payee }) {
            problems.append("payment \(payment.name): pay_to is a relayer, which must never hold revenue")
        }
        if payments.contains(where: { $0.token == payment.payee }) {
            problems.append("payment \(payment.name): pay_to is a token's contract: what is paid there is lost")
        }
        return problems
    }
}
