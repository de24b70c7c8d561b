import Bytes
import Chains

/// What a relayer is asked to send for a claim, or for several at once.
public struct RelayJob: Hashable, Sendable {
    /// The claims' rows in the ledger; at least one.
    public let claims: [Int64]
    public let to: Address
    public let call: [UInt8]
    public let gasLimit: UInt64

    public init(claims: [Int64], to: Address, call: [UInt8], gasLimit: UInt64) {
        self.claims = claims
        self.to = to
        self.call = call
        self.gasLimit = gasLimit
    }
}

/// A transaction with its nonce and fees, to be signed.
public struct UnsignedTransaction: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The first transaction of its claims.
        case payment
        /// The same call with the same nonce and higher fees.
        case replacement
        /// Nothing, sent by the relayer to itself: it only takes up its nonce, so that those behind it can go on.
        case freeing
    }

    public let kind: Kind
    public let nonce: UInt64
    /// None for a transfer that fills a gap left by no claim of ours.
    public let claims: [Int64]
    public let to: Address
    public let call: [UInt8]
    public let gasLimit: UInt64
    public let fees: Fees

    /// Signs it for one chain (EIP-1559, type 2, no value).
    public func signed(chainID: UInt64, with key: borrowing PrivateKey) -> RelayTransaction {
        let signed = FeeMarketTransaction(
            chainID: chainID, nonce: nonce, maxPriorityFeePerGas: UInt256(fees.priorityFeeWei),
            maxFeePerGas: UInt256(fees.maxFeeWei), gasLimit: gasLimit, to: to, value: .zero, data: call
        ).signed(with: key)
        return RelayTransaction(
            claims: claims, nonce: nonce, to: to, call: call, gasLimit: gasLimit, fees: fees, hash: signed.hash,
            raw: signed.raw)
    }
}

/// A signed transaction of a relayer.
public struct RelayTransaction: Hashable, Sendable {
    /// None for a transfer that fills a gap left by no claim of ours.
    public let claims: [Int64]
    public let nonce: UInt64
    public let to: Address
    public let call: [UInt8]
    public let gasLimit: UInt64
    public let fees: Fees
    public let hash: Bytes32
    /// What a node takes.
    public let raw: [UInt8]

    public init(
        claims: [Int64], nonce: UInt64, to: Address, call: [UInt8], gasLimit: UInt64, fees: Fees, hash: Bytes32,
        raw: [UInt8]
    ) {
        self.claims = claims
        self.nonce = nonce
        self.to = to
        self.call = call
        self.gasLimit = gasLimit
        self.fees = fees
        self.hash = hash
        self.raw = raw
    }

    /// The most that it may cost, in wei. Saturates.
    var mostWei: UInt128 {
        let (most, overflow) = fees.maxFeeWei.multipliedReportingOverflow(by: UInt128(gasLimit))
        return overflow ? .max : most
    }
}

extension UInt128 {
    func addingSaturated(_ other: UInt128) -> UInt128 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// What a node said to a broadcast.
public enum BroadcastAnswer: Hashable, Sendable {
    case accepted
    /// The node has it already: as good as accepted.
    case alreadyKnown
    /// Another transaction with this nonce, or this one, is in a block.
    case nonceTooLow
    /// The node wants higher fees: for its pool, for a replacement, or for the next block.
    case underpriced
    /// The relayer's account cannot pay the gas.
    case insufficientFunds
    /// Anything else the node holds against it.
    case rejected(String)
    /// Nobody answered: it may have arrived.
    case unreachable

    /// What an error's message says. Its texts are those of geth and its relatives (Reth, Nethermind, Erigon, Besu); they have
    /// no codes of their own.
    public init(message: String) {
        let text = message.lowercased()
        func says(_ words: String...) -> Bool { words.contains { text.contains($0) } }
        if says("already known", "known transaction", "alreadyknown", "already imported", "already in mempool") {
            self = .alreadyKnown
        } else if says("nonce too low", "nonce_too_low", "oldnonce", "nonce is too low", "invalid nonce; got") {
            self = .nonceTooLow
        } else if says("underpriced", "less than block base fee", "feetoolow", "fee too low", "gas price too low") {
            self = .underpriced
        } else if says("insufficient funds", "insufficientfunds", "upfront cost exceeds") {
            self = .insufficientFunds
        } else {
            self = .rejected(message)
        }
    }
}
