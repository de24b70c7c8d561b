import Bytes
import Ledger

/// One entry of `customers:`: who passes unpaid.
public struct CustomerSettings: Sendable, Equatable {
    public var name: String
    /// SHA-256 of the field's whole value; more than one while a key is changed.
    public var keyHashes: [Bytes32]
    /// The field that holds the key.
    public var header: String
    /// Nil: as often as they like.
    public var rate: RateBound?
    public var place: ConfigPlace

    public static func == (a: CustomerSettings, b: CustomerSettings) -> Bool {
        (a.name, a.header, a.rate) == (b.name, b.header, b.rate) && a.keyHashes == b.keyHashes
    }
}
