import Bytes

/// A transaction of type 2 (EIP-1559) without an access list.
public struct FeeMarketTransaction: Hashable, Sendable {
    public var chainID: UInt64
    public var nonce: UInt64
    /// Wei per unit of gas.
    public var maxPriorityFeePerGas: UInt256
    /// Wei per unit of gas.
    public var maxFeePerGas: UInt256
    public var gasLimit: UInt64
    public var to: Address
    /// Wei.
    public var value: UInt256
    public var data: [UInt8]

    public init(
        chainID: UInt64, nonce: UInt64, maxPriorityFeePerGas: UInt256, maxFeePerGas: UInt256, gasLimit: UInt64,
        to: Address, value: UInt256, data: [UInt8]
    ) {
        self.chainID = chainID
        self.nonce = nonce
        self.maxPriorityFeePerGas = maxPriorityFeePerGas
        self.maxFeePerGas = maxFeePerGas
        self.gasLimit = gasLimit
        self.to = to
        self.value = value
        self.data = data
    }

    /// What is sent to a node, and the hash it will be known by.
    public struct Signed: Hashable, Sendable {
        public let raw: [UInt8]
        public let hash: Bytes32
        public let signature: Signature
    }

    public func signed(with key: borrowing PrivateKey) -> Signed {
        let signature = Secp256k1.sign(digest: Keccak256.hash(encoded([])), with: key)
        let raw = encoded([
            RLP.encode(UInt256(UInt64(signature.yParity))),
            RLP.encode(UInt256(signature.r)),
            RLP.encode(UInt256(signature.s)),
        ])
        return Signed(raw: raw, hash: Keccak256.hash(raw), signature: signature)
    }

    private func encoded(_ signature: [[UInt8]]) -> [UInt8] {
        let fields: [[UInt8]] = [
            RLP.encode(UInt256(chainID)),
            RLP.encode(UInt256(nonce)),
            RLP.encode(maxPriorityFeePerGas),
            RLP.encode(maxFeePerGas),
            RLP.encode(UInt256(gasLimit)),
            RLP.encode(to.bytes.array),
            RLP.encode(value),
            RLP.encode(data),
            RLP.list([]),
        ]
        return [0x02] + RLP.list(fields + signature)
    }
}
