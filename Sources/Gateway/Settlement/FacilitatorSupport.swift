import JSON
import Payments

/// What a facilitator says it supports (`/supported`).
struct FacilitatorSupport: Hashable, Sendable {
    /// One entry of `kinds`; a network may end in `*` for all of its namespace.
    struct Kind: Hashable, Sendable {
        var version: Int
        var scheme: String
        var network: String
    }

    private static let maximumKinds = 1_000
    /// More than these are counted, not listed.
    private static let listed = 12

    let kinds: [Kind]

    /// Nil where it is no such answer. Entries that are not understood are passed over.
    init?(status: Int, body: [UInt8]) {
        guard status == 200 else { return nil }
        let kinds = FacilitatorMessages.object(body) { object -> [Kind]? in
            guard let kinds = object["kinds"], kinds.kind == .array else { return nil }
            return kinds.elements.prefix(Self.maximumKinds).compactMap { kind in
                guard let version = kind["x402Version"]?.int, let scheme = kind["scheme"]?.string,
                    let network = kind["network"]?.string
                else { return nil }
                return Kind(version: version, scheme: scheme, network: network)
            }
        }
        guard let kinds else { return nil }
        self.kinds = kinds
    }

    /// Whether payments of a version can be settled on a network.
    /// - Parameter network: CAIP-2 in version 2, a name in version 1.
    func takes(_ version: ProtocolVersion, network: String) -> Bool {
        kinds.contains { kind in
            guard kind.version == version.rawValue, kind.scheme == Offer.scheme else { return false }
            guard kind.network.hasSuffix(":*") else { return kind.network == network }
            return network.hasPrefix(kind.network.dropLast())
        }
    }

    /// What is supported, for the operator.
    var text: String {
        if kinds.isEmpty { return "nothing" }
        let shown = kinds.prefix(Self.listed).map { kind in
            "\(ConfigNode.shortened(kind.scheme)) on \(ConfigNode.shortened(kind.network)) (version \(kind.version))"
        }
        let more = kinds.count > Self.listed ? ", and \(kinds.count - Self.listed) more" : ""
        return shown.joined(separator: ", ") + more
    }
}
