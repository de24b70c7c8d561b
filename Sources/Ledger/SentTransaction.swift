import Bytes

/// A signed transaction of the relayer's, as it is on disk before it is broadcast (EIP-1559).
public struct SentTransaction: Hashable, Sendable {
    /// Keccak-256 of `raw`.
    public var hash: Bytes32
    /// Whose account sends it and pays its gas.
    public var relayer: Bytes20
    /// The relayer account's nonce, which belongs to one claim alone, or to those that one transaction carries; not an
    /// authorization's.
    public var nonce: UInt64
    /// The contract that is called.
    public var to: Bytes20
    /// The call's data.
    public var call: [UInt8]
    public var gasLimit: UInt64
    public var maxFeeWei: UInt128
    public var priorityFeeWei: UInt128
    /// The signed bytes: broadcasting the same again is always allowed.
    public var raw: [UInt8]
    /// The chain's head when it was made: evidence is looked for from here on.
    public var headBlock: UInt64

    public init(
        hash: Bytes32, relayer: Bytes20, nonce: UInt64, to: Bytes20, call: [UInt8], gasLimit: UInt64,
        maxFeeWei: UInt128, priorityFeeWei: UInt128, raw: [UInt8], headBlock: UInt64
    ) {
        self.hash = hash
        self.relayer = relayer
        self.nonce = nonce
        self.to = to
        self.call = call
        self.gasLimit = gasLimit
        self.maxFeeWei = maxFeeWei
        self.priorityFeeWei = priorityFeeWei
        self.raw = raw
        self.headBlock = headBlock
    }
}

/// A transaction of a claim as a row holds it.
public struct RecordedTransaction: Hashable, Sendable {
    public let transaction: SentTransaction
    /// 0 for the first, then one more for every replacement with the same nonce.
    public let number: Int
    /// When it was written, in Unix seconds.
    public let recordedAt: Int64
}

/// What the ledger says before money is sent.
public enum Sending: Sendable {
    /// `sent` is on disk, with the transaction: broadcast.
    case go
    /// A rerun, or evidence came first: nothing is to be sent. With `mayForward` the claim is `running` (order `first`).
    case alreadyPaid(transaction: String, mayForward: Bool)
    /// The window is over, the claim is `failed`: 402 with this code, the answer withheld. The lease has ended.
    case refused(code: String)
    /// Nothing was written and nothing may be sent.
    case unavailable(reason: String)
}

/// What the ledger says before the money of several claims is sent by one transaction.
public enum BatchSending: Sendable {
    /// All of them are `sent` on disk, with the transaction: broadcast.
    case go
    /// Some cannot be sent, by their place among the tickets; none of these is `go`. Nothing was written of the others or of the
    /// transaction: they may be sent anew without these.
    case without([Int: Sending])
    /// Nothing was written and nothing may be sent.
    case unavailable(reason: String)
}

/// A claim whose truth on the chain is not final.
public struct WatchedClaim: Sendable {
    public let claim: ClaimRecord
    /// Oldest first; empty where nothing was sent or a remote facilitator sent it.
    public let transactions: [SentTransaction]
    /// Its place among the claims that these carry, from 0 on, and how many they are.
    public let place: Int
    public let batchCount: Int
}
