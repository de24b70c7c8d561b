import Bytes
import Chains

/// One way to pay for a route: an entry of `accepts` with everything the server must know to check a payment for it.
///
/// Built once per route and payment when a revision is loaded; a payment is always compared with this, never with
/// what it claims.
public struct Offer: Sendable, Hashable {
    /// The only scheme of these offers.
    public static let scheme = "exact"

    /// The payment's name in the configuration, for logs and messages.
    public let paymentName: String
    /// CAIP-2, as in "eip155:84532".
    public let network: String
    /// The name that version 1 clients know ("base-sepolia"), or the CAIP-2 name itself where there is none.
    public let networkV1Name: String
    public let chainID: UInt64
    /// The token's contract, an EIP-3009 token.
    public let asset: Address
    public let assetDecimals: Int
    /// The token's EIP-712 domain.
    public let domainName: String
    public let domainVersion: String
    /// Of the token's EIP-712 domain; computed once, here.
    public let domainSeparator: Bytes32
    public let payTo: Address
    /// Atomic units of the asset.
    public let amountAtomic: UInt128
    public let maxTimeoutSeconds: Int
    /// The route settles before its upstream is asked: `extra.paymentFlow` is `upfront` in version 2.
    public let settlesFirst: Bool
    public let facilitator: Facilitator
    /// Factories that may deploy a payer's contract wallet (ERC-6492); none unless the operator names them.
    public let factories: [Address]

    public init(
        paymentName: String, network: String, networkV1Name: String, chainID: UInt64, asset: Address,
        assetDecimals: Int, domainName: String, domainVersion: String, payTo: Address, amountAtomic: UInt128,
        maxTimeoutSeconds: Int, settlesFirst: Bool,
        facilitator: Facilitator = .sandbox, factories: [Address] = []
    ) {
        self.paymentName = paymentName
        self.network = network
        self.networkV1Name = networkV1Name
        self.chainID = chainID
        self.asset = asset
        self.assetDecimals = assetDecimals
        self.domainName = domainName
        self.domainVersion = domainVersion
        domainSeparator = EIP712.domainSeparator(
            name: domainName, version: domainVersion, chainID: chainID, verifyingContract: asset)
        self.payTo = payTo
        self.amountAtomic = amountAtomic
        self.maxTimeoutSeconds = maxTimeoutSeconds
        self.settlesFirst = settlesFirst
        self.facilitator = facilitator
        self.factories = factories
    }

    /// The same at another price, to another recipient.
    public func priced(at amountAtomic: UInt128, to payTo: Address) -> Offer {
        Offer(
            paymentName: paymentName, network: network, networkV1Name: networkV1Name, chainID: chainID, asset: asset,
            assetDecimals: assetDecimals, domainName: domainName, domainVersion: domainVersion, payTo: payTo,
            amountAtomic: amountAtomic, maxTimeoutSeconds: maxTimeoutSeconds, settlesFirst: settlesFirst,
            facilitator: facilitator, factories: factories)
    }
}
