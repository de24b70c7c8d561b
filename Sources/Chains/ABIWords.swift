import Bytes

/// Reads what the Solidity ABI specification lays out, with every offset and length checked against the bytes there are.
public struct ABIWords: Sendable {
    private let bytes: ArraySlice<UInt8>

    public init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    public var count: Int { bytes.count }

    /// The word `place` bytes in; nil outside.
    public func word(at place: Int) -> Bytes32? {
        guard place >= 0 && place <= bytes.count - 32 else { return nil }
        let start = bytes.startIndex + place
        return Bytes32(bytes[start..<start + 32])
    }

    /// A word that can be an offset or a length here; nil for anything larger.
    public func place(at place: Int) -> Int? {
        guard let value = word(at: place).flatMap({ UInt256($0).uint128 }), value <= UInt128(bytes.count) else {
            return nil
        }
        return Int(value)
    }

    public func address(at place: Int) -> Address? {
        guard let word = word(at: place)?.array, word[..<12].allSatisfy({ $0 == 0 }) else { return nil }
        return Bytes20(word[12...]).map { Address($0) }
    }

    /// Nil unless the word is 0 or 1.
    public func bool(at place: Int) -> Bool? {
        switch word(at: place).map({ UInt256($0) }) {
        case .zero?: false
        case UInt256(UInt64(1))?: true
        default: nil
        }
    }

    /// The `bytes` or `string` whose offset stands at `place`; nil where offset or length point outside.
    public func bytes(at place: Int) -> [UInt8]? {
        guard let offset = self.place(at: place), let length = self.place(at: offset),
            length <= bytes.count - offset - 32
        else { return nil }
        let start = bytes.startIndex + offset + 32
        return Array(bytes[start..<start + length])
    }

    /// What begins `place` bytes in: offsets within it are counted from there. Nil outside.
    public func from(_ place: Int) -> ABIWords? {
        guard place >= 0 && place <= bytes.count else { return nil }
        return ABIWords(bytes[(bytes.startIndex + place)...])
    }
}

/// The whole answer of a function that returns one value. Nil for anything else.
extension ABIWords {
    public var soleNumber: UInt256? { count == 32 ? word(at: 0).map { UInt256($0) } : nil }

    public var soleBool: Bool? { count == 32 ? bool(at: 0) : nil }

    /// Valid UTF-8.
    public var soleString: String? { bytes(at: 0).flatMap { String(validating: $0, as: UTF8.self) } }
}
