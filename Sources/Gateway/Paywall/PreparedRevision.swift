import HTTP

/// A revision with everything that is computed once for it: shared by all loops, never changed.
final class PreparedRevision: Sendable {
    let revision: Revision
    /// Of the revision, at hand for every request.
    let table: RouteTable
    private let challenges: [Challenge?]
    /// For the revision's https upstreams; read here, where no loop waits for the disk.
    let trusts: TrustedAuthorities

    /// What stands before its routes beside prices.
    let doors: RevisionDoors

    /// Nil where no upstream wants assertions.
    let assertionKeys: AssertionKeys?

    /// - Parameter live: what bounds count, of this process.
    init(_ revision: Revision, live: LiveBounds = LiveBounds(), assertionKeys: AssertionKeys? = nil) {
        self.revision = revision
        self.assertionKeys = assertionKeys
        table = revision.table
        doors = RevisionDoors(revision, live)
        trusts = TrustedAuthorities(reading: revision.upstreams.filter(\.url.isTLS).map(\.caFile))
        challenges = revision.routes.map { route in
            route.terms.map { Challenge($0, settings: revision.settings) }
        }
    }

    /// The 402 of a priced route.
    func challenge(of route: Route) -> Challenge {
        guard let challenge = challenges[route.index] else { preconditionFailure("a free route has no 402") }
        return challenge
    }
}
