import OnChain
import Testing

@Suite struct FeePolicyTests {
    private static let gwei: UInt128 = 1_000_000_000
    private let policy = FeePolicy(capWei: 5 * gwei)

    struct NewCase: Sendable {
        let base: UInt128
        let priority: UInt128
        let fees: Fees?
    }

    @Test(arguments: [
        NewCase(base: 0, priority: 0, fees: Fees(maxFeeWei: 0, priorityFeeWei: 0)),
        NewCase(base: 7, priority: 3, fees: Fees(maxFeeWei: 17, priorityFeeWei: 3)),
        NewCase(base: gwei, priority: gwei, fees: Fees(maxFeeWei: 3 * gwei, priorityFeeWei: gwei)),
        // Twice the base fee crosses the cap: what is left under it.
        NewCase(base: 3 * gwei, priority: gwei, fees: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: gwei)),
        NewCase(base: 4 * gwei, priority: 3 * gwei, fees: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: gwei)),
        // The next block's base fee could be 4.5 gwei, or 5.0625: the last could not be paid.
        NewCase(base: 40 * gwei / 9, priority: 1, fees: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: 1)),
        NewCase(base: 9 * gwei / 2, priority: 1, fees: nil),
        NewCase(base: 6 * gwei, priority: 0, fees: nil),
        NewCase(base: .max, priority: .max, fees: nil),
        NewCase(base: 1, priority: .max, fees: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: 5 * gwei - 1)),
    ])
    func newFees(_ sample: NewCase) {
        #expect(policy.fees(at: GasPrice(baseFeeWei: sample.base, priorityFeeWei: sample.priority)) == sample.fees)
    }

    struct BumpCase: Sendable {
        let former: Fees
        let base: UInt128
        let priority: UInt128
        let fees: Fees?
    }

    @Test(arguments: [
        // An eighth, rounded up.
        BumpCase(
            former: Fees(maxFeeWei: 1001, priorityFeeWei: 80), base: 1, priority: 1,
            fees: Fees(maxFeeWei: 1127, priorityFeeWei: 90)),
        // Nothing becomes something.
        BumpCase(
            former: Fees(maxFeeWei: 8, priorityFeeWei: 0), base: 1, priority: 0,
            fees: Fees(maxFeeWei: 9, priorityFeeWei: 1)),
        // Prices rose by more than an eighth.
        BumpCase(
            former: Fees(maxFeeWei: 100, priorityFeeWei: 10), base: 200, priority: 30,
            fees: Fees(maxFeeWei: 430, priorityFeeWei: 30)),
        // Up to the cap, and not beyond.
        BumpCase(
            former: Fees(maxFeeWei: 4 * gwei, priorityFeeWei: gwei), base: 4 * gwei, priority: gwei,
            fees: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: gwei * 9 / 8)),
        BumpCase(former: Fees(maxFeeWei: 5 * gwei, priorityFeeWei: 1), base: 1, priority: 1, fees: nil),
        BumpCase(former: Fees(maxFeeWei: .max, priorityFeeWei: 1), base: 1, priority: 1, fees: nil),
    ])
    func replacement(_ sample: BumpCase) {
        let price = GasPrice(baseFeeWei: sample.base, priorityFeeWei: sample.priority)
        #expect(policy.bumped(sample.former, at: price) == sample.fees)
    }

    @Test func everyBumpIsEnoughForEveryPool() throws {
        var fees = try #require(policy.fees(at: GasPrice(baseFeeWei: 1_000_003, priorityFeeWei: 7)))
        var bumps = 0
        while let next = policy.bumped(fees, at: GasPrice(baseFeeWei: 900_000, priorityFeeWei: 5)) {
            #expect(next.maxFeeWei * 1000 >= fees.maxFeeWei * 1125)
            #expect(next.priorityFeeWei * 1000 >= fees.priorityFeeWei * 1125)
            #expect(next.maxFeeWei <= policy.capWei && next.priorityFeeWei <= next.maxFeeWei)
            fees = next
            bumps += 1
        }
        #expect(bumps > 50)
    }
}
