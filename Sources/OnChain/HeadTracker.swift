import Bytes

/// The newest block of a chain as its nodes tell it, and whether blocks were taken back.
///
/// Only what was seen is remembered: the last heads, and farther back one in sixteen. So the place where two histories part is
/// found within what was seen, at it or a little below.
public struct HeadTracker: Sendable {
    /// What a look at the newest block showed.
    public enum Movement: Hashable, Sendable {
        /// Nothing new.
        case same
        case advanced
        /// The node that answered is behind what was seen.
        case behind
        /// A block that was seen is gone: ask for `history` and say `settle`.
        case reorganized
    }

    private static let closeHeads: UInt64 = 64
    private static let farStep: UInt64 = 16
    private static let farHeads: UInt64 = 4_096
    /// How many blocks are asked for at once to find where histories part: half of them the newest, half spread below.
    private static let questions = 80

    public private(set) var head: RPCBlock?
    /// Blocks were taken back, and it is not known yet how many.
    public private(set) var isLost = false
    private var seen: [UInt64: Bytes32] = [:]

    public init() {}

    /// - Parameters:
    ///   - latest: the newest block as a node tells it.
    ///   - hash: what the same node has at `head`'s number; nil where it has none or was not asked.
    public mutating func take(latest: RPCBlock, hashAtHead hash: Bytes32?) -> Movement {
        guard let head, !isLost else {
            if isLost { return .reorganized }
            advance(to: latest)
            return .advanced
        }
        if let known = seen[latest.number], known != latest.hash { return lose() }
        if latest.number == head.number { return .same }
        if latest.number < head.number { return .behind }
        let isAbove = latest.number == head.number + 1
        if isAbove, latest.parentHash != head.hash { return lose() }
        if let hash, hash != head.hash { return lose() }
        // Without a word about our head nothing is known of what lies between.
        if hash == nil && !isAbove { return .behind }
        advance(to: latest)
        return .advanced
    }

    /// Numbers of the blocks to ask for after `.reorganized`, highest first.
    public var history: [UInt64] {
        let numbers = seen.keys.sorted(by: >)
        let below = numbers.dropFirst(Self.questions / 2)
        let step = max(1, (below.count + Self.questions / 2 - 1) / (Self.questions / 2))
        return numbers.prefix(Self.questions / 2)
            + stride(from: below.startIndex, to: below.endIndex, by: step).map { below[$0] }
    }

    /// - Parameter hashes: of the blocks that `history` named, as a node has them now.
    /// - Returns: the highest block that both histories share: everything above it has to be read again. Zero where none of
    ///   those seen is left.
    public mutating func settle(latest: RPCBlock, hashes: [UInt64: Bytes32]) -> UInt64 {
        let shared = seen.filter { hashes[$0.key] == $0.value }.keys.max() ?? 0
        seen = seen.filter { $0.key <= shared }
        isLost = false
        advance(to: latest)
        return shared
    }

    /// Of the block with this number, where it was seen.
    public func hash(at number: UInt64) -> Bytes32? { seen[number] }

    /// How many blocks deep `block` lies; 1 for the newest, 0 above it.
    public func confirmations(of block: UInt64) -> UInt64 {
        guard let head, block <= head.number else { return 0 }
        return head.number - block + 1
    }

    private mutating func lose() -> Movement {
        isLost = true
        return .reorganized
    }

    private mutating func advance(to block: RPCBlock) {
        head = block
        seen[block.number] = block.hash
        guard seen.count > 2 * Int(Self.closeHeads), seen.count % Int(Self.closeHeads) == 0 else { return }
        seen = seen.filter { number, _ in
            number + Self.closeHeads > block.number
                || (number % Self.farStep == 0 && number + Self.farHeads > block.number)
        }
    }
}
