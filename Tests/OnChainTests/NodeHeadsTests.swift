import Bytes
import Testing

@testable import OnChain

@Suite struct NodeHeadsTests {
    private static func block(_ number: UInt64, _ timestamp: UInt64) -> RPCBlock {
        RPCBlock(number: number, hash: .zero, parentHash: .zero, timestamp: timestamp, baseFee: nil)
    }

    /// Behind by blocks and by time: neither alone says that a node has stopped.
    @Test(
        arguments: [
            (100, 1_000, false), (101, 1_010, false), (97, 1_000, false), (97, 998, false), (98, 900, false),
            (97, 997, true), (10, 100, true),
        ] as [(UInt64, UInt64, Bool)])
    func whoIsBehind(number: UInt64, timestamp: UInt64, isBehind: Bool) {
        var heads = NodeHeads()
        #expect(heads.bar(for: 0, now: 5) == nil)
        let first = heads.take(Self.block(100, 1_000), of: 0, bar: nil, now: 5)
        #expect(!first)
        let bar = heads.bar(for: 1, now: 6)
        #expect(bar == Self.block(100, 1_000))
        let found = heads.take(Self.block(number, timestamp), of: 1, bar: bar, now: 7)
        #expect(found == isBehind)
    }

    /// A node is not measured by itself, nor by one that has long been silent.
    @Test func whatABarIs() {
        var heads = NodeHeads()
        _ = heads.take(Self.block(100, 1_000), of: 0, bar: nil, now: 0)
        #expect(heads.bar(for: 0, now: 1) == nil)
        #expect(heads.bar(for: 1, now: NodeHeads.memoryMilliseconds - 1) != nil)
        #expect(heads.bar(for: 1, now: NodeHeads.memoryMilliseconds) == nil)
        _ = heads.take(Self.block(50, 500), of: 2, bar: nil, now: 10)
        #expect(heads.bar(for: 1, now: 11)?.number == 100)
        #expect(heads.bar(for: 0, now: 11)?.number == 50)
    }
}
