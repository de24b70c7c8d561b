/// Twenty bytes by value: an Ethereum address without its meaning.
public struct Bytes20: Hashable, Sendable {
    // The bytes in their order; what number a part is depends on the machine and is never looked at.
    @usableFromInline var first: UInt64
    @usableFromInline var second: UInt64
    @usableFromInline var third: UInt32

    /// Nil unless `bytes` has exactly 20.
    @inlinable public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 20 else { return nil }
        first = bytes.loadUnaligned(as: UInt64.self)
        second = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        third = bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
    }

    /// Nil unless `bytes` has exactly 20.
    @inlinable public init?(_ bytes: some Collection<UInt8>) {
        let read =
            bytes.withContiguousStorageIfAvailable { Bytes20(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { Bytes20($0) }
        guard let read else { return nil }
        self = read
    }

    public static let zero = Bytes20([UInt8](repeating: 0, count: 20))!

    /// The twenty bytes, most significant first. Good within the call.
    @inlinable public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: self, body)
    }

    /// Most significant first.
    public var array: [UInt8] { withBytes { Array($0) } }

    /// `0x` and 40 lower-case digits; EIP-55 case is the business of `Chains`.
    public var hex: String { withBytes { Hex.encodePrefixed($0) } }
}

/// Thirty-two bytes by value: a hash, a nonce, a private scalar's public neighbours.
public struct Bytes32: Hashable, Sendable {
    // As in `Bytes20`.
    @usableFromInline var first: UInt64
    @usableFromInline var second: UInt64
    @usableFromInline var third: UInt64
    @usableFromInline var fourth: UInt64

    /// Nil unless `bytes` has exactly 32.
    @inlinable public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        first = bytes.loadUnaligned(as: UInt64.self)
        second = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        third = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        fourth = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    /// Nil unless `bytes` has exactly 32.
    @inlinable public init?(_ bytes: some Collection<UInt8>) {
        let read =
            bytes.withContiguousStorageIfAvailable { Bytes32(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { Bytes32($0) }
        guard let read else { return nil }
        self = read
    }

    public static let zero = Bytes32([UInt8](repeating: 0, count: 32))!

    /// The thirty-two bytes, most significant first. Good within the call.
    @inlinable public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: self, body)
    }

    /// Most significant first.
    public var array: [UInt8] { withBytes { Array($0) } }

    /// `0x` and 64 lower-case digits.
    public var hex: String { withBytes { Hex.encodePrefixed($0) } }
}

extension Array where Element == UInt8 {
    /// Appends the twenty bytes, most significant first.
    @inlinable public mutating func append(_ bytes: Bytes20) { bytes.withBytes { append(contentsOf: $0) } }

    /// Appends the thirty-two bytes, most significant first.
    @inlinable public mutating func append(_ bytes: Bytes32) { bytes.withBytes { append(contentsOf: $0) } }
}
