import Bytes
import Chains

/// A payment as a chain sees it: a token, an authorization, and a signature whose kind only its bytes and the payer's code
/// tell.
public struct ChainPayment: Hashable, Sendable {
    public var token: Address
    /// The token's EIP-712 domain.
    public var domainName: String
    public var domainVersion: String
    public var domainSeparator: Bytes32
    public var authorization: TransferWithAuthorization
    /// As the client sent it.
    public var signature: [UInt8]
    /// Contracts that may deploy the payer's wallet (ERC-6492).
    public var factories: [Address]

    public init(
        token: Address, domainName: String, domainVersion: String, domainSeparator: Bytes32,
        authorization: TransferWithAuthorization, signature: [UInt8], factories: [Address]
    ) {
        self.token = token
        self.domainName = domainName
        self.domainVersion = domainVersion
        self.domainSeparator = domainSeparator
        self.authorization = authorization
        self.signature = signature
        self.factories = factories
    }

    /// What the signature's bytes are.
    enum Form {
        /// 65 bytes: a key's, or a contract's that looks like one.
        case short
        /// Of another length: only a contract's.
        case long
        case counterfactual(CounterfactualSignature)
        /// It ends as a wrapped one does (ERC-6492), and cannot be unwrapped.
        case malformed
    }

    var form: Form {
        if CounterfactualSignature.isWrapped(signature) {
            return CounterfactualSignature(signature).map { .counterfactual($0) } ?? .malformed
        }
        return signature.count == 65 ? .short : .long
    }

    /// Its signature may be a plain account's key's.
    public var isPlain: Bool { if case .short = form { true } else { false } }

    var digest: Bytes32 { authorization.digest(domainSeparator: domainSeparator) }

    /// The signature without its wrapper.
    var innerSignature: [UInt8] {
        if case .counterfactual(let wrapped) = form { wrapped.inner } else { signature }
    }
}
