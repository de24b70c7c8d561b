import Chains
import Payments

/// One entry of `payments:`: an asset on a network, who is paid, and who settles.
public struct PaymentMethod: Sendable {
    public var name: String
    /// CAIP-2, `eip155:84532`.
    public var network: String
    /// The name V1 clients know it by; the CAIP-2 text itself where there is none.
    public var networkV1Name: String
    public var chainID: UInt64
    public var asset: Address
    /// `USDC`, or the name the operator gave the contract.
    public var assetLabel: String
    public var assetDecimals: Int
    /// EIP-712 domain of the asset.
    public var domainName: String
    public var domainVersion: String
    public var payTo: Address
    public var facilitator: Facilitator
    /// Contracts that may deploy a payer's wallet (ERC-6492).
    public var factories: [Address]
    /// When a settlement on the chain counts; nil where no chain is read: the sandbox, or a facilitator's word alone.
    public var confirmations: Confirmations?
    /// Seconds that a settlement may take, kept free at the end of a payment's window.
    public var settlementSeconds: Int
    public var place: ConfigPlace
}

extension PaymentMethod {
    /// Of the sandbox: as much as checking and sending take.
    static let sandboxSeconds = 6
}

extension Facilitator {
    /// As the config writes it: `self`, `sandbox`, or a name under `facilitators`.
    public var configText: String {
        switch self {
        case .sandbox: "sandbox"
        case .chain: "self"
        case .remote(let name): name
        }
    }
}
