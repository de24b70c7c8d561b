import Bytes

/// The journal's newest entry: whoever knows it knows whether anything before it was changed. Written `SEQUENCE:HASH`.
public struct JournalHead: Hashable, Sendable, CustomStringConvertible {
    /// Of the entry; 0 before the first.
    public let sequence: Int64
    /// SHA-256 over the entry and the hash of the one before it.
    public let hash: Bytes32

    public init(sequence: Int64, hash: Bytes32) {
        self.sequence = sequence
        self.hash = hash
    }

    /// As it is logged; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let sequence = Int64(parts[0]), sequence >= 0, String(sequence) == parts[0],
            parts[1].utf8.count == 64, let bytes = Hex.decode(String(parts[1])), let hash = Bytes32(bytes)
        else { return nil }
        self.init(sequence: sequence, hash: hash)
    }

    public var description: String { "\(sequence):\(hash.hex.dropFirst(2))" }
}
