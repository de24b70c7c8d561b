/// One entry of `networks:`: how a chain is reached, and when it is believed.
public struct NetworkSettings: Sendable, Equatable {
    /// As the config writes it: `base-sepolia`, `eip155:31337`.
    public var name: String
    public var chainID: UInt64
    /// In the order in which they are preferred while all are well; empty where none is written.
    public var rpc: [ServiceURL]
    public var confirmations: Confirmations
    /// From the relayer's or the facilitator's turn to the moment when the caller is told that the outcome is not known.
    public var settleTimeoutMilliseconds: Int
    /// Wei a unit of gas that our transactions on this chain pay at most; nil: what the relayer's settings say.
    public var maxFeeWei: UInt128?
    /// PEM file of the authorities that may sign the certificates of `rpc`; nil: the system's.
    public var caFile: String?
    public var place: ConfigPlace

    /// Where nothing is written.
    public static let defaultSettleTimeoutMilliseconds = 30_000

    /// Wei a unit of gas that a transaction of `relayer` on this chain pays at most.
    func feeCapWei(_ relayer: RelayerSettings?) -> UInt128 {
        maxFeeWei ?? relayer?.maxFeeWei ?? RelayerSettings.defaultMaxFeeWei
    }
}

/// Blocks that make a settlement count: 1 is the block that holds it.
public struct Confirmations: Sendable, Equatable, CustomStringConvertible {
    /// From more than so many dollars on.
    struct Tier: Sendable, Equatable {
        var above: DollarPrice
        var blocks: Int
    }

    /// For amounts that no tier covers.
    public let fewest: Int
    /// From small amounts to large ones, each with more blocks than the one before.
    let tiers: [Tier]

    init(fewest: Int, tiers: [Tier] = []) {
        self.fewest = fewest
        self.tiers = tiers
    }

    /// One block, whatever the amount.
    public static let one = Confirmations(fewest: 1)

    /// - Parameters:
    ///   - amountAtomic: units of the asset.
    ///   - decimals: of the asset, one unit of which counts as one dollar.
    public func blocks(amountAtomic: UInt128, decimals: Int) -> Int {
        tiers.last { amountAtomic > $0.above.wholeAtomic(decimals: decimals) }?.blocks ?? fewest
    }

    /// `1, above $1: 3`.
    public var description: String {
        (["\(fewest)"] + tiers.map { "above \($0.above.text): \($0.blocks)" }).joined(separator: ", ")
    }
}
