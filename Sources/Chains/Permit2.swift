import Bytes

/// Uniswap's Permit2 with a witness, the other way `exact` (and the only way `upto`) of x402 moves a token.
public struct Permit2Authorization: Hashable, Sendable {
    public var token: Address
    /// Atomic units of the token.
    public var amount: UInt256
    /// The proxy that alone may use the permission.
    public var spender: Address
    public var nonce: UInt256
    /// Unix seconds; unusable after this moment.
    public var deadline: UInt256
    public var witness: Witness

    /// What the proxy is bound to.
    public struct Witness: Hashable, Sendable {
        public var to: Address
        /// Only in `upto`: who may settle.
        public var facilitator: Address?
        /// Unix seconds.
        public var validAfter: UInt256

        public init(to: Address, facilitator: Address? = nil, validAfter: UInt256) {
            self.to = to
            self.facilitator = facilitator
            self.validAfter = validAfter
        }
    }

    public init(
        token: Address, amount: UInt256, spender: Address, nonce: UInt256, deadline: UInt256, witness: Witness
    ) {
        self.token = token
        self.amount = amount
        self.spender = spender
        self.nonce = nonce
        self.deadline = deadline
        self.witness = witness
    }

    /// The contract, at the same address on every chain.
    public static let contract = Address.parse("0x000000000022D473030F116dDEE9F6B43aC78BA3")!.address
    /// The spender of `exact`.
    public static let exactProxy = Address.parse("0x402085c248EeA27D92E8b30b2C58ed07f9E20001")!.address
    /// The spender of `upto`.
    public static let uptoProxy = Address.parse("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002")!.address

    public static let domainTypeHash = Keccak256.hash(
        "EIP712Domain(string name,uint256 chainId,address verifyingContract)")
    static let tokenPermissionsType = "TokenPermissions(address token,uint256 amount)"
    static let exactWitnessType = "Witness(address to,uint256 validAfter)"
    static let uptoWitnessType = "Witness(address to,address facilitator,uint256 validAfter)"
    static let permitType =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
        + "Witness witness)"
    public static let exactTypeHash = Keccak256.hash(permitType + tokenPermissionsType + exactWitnessType)
    public static let uptoTypeHash = Keccak256.hash(permitType + tokenPermissionsType + uptoWitnessType)
    private static let tokenPermissionsTypeHash = Keccak256.hash(tokenPermissionsType)
    private static let exactWitnessTypeHash = Keccak256.hash(exactWitnessType)
    private static let uptoWitnessTypeHash = Keccak256.hash(uptoWitnessType)

    /// Permit2's domain has no version.
    public static func domainSeparator(chainID: UInt64) -> Bytes32 {
        var words = WordHasher(domainTypeHash)
        words.add(Keccak256.hash("Permit2"))
        words.add(UInt256(chainID))
        words.add(contract)
        return words.finish()
    }

    /// `hashStruct` of EIP-712.
    public var structHash: Bytes32 {
        var permitted = WordHasher(Self.tokenPermissionsTypeHash)
        permitted.add(token)
        permitted.add(amount)
        var bound = WordHasher(witness.facilitator == nil ? Self.exactWitnessTypeHash : Self.uptoWitnessTypeHash)
        bound.add(witness.to)
        if let facilitator = witness.facilitator { bound.add(facilitator) }
        bound.add(witness.validAfter)
        var words = WordHasher(witness.facilitator == nil ? Self.exactTypeHash : Self.uptoTypeHash)
        words.add(permitted.finish())
        words.add(spender)
        words.add(nonce)
        words.add(deadline)
        words.add(bound.finish())
        return words.finish()
    }

    /// What the holder signs.
    public func digest(domainSeparator: Bytes32) -> Bytes32 {
        EIP712.digest(domainSeparator: domainSeparator, structHash: structHash)
    }
}
