import Bytes
import Chains

/// A claim that is to be watched.
public struct WatchOrder: Hashable, Sendable {
    /// The claim's row in the ledger.
    public var claim: Int64
    public var transfer: AwaitedTransfer
    /// Blocks that make it count: 1 is the block that holds the transfer.
    public var confirmations: UInt64
    /// The first block that may hold it.
    public var sinceBlock: UInt64
    /// When an exchange in flight is to be told that the outcome is not known, in milliseconds; nil where none waits.
    public var deadline: UInt64?
    /// What the ledger holds of it.
    public var standing: Standing
    /// Whose transaction it is, and its nonce; nil where a remote facilitator sends.
    public var sender: Sender?
    /// Of every transaction that was signed for it.
    public var hashes: [Bytes32]
    /// Its part of what those cost.
    public var share: BatchShare

    public enum Standing: Hashable, Sendable {
        /// Sent; no evidence yet.
        case open
        /// Failed: the money may have moved for us all the same.
        case refused
        /// Paid by evidence that is looked at once more.
        case settled
    }

    public struct Sender: Hashable, Sendable {
        public var relayer: Address
        public var nonce: UInt64

        public init(relayer: Address, nonce: UInt64) {
            self.relayer = relayer
            self.nonce = nonce
        }
    }

    public init(
        claim: Int64, transfer: AwaitedTransfer, confirmations: UInt64, sinceBlock: UInt64, deadline: UInt64? = nil,
        standing: Standing = .open, sender: Sender? = nil, hashes: [Bytes32] = [], share: BatchShare = .whole
    ) {
        self.claim = claim
        self.transfer = transfer
        self.confirmations = max(1, confirmations)
        self.sinceBlock = sinceBlock
        self.deadline = deadline
        self.standing = standing
        self.sender = sender
        self.hashes = hashes
        self.share = share
    }
}

/// One settlement's part of the transaction that carries it, so that all parts of what it cost sum to the whole.
public struct BatchShare: Hashable, Sendable {
    /// From 0 on.
    public let place: Int
    /// Of how many; at least one.
    public let count: Int

    public static let whole = BatchShare(place: 0, of: 1)

    public init(place: Int, of count: Int) {
        self.place = place
        self.count = max(1, count)
    }

    /// Differs by one wei at most from the others'.
    public func part(of wei: UInt128) -> UInt128 {
        let (each, rest) = wei.quotientAndRemainder(dividingBy: UInt128(count))
        return each + (place < Int(rest) ? 1 : 0)
    }
}

/// Why a payment did not and will not happen.
public enum WatchRefusal: Hashable, Sendable {
    /// Our transaction was reverted, or its call within one that carries several failed, and the authorization was neither used nor
    /// canceled.
    case reverted
    /// A final block is past its window, and it was not used.
    case windowOver
    /// Withdrawn by its signer, in a final block.
    case canceled
    /// Used for something else, in a final block.
    case usedElsewhere
}

/// What watching came to.
public enum WatchOutcome: Hashable, Sendable {
    /// The money is ours, at the confirmations asked for. `gasWei`: what it cost us, where a transaction of ours is known to have
    /// been mined for it.
    case settled(claim: Int64, ChainPlace, gasWei: UInt128? = nil)
    case refused(claim: Int64, WatchRefusal, gasWei: UInt128? = nil)
    /// The deadline passed; it is watched on.
    case unknown(claim: Int64)
    /// The blocks with the evidence were taken back.
    case reorganized(claim: Int64)
    /// What the chain says cannot change any more; it is watched no longer.
    case final(claim: Int64)
}

/// A closer look at one claim: its authorization's own events, and receipts.
public struct WatchLook: Hashable, Sendable {
    public let claim: Int64
    public let key: AuthorizationKey
    /// Blocks, both ends included.
    public let from: UInt64
    public let to: UInt64
    /// Transactions whose receipts are wanted.
    public let receipts: [Bytes32]
}

/// A look that may end in a refusal: every node is asked, and none may say otherwise.
public struct WatchAudit: Hashable, Sendable {
    public let look: WatchLook
    /// The node must have this block, of this hash, for its word to count.
    public let anchor: ChainAnchor
    let reason: WatchRefusal
}

/// A block by number and hash.
public struct ChainAnchor: Hashable, Sendable {
    public let number: UInt64
    public let hash: Bytes32

    public init(number: UInt64, hash: Bytes32) {
        self.number = number
        self.hash = hash
    }
}

/// What one node said to a look.
public struct WatchLookAnswer: Sendable {
    /// Events of the authorization in the range.
    public var logs: [RPCLog]
    /// Of the transactions asked for, those that are in a block.
    public var receipts: [RPCReceipt]

    public init(logs: [RPCLog], receipts: [RPCReceipt]) {
        self.logs = logs
        self.receipts = receipts
    }
}

/// What is asked first in a tick, beside the newest block and the relayers' counts.
public struct WatchProbe: Hashable, Sendable {
    /// The head whose hash is asked for again.
    public var check: UInt64?
    /// Blocks to ask for: to find where histories part, or whether evidence is final.
    public var blocks: [UInt64] = []
    /// The newest final block is wanted.
    public var wantsFinalized = false
}

/// What came of a probe. What was not answered is left out.
public struct WatchProbeAnswers: Sendable {
    public var latest: RPCBlock?
    /// Of `check` and `blocks`, those that the node has.
    public var blocks: [UInt64: RPCBlock] = [:]
    public var finalized: RPCBlock?
    /// Relayers' counts at the newest block.
    public var counts: [Address: UInt64] = [:]

    public init() {}
}

/// What is asked next in a tick, once the newest block is known.
public struct WatchPlan: Hashable, Sendable {
    /// Events of these tokens and payers in a range of blocks; nil where nothing is scanned for.
    public var scan: Scan?
    public var looks: [WatchLook] = []
    public var audits: [WatchAudit] = []
    /// Own transactions whose nonces are used, to be asked for beside: their receipts say how each of their claims went.
    public var receipts: [Bytes32] = []
    /// Claims that those are about.
    var mined: [Int64] = []
    /// Claims that the scan covers.
    var scanned: [Int64] = []

    public struct Scan: Hashable, Sendable {
        /// Blocks, both ends included.
        public var from: UInt64
        public var to: UInt64
        public var tokens: [Address]
        public var payers: [Address]
    }

    public var isEmpty: Bool { scan == nil && looks.isEmpty && audits.isEmpty && receipts.isEmpty }
}

/// What came of a plan's scan and looks. What was not answered is left out.
public struct WatchAnswers: Sendable {
    /// Nil where the scan was not answered.
    public var logs: [RPCLog]?
    public var looks: [Int64: WatchLookAnswer] = [:]
    /// Of the plan's, those that are in a block, by transaction.
    public var receipts: [Bytes32: RPCReceipt] = [:]

    public init() {}
}
