/// Twenty bytes by value: an Ethereum address without its meaning.
public struct Bytes20: Hashable, Sendable {
    private var high: UInt64
    private var middle: UInt64
    private var low: UInt32

    /// Nil unless `bytes` has exactly 20.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        let all = Array(bytes)
        high = all.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        middle = all.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) }
        low = all.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: 16, as: UInt32.self)) }
    }

    public static let zero = Bytes20([UInt8](repeating: 0, count: 20))!

    /// Most significant first.
    public var array: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(20)
        withUnsafeBytes(of: high.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: middle.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: low.bigEndian) { out.append(contentsOf: $0) }
        return out
    }

    /// `0x` and 40 lower-case digits; EIP-55 case is the business of `Chains`.
    public var hex: String { Hex.encodePrefixed(array) }
}

/// Thirty-two bytes by value: a hash, a nonce, a private scalar's public neighbours.
public struct Bytes32: Hashable, Sendable {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    /// Nil unless `bytes` has exactly 32.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        let all = Array(bytes)
        func word(_ at: Int) -> UInt64 {
            all.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
        }
        a = word(0)
        b = word(8)
        c = word(16)
        d = word(24)
    }

    public static let zero = Bytes32([UInt8](repeating: 0, count: 32))!

    /// Most significant first.
    public var array: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(32)
        for word in [a, b, c, d] { withUnsafeBytes(of: word.bigEndian) { out.append(contentsOf: $0) } }
        return out
    }

    /// `0x` and 64 lower-case digits.
    public var hex: String { Hex.encodePrefixed(array) }
}
