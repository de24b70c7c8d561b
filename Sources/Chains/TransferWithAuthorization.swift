import Bytes

/// EIP-3009: a token holder's signed permission to move `value` from its account to one recipient within a window.
public struct TransferWithAuthorization: Hashable, Sendable {
    public var from: Address
    public var to: Address
    /// Atomic units of the token.
    public var value: UInt256
    /// Unix seconds; usable strictly after this moment.
    public var validAfter: UInt256
    /// Unix seconds; usable strictly before this moment.
    public var validBefore: UInt256
    /// Any 32 bytes the holder has not used before.
    public var nonce: Bytes32

    public init(
        from: Address, to: Address, value: UInt256, validAfter: UInt256, validBefore: UInt256, nonce: Bytes32
    ) {
        self.from = from
        self.to = to
        self.value = value
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.nonce = nonce
    }

    /// keccak256 of the type as EIP-3009 writes it.
    public static let typeHash = Keccak256.hash(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
            + "bytes32 nonce)")

    /// `hashStruct` of EIP-712.
    public var structHash: Bytes32 {
        var words = WordHasher(Self.typeHash)
        words.add(from)
        words.add(to)
        words.add(value)
        words.add(validAfter)
        words.add(validBefore)
        words.add(nonce)
        return words.finish()
    }

    /// What the holder signs, for a token whose separator is `domainSeparator`.
    public func digest(domainSeparator: Bytes32) -> Bytes32 {
        EIP712.digest(domainSeparator: domainSeparator, structHash: structHash)
    }
}
