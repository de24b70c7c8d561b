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
        let body = ABIWords(signature[..<(signature.count - 32)])
        guard let factory = body.address(at: 0), let calldata = body.bytes(at: 32), let inner = body.bytes(at: 64)
        else {
            return nil
        }
        self.factory = factory
        factoryCalldata = calldata
        self.inner = inner
    }
}
