import Chains
import Ledger
import OnChain

/// One account of ours on one chain: its key, its queue, and what it holds for gas. On the money loop.
final class Relayer {
    private let account: RelayerAccount
    private let chainID: UInt64
    var queue: RelayerQueue
    /// Wei; nil before it was read.
    var balanceWei: UInt128?
    /// Below this, in wei, somebody is asked to fill it up.
    var lowBalanceWei: UInt128
    /// Both counts are to be asked for: what the account sent may not be what the queue knows.
    var wantsRecount = true

    init(_ account: RelayerAccount, chainID: UInt64, policy: FeePolicy, lowBalanceWei: UInt128) {
        self.account = account
        self.lowBalanceWei = lowBalanceWei
        self.chainID = chainID
        queue = RelayerQueue(address: account.address, policy: policy)
    }

    var address: Address { account.address }

    func sign(_ unsigned: UnsignedTransaction, now: UInt64) -> RelayTransaction {
        let signed = account.withKey { unsigned.signed(chainID: chainID, with: $0) }
        queue.signed(signed, now: now)
        return signed
    }

    /// Why it takes no payment now; nil where it would. What it has in flight may cost something yet, as nodes count it too.
    func refusal(gasLimit: UInt64, now: UInt64) -> QueueRefusal? {
        if let refusal = queue.refusal(now: now) { return refusal }
        guard let fees = queue.fees, let balanceWei else { return .notReady }
        let (cost, overflow) = fees.maxFeeWei.multipliedReportingOverflow(by: UInt128(gasLimit))
        let (free, isPledged) = balanceWei.subtractingReportingOverflow(queue.pledgedWei)
        return overflow || isPledged || cost > free ? .noFunds : nil
    }

    /// Whether its balance is worth reading again soon: it is being spent, or somebody is asked to fill it up.
    var isTight: Bool { queue.inFlight > 0 || balanceWei.map { $0 < lowBalanceWei } ?? true }
}

extension QueueRefusal {
    /// For programs; nil for what passes by itself.
    var troubleCode: String? {
        switch self {
        case .notReady: nil
        case .feesAboveCap: "fees_above_cap"
        case .full: "relayer_full"
        case .stuck: "relayer_stuck"
        case .noFunds: "no_gas"
        }
    }

    /// For the operator.
    var text: String {
        switch self {
        case .notReady: "the chain has not been heard yet"
        case .feesAboveCap: "gas costs more than max_fee_gwei allows"
        case .full: "\(RelayerQueue.capacity) transactions are in flight"
        case .stuck: "the oldest transaction in flight does not get into a block"
        case .noFunds: "the relayer's account cannot pay the gas"
        }
    }
}

extension SentTransaction {
    /// - Parameter headBlock: where to begin to look for evidence.
    init(_ transaction: RelayTransaction, relayer: Address, headBlock: UInt64) {
        self.init(
            hash: transaction.hash, relayer: relayer.bytes, nonce: transaction.nonce, to: transaction.to.bytes,
            call: transaction.call, gasLimit: transaction.gasLimit, maxFeeWei: transaction.fees.maxFeeWei,
            priorityFeeWei: transaction.fees.priorityFeeWei, raw: transaction.raw, headBlock: headBlock)
    }
}

extension RelayTransaction {
    init(_ sent: SentTransaction, claims: [Int64]) {
        self.init(
            claims: claims, nonce: sent.nonce, to: Address(sent.to), call: sent.call, gasLimit: sent.gasLimit,
            fees: Fees(maxFeeWei: sent.maxFeeWei, priorityFeeWei: sent.priorityFeeWei), hash: sent.hash, raw: sent.raw)
    }
}
