import Bytes

/// A contract call's data: a selector and arguments, laid out by the Solidity ABI specification.
///
/// Static arguments are one word each; a `bytes` argument leaves its offset among them and its content after all.
struct ABICall {
    private var head: [UInt8]
    private var tail: [UInt8] = []
    private let headBytes: Int

    /// - Parameter arguments: how many there are, so that offsets are known.
    init(_ signature: String, arguments: Int) {
        head = Array(Keccak256.hash(signature).array[..<4])
        headBytes = arguments * 32
    }

    mutating func add(_ word: Bytes32) { head += word.array }
    mutating func add(_ number: UInt256) { add(number.bytes) }

    mutating func add(_ address: Address) {
        head += [UInt8](repeating: 0, count: 12)
        head += address.bytes.array
    }

    mutating func add(_ bytes: [UInt8]) {
        add(UInt256(UInt64(headBytes + tail.count)))
        tail += UInt256(UInt64(bytes.count)).bytes.array
        tail += bytes
        tail += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }

    var data: [UInt8] { head + tail }
}

extension TransferWithAuthorization {
    private static let parameters = "address,address,uint256,uint256,uint256,bytes32"

    /// Data of `transferWithAuthorization(…,uint8 v,bytes32 r,bytes32 s)`: for a plain account's signature.
    public func calldata(signature: Signature) -> [UInt8] {
        var call = ABICall("transferWithAuthorization(\(Self.parameters),uint8,bytes32,bytes32)", arguments: 9)
        addFields(to: &call)
        call.add(UInt256(UInt64(27 + signature.yParity)))
        call.add(signature.r)
        call.add(signature.s)
        return call.data
    }

    /// Data of `transferWithAuthorization(…,bytes signature)`: for a contract's signature of any length.
    public func calldata(contractSignature: [UInt8]) -> [UInt8] {
        var call = ABICall("transferWithAuthorization(\(Self.parameters),bytes)", arguments: 7)
        addFields(to: &call)
        call.add(contractSignature)
        return call.data
    }

    private func addFields(to call: inout ABICall) {
        call.add(from)
        call.add(to)
        call.add(value)
        call.add(validAfter)
        call.add(validBefore)
        call.add(nonce)
    }
}
