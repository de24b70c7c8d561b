import Bytes
import Synchronization

/// The keys of a running gateway: which one signs, and which ones others are told of.
final class AssertionKeys: Sendable {
    /// As long as a token may still be shown, and some time for clocks that differ.
    static let keptSeconds: Int64 = Assertion.lifetimeSeconds + 180

    let signer: AssertionKey
    /// Configured keys beside the one that signs, in their order.
    private let others: [PublishedKey]
    /// Keys that signed before, with the Unix seconds until which they are published.
    private let former: [(key: PublishedKey, until: Int64)]

    private init(_ signer: AssertionKey, _ others: [PublishedKey], _ former: [(key: PublishedKey, until: Int64)]) {
        self.signer = signer
        self.others = others
        self.former = former
    }

    /// The keys of a revision: those of its config, else that of the file beside its ledger; nil where no upstream wants assertions
    /// and none is configured.
    ///
    /// - Parameters:
    ///   - replaced: the keys so far; what signed among them stays published until its tokens are over.
    ///   - now: Unix seconds.
    static func load(
        _ settings: Settings, _ upstreams: [UpstreamSettings], replacing replaced: AssertionKeys?, now: Int64
    )
        throws(FileFault) -> AssertionKeys?
    {
        var all = settings.assertionKeys
        var retired: [PublishedKey] = []
        if all.isEmpty && (replaced != nil || upstreams.contains(where: \.wantsAssertion)) {
            let file = AssertionKeyFile(ledgerPath: settings.ledgerPath)
            do {
                let contents = try file.readOrMake()
                all = [contents.key]
                retired = contents.former
            } catch {
                throw FileFault(reason: "\(file.path): \(error.reason)")
            }
        }
        guard let signer = all.first else { return nil }
        let others = all.dropFirst().map(\.published)
        // With those whose time is over, so that a key is not taken up again because it still stands in the file.
        var former = replaced?.former ?? []
        for key in (replaced.map { [$0.signer.published] } ?? []) + retired
        where !former.contains(where: { $0.key == key }) {
            former.append((key, now + keptSeconds))
        }
        former.removeAll { former in former.key == signer.published || others.contains(former.key) }
        return AssertionKeys(signer, others, former)
    }

    /// The JWK set (RFC 7517 §5) at `now`, in Unix seconds.
    func json(now: Int64) -> String {
        let keys = [signer.published] + others + former.filter { $0.until >= now }.map(\.key)
        return "{\"keys\":[\(keys.map(\.json).joined(separator: ","))]}\n"
    }
}
