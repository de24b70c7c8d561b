import Bytes

/// The four bytes that name a function: the first of the hash of its signature.
struct ABISelector: Sendable {
    let bytes: [UInt8]

    /// - Parameter signature: name and types of the arguments, as in `name(address,bytes32)`.
    init(_ signature: String) { bytes = Array(Keccak256.hash(signature).array[..<4]) }
}

/// A contract call's data: a selector and arguments, laid out by the Solidity ABI specification.
///
/// Static arguments are one word each; a `bytes` argument leaves its offset among them and its content after all.
struct ABICall {
    private var head: [UInt8]
    private var tail: [UInt8] = []
    private let headBytes: Int

    /// - Parameter arguments: how many there are, so that offsets are known.
    init(_ function: ABISelector, arguments: Int) {
        headBytes = arguments * 32
        head = []
        head.reserveCapacity(4 + headBytes)
        head += function.bytes
    }

    mutating func add(_ word: Bytes32) { head.append(word) }
    mutating func add(_ number: UInt256) { head.append(number.bytes) }

    mutating func add(_ address: Address) {
        head.append(contentsOf: repeatElement(0, count: 12))
        head.append(address.bytes)
    }

    mutating func add(_ bytes: [UInt8]) {
        add(UInt256(UInt64(headBytes + tail.count)))
        tail.append(UInt256(UInt64(bytes.count)).bytes)
        tail += bytes
        tail.append(contentsOf: repeatElement(0, count: (32 - bytes.count % 32) % 32))
    }

    var data: [UInt8] { tail.isEmpty ? head : head + tail }
}

extension TransferWithAuthorization {
    private static let parameters = "address,address,uint256,uint256,uint256,bytes32"
    private static let withKeySignature = ABISelector(
        "transferWithAuthorization(\(parameters),uint8,bytes32,bytes32)")
    private static let withContractSignature = ABISelector("transferWithAuthorization(\(parameters),bytes)")

    /// Data of `transferWithAuthorization(…,uint8 v,bytes32 r,bytes32 s)`: for a plain account's signature.
    public func calldata(signature: Signature) -> [UInt8] {
        var call = ABICall(Self.withKeySignature, arguments: 9)
        addFields(to: &call)
        call.add(UInt256(UInt64(27 + signature.yParity)))
        call.add(signature.r)
        call.add(signature.s)
        return call.data
    }

    /// Data of `transferWithAuthorization(…,bytes signature)`: for a contract's signature of any length.
    public func calldata(contractSignature: [UInt8]) -> [UInt8] {
        var call = ABICall(Self.withContractSignature, arguments: 7)
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
