import Bytes

/// One claim as it is on disk. Times in Unix seconds.
public struct ClaimRecord: Hashable, Sendable {
    public internal(set) var id: ClaimID
    public internal(set) var key: ClaimKey
    public internal(set) var binding: Bytes32
    public internal(set) var bind: BindMode
    /// State, order and whether it is paid: the machine's whole value.
    public internal(set) var machine: ClaimMachine
    public internal(set) var facilitator: ClaimFacilitator
    public internal(set) var amountAtomic: UInt128
    /// Of the asset: `amountAtomic` is in units of 10^-assetDecimals.
    public internal(set) var assetDecimals: Int
    public internal(set) var payTo: Bytes20
    public internal(set) var route: String
    public internal(set) var revision: Int
    /// Method and target.
    public internal(set) var request: String
    public internal(set) var validBefore: Int64
    public internal(set) var createdAt: Int64
    public internal(set) var updatedAt: Int64
    /// When its present attempt began, by the clock that bounds are counted by.
    public internal(set) var countedAt: Int64
    /// Names of the policies whose bounds count it, separated by commas.
    public internal(set) var policies = ""
    /// What the payer calls it (extension `payment-identifier`).
    public internal(set) var paymentID: String?
    /// When it was first owed; `redeliver_for` counts from here.
    public internal(set) var owedAt: Int64?
    public internal(set) var attempts: Int
    public internal(set) var reruns: Int
    /// Some attempt that is over, or that has its answer, may have written a byte of the request upstream.
    public internal(set) var requestBytesWritten: Bool
    /// The sandbox's or chain's transaction: the one that settled it, before that the one that was sent; nil before `sent`.
    public internal(set) var transaction: String?
    /// Why it is `void` or `failed`.
    public internal(set) var reason: String?
    /// The chain is watched for it: what the chain says of it can change still.
    public internal(set) var isWatched = false
    /// The block of `transaction`, where evidence named one.
    public internal(set) var evidenceBlock: UInt64?
    /// When the chain took back what had settled it; nil again once it has settled again.
    public internal(set) var reorganizedAt: Int64?
    /// What its settlement cost our relayer, also one that failed; nil where nothing of ours was mined, or it is not known.
    public internal(set) var gasWei: UInt128?

    public var state: ClaimState { machine.state }
    public var order: SettleOrder { machine.order }
    public var wallet: Wallet { key.wallet }
}
