/// The newest blocks that the nodes of one chain told, and who of them is behind the others.
///
/// A node that has stopped still answers, and what it answers was true once: it sees neither new money nor new evidence.
/// Time is given in milliseconds of any monotonic clock.
public struct NodeHeads: Sendable {
    /// Nodes of one chain are never quite together: so much in both is no stop.
    static let blocksAtMost: UInt64 = 3
    static let secondsAtMost: UInt64 = 3
    /// As long as a node that says nothing any more still shows that others are behind.
    static let memoryMilliseconds: UInt64 = 60_000

    private var told: [Int: (block: RPCBlock, at: UInt64)] = [:]

    public init() {}

    /// What a node that is asked now is to be compared with: the newest block that another one told before.
    public func bar(for node: Int, now: UInt64) -> RPCBlock? {
        told.filter { $0.key != node && now < $0.value.at + Self.memoryMilliseconds }
            .map(\.value.block).max { $0.number < $1.number }
    }

    /// Notes what a node told.
    ///
    /// - Parameter bar: from before it was asked, so that it had the time to have that block.
    /// - Returns: whether it is behind.
    public mutating func take(_ block: RPCBlock, of node: Int, bar: RPCBlock?, now: UInt64) -> Bool {
        told[node] = (block, now)
        guard let bar else { return false }
        return bar.number >= block.number + Self.blocksAtMost && bar.timestamp >= block.timestamp + Self.secondsAtMost
    }
}
