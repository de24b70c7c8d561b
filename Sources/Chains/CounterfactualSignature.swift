import Bytes

/// A signature of a contract account that is not deployed yet (ERC-6492): how to deploy it, and what it would say.
public struct CounterfactualSignature: Hashable, Sendable {
    public let factory: Address
    public let factoryCalldata: [UInt8]
    /// The signature inside the wrapper.
    public let inner: [UInt8]

    /// The last 32 bytes of a wrapped signature.
    static let magic = [UInt8]((0..<32).map { $0 & 1 == 0 ? 0x64 : 0x92 })

    /// Whether the signature ends as wrapped ones do; one that does and cannot be unwrapped is malformed.
    public static func isWrapped(_ signature: [UInt8]) -> Bool {
        signature.count >= 32 && signature[(signature.count - 32)...].elementsEqual(magic)
    }

    /// Decodes abi.encode(address, bytes, bytes) ‖ magic; nil where that is not what it is.
    public init?(_ signature: [UInt8]) {
        guard Self.isWrapped(signature) else { return nil }
        let body = signature[..<(signature.count - 32)]
        guard body.count >= 96, body[..<12].allSatisfy({ $0 == 0 }), let account = Bytes20(body[12..<32]),
            let calldata = Self.bytes(at: 32, in: body), let inner = Self.bytes(at: 64, in: body)
        else { return nil }
        factory = Address(account)
        factoryCalldata = calldata
        self.inner = inner
    }

    /// The `bytes` argument whose offset stands at `place`; nil where offset or length point outside.
    private static func bytes(at place: Int, in body: ArraySlice<UInt8>) -> [UInt8]? {
        guard let offset = number(at: place, in: body), let count = number(at: offset, in: body),
            count <= body.count - offset - 32
        else { return nil }
        return Array(body[offset + 32..<offset + 32 + count])
    }

    /// A word that can be a place within the body; nil for anything larger.
    private static func number(at place: Int, in body: ArraySlice<UInt8>) -> Int? {
        guard place <= body.count - 32, let word = Bytes32(body[place..<place + 32]),
            let value = UInt256(word).uint128, value <= UInt128(body.count)
        else { return nil }
        return Int(value)
    }
}
