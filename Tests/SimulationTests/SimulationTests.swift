import Simulation
import Testing

/// The ledger, the money loop's queue and watchlist, a disk, a network, a chain, callers and an upstream, in worlds that each draw from a
/// seed what goes wrong. `make simulate` runs a million.
@Suite struct SimulationTests {
    private static let parts: UInt64 = 2
    private static let seedsOfPart: UInt64 = 125
    /// What happens in one world of twenty, or more often.
    private static let common: Set<String> = [
        "redeemed", "unknown", "pending", "a copy", "a stranger settles", "blocks are taken back", "bounded",
        "a wallet's money moves", "a caller leaves", "a broadcast arrives twice", "power lost", "killed",
        "a payer cancels", "a payer uses elsewhere", "a settlement is taken back", "outcome unknown", "a stored answer",
        "an identifier is held", "lease_timeout",
    ]

    @Test(arguments: 0..<parts) func everythingComesToRest(part: UInt64) {
        var seen: Set<String> = []
        for seed in (part * Self.seedsOfPart + 1)...((part + 1) * Self.seedsOfPart) {
            let world = World(seed: seed)
            if let fault = world.run().first {
                Issue.record("seed \(seed): \(fault); to see how: make simulate SEED=\(seed)")
                return
            }
            seen.formUnion(world.seen)
        }
        #expect(Self.common.subtracting(seen) == [], "the adversities do not happen")
    }

    /// Each judges by itself that nothing of its processes is left; nobody but its test can say that of a world.
    @Test func aWorldIsGoneWhenItEnded() {
        weak var gone: World?
        do {
            let world = World(seed: 1)
            _ = world.run()
            gone = world
        }
        #expect(gone == nil)
    }
}
