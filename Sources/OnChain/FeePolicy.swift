/// What a transaction offers for a unit of gas (EIP-1559), in wei.
public struct Fees: Hashable, Sendable {
    /// The most that is paid in all, base fee and priority together.
    public let maxFeeWei: UInt128
    /// The most that is paid beyond the base fee; never above `maxFeeWei`.
    public let priorityFeeWei: UInt128

    public init(maxFeeWei: UInt128, priorityFeeWei: UInt128) {
        self.maxFeeWei = maxFeeWei
        self.priorityFeeWei = min(priorityFeeWei, maxFeeWei)
    }
}

/// What a unit of gas costs now, as a chain says it, in wei.
public struct GasPrice: Hashable, Sendable {
    /// Of the newest block (`baseFeePerGas`).
    public let baseFeeWei: UInt128
    /// What a node advises to add (`eth_maxPriorityFeePerGas`).
    public let priorityFeeWei: UInt128

    public init(baseFeeWei: UInt128, priorityFeeWei: UInt128) {
        self.baseFeeWei = baseFeeWei
        self.priorityFeeWei = priorityFeeWei
    }
}

/// How much a relayer offers for gas, below a cap that it never crosses.
public struct FeePolicy: Hashable, Sendable {
    /// The most that any transaction offers for a unit of gas, in wei.
    public let capWei: UInt128

    public init(capWei: UInt128) { self.capWei = capWei }

    /// The fees of a new transaction: twice the base fee and the advised priority, so that it stays good through six blocks of
    /// the steepest rise. Nil where the cap leaves no room: the next block's base fee may be an eighth above this one's
    /// (EIP-1559), and what is offered less could not be mined.
    public func fees(at price: GasPrice) -> Fees? {
        guard let least = Self.sum(price.baseFeeWei, price.baseFeeWei / 8), least <= capWei else { return nil }
        let wanted = Self.wanted(price)
        // Beyond the base fee under the cap nothing is left to give.
        let priority = min(price.priorityFeeWei, capWei - price.baseFeeWei)
        return Fees(maxFeeWei: min(wanted, capWei), priorityFeeWei: priority)
    }

    /// The fees of a replacement: at least an eighth above the former in both, which every node's pool takes as enough, and
    /// what a new transaction would offer where that is more. Nil where the cap is in the way.
    public func bumped(_ former: Fees, at price: GasPrice) -> Fees? {
        guard let leastMax = Self.anEighthMore(former.maxFeeWei),
            let leastPriority = Self.anEighthMore(former.priorityFeeWei), leastMax <= capWei
        else { return nil }
        let maxFee = min(max(leastMax, Self.wanted(price)), capWei)
        let priority = min(max(leastPriority, price.priorityFeeWei), maxFee)
        guard priority >= leastPriority else { return nil }
        return Fees(maxFeeWei: maxFee, priorityFeeWei: priority)
    }

    /// Saturated: the cap cuts it.
    private static func wanted(_ price: GasPrice) -> UInt128 {
        guard let twice = sum(price.baseFeeWei, price.baseFeeWei) else { return .max }
        return sum(twice, price.priorityFeeWei) ?? .max
    }

    /// Rounded up, and above the former even where that is nothing.
    private static func anEighthMore(_ fee: UInt128) -> UInt128? {
        sum(fee, fee / 8 + (fee % 8 == 0 && fee > 0 ? 0 : 1))
    }

    private static func sum(_ a: UInt128, _ b: UInt128) -> UInt128? {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? nil : sum
    }
}
