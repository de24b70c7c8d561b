import Bytes

/// Typed structured data (EIP-712): domain separators and digests.
///
/// A separator depends only on the token and its chain: compute it once per offer and keep it.
public enum EIP712 {
    /// keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    public static let domainTypeHash = Keccak256.hash(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")

    /// The separator of a domain with all four fields, as EIP-3009 tokens have it.
    public static func domainSeparator(
        name: String, version: String, chainID: UInt64, verifyingContract: Address
    ) -> Bytes32 {
        var words = WordHasher(domainTypeHash)
        words.add(Keccak256.hash(name))
        words.add(Keccak256.hash(version))
        words.add(UInt256(chainID))
        words.add(verifyingContract)
        return words.finish()
    }

    /// keccak256(0x19 ‖ 0x01 ‖ domainSeparator ‖ structHash): what is signed.
    public static func digest(domainSeparator: Bytes32, structHash: Bytes32) -> Bytes32 {
        var keccak = Keccak256()
        withUnsafeBytes(of: (UInt8(0x19), UInt8(0x01))) { keccak.update($0) }
        keccak.update(domainSeparator)
        keccak.update(structHash)
        return keccak.finish()
    }
}

/// Hashes a run of 32-byte words: `encodeData` of EIP-712, whose fields are all one word here.
struct WordHasher {
    private var keccak = Keccak256()

    init(_ typeHash: Bytes32) { keccak.update(typeHash) }

    mutating func add(_ word: Bytes32) { keccak.update(word) }
    mutating func add(_ number: UInt256) { keccak.update(number.bytes) }

    mutating func add(_ address: Address) {
        withUnsafeBytes(of: (UInt32(0), UInt32(0), UInt32(0))) { keccak.update($0) }
        address.bytes.withBytes { keccak.update($0) }
    }

    mutating func finish() -> Bytes32 { keccak.finish() }
}
