import Chains
import OnChain

/// `relayer:`: who sends our transactions, and what they may cost.
public struct RelayerSettings: Sendable, Equatable {
    /// All different; none only where a reload brought the first, which a restart takes up.
    public var keys: [RelayerKey]
    /// Wei a unit of gas that a transaction pays at most, where its network says nothing else.
    public var maxFeeWei: UInt128 = RelayerSettings.defaultMaxFeeWei
    /// Wei below which a relayer's balance is worth a warning.
    public var lowBalanceWei: UInt128 = RelayerSettings.defaultLowBalanceWei
    /// Gas that a transaction may use.
    public var gasLimit: UInt64 = RelayerSettings.defaultGasLimit
    /// Payments that one transaction carries at most where many are to be settled; 1: each has its own.
    public var batch: Int = SettlementGathering.largest

    public static let defaultMaxFeeWei: UInt128 = 5_000_000_000
    public static let defaultLowBalanceWei: UInt128 = 2_000_000_000_000_000
    public static let defaultGasLimit: UInt64 = 500_000
}

/// One of the relayer's keys: where it stands, and the account it opens.
public struct RelayerKey: Sendable, Equatable, CustomStringConvertible {
    public let source: SecretSource
    /// Nil only in a revision loaded for `check`, where the key is missing.
    public let account: RelayerAccount?

    /// `0x… (env NAME)`.
    public var description: String { "\(account?.address.checksummed ?? "missing") (\(source))" }
}

/// An account that pays gas. It holds the key, wipes it when the last revision that has it goes, and prints its address alone.
///
/// Unchecked: the key is written once, in `init`, and only read from then on, which any number of threads may do.
public final class RelayerAccount: @unchecked Sendable, Equatable, CustomStringConvertible {
    public let address: Address
    private let key: PrivateKey

    init(_ key: consuming PrivateKey) {
        address = Secp256k1.address(of: key)
        self.key = key
    }

    /// Lends the key, for signing.
    public func withKey<Result>(_ body: (borrowing PrivateKey) throws -> Result) rethrows -> Result { try body(key) }

    public var description: String { address.checksummed }

    public static func == (a: RelayerAccount, b: RelayerAccount) -> Bool { a.address == b.address }
}
