/// Who moves the money of a claim.
public enum ClaimFacilitator: Hashable, Sendable {
    /// Inside the ledger, with play money: each new wallet starts with ten whole units of the asset.
    case sandbox
    /// Our own relayer, on the chain.
    case chain
    /// A facilitator of this name, asked over HTTP.
    case remote(String)

    private static let remotePrefix = "remote:"

    /// As a row holds it: `sandbox`, `self` or `remote:NAME`.
    public var rawText: String {
        switch self {
        case .sandbox: "sandbox"
        case .chain: "self"
        case .remote(let name): Self.remotePrefix + name
        }
    }

    /// Reads what `rawText` writes; nil for anything else.
    public init?(text: String) {
        switch text {
        case "sandbox": self = .sandbox
        case "self": self = .chain
        default:
            guard text.hasPrefix(Self.remotePrefix), text.utf8.count > Self.remotePrefix.utf8.count else { return nil }
            self = .remote(String(text.dropFirst(Self.remotePrefix.count)))
        }
    }
}
