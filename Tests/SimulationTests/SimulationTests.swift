import Simulation
import Testing

@Suite struct SimulationTests {
    @Test func everySeedComesToRest() {
        for seed in UInt64(1)...1_000 {
            let faults = World(seed: seed).run()
            if let first = faults.first {
                Issue.record("\(first); to see how: make simulate SEED=\(seed)")
                return
            }
        }
    }
}
