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
        let fields = encodedFields
        let signature = Secp256k1.sign(digest: Keccak256.hash(Self.list(fields, [])), with: key)
        var signing: [UInt8] = []
        RLP.append(UInt256(UInt64(signature.yParity)), to: &signing)
        RLP.append(UInt256(signature.r), to: &signing)
        RLP.append(UInt256(signature.s), to: &signing)
        let raw = Self.list(fields, signing)
        return Signed(raw: raw, hash: Keccak256.hash(raw), signature: signature)
    }

    /// All but the signature, one after another.
    private var encodedFields: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(data.count + 128)
        RLP.append(UInt256(chainID), to: &out)
        RLP.append(UInt256(nonce), to: &out)
        RLP.append(maxPriorityFeePerGas, to: &out)
        RLP.append(maxFeePerGas, to: &out)
        RLP.append(UInt256(gasLimit), to: &out)
        to.bytes.withBytes { RLP.append($0, to: &out) }
        RLP.append(value, to: &out)
        RLP.append(data, to: &out)
        RLP.appendListPrefix(0, to: &out)
        return out
    }

    /// The transaction's type (EIP-2718), and a list of encoded fields.
    private static func list(_ fields: [UInt8], _ signature: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(fields.count + signature.count + 10)
        out.append(0x02)
        RLP.appendListPrefix(fields.count + signature.count, to: &out)
        out += fields
        out += signature
        return out
    }
}
