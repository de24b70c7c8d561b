import Payments

/// One entry of `routes:`.
public final class Route: Sendable {
    /// Its place in `Revision.routes`.
    public let index: Int
    /// As written: `GET /v1/reports/*`. It names the route in logs.
    public let matchText: String
    /// Upper-case; empty for any method.
    public let methods: [String]
    /// Index in `Revision.upstreams`.
    public let upstream: Int
    public let access: Access
    public let place: ConfigPlace
    /// Terms of earlier revisions that were not over when this one was loaded, newest first.
    public let former: [FormerTerms]

    public enum Access: Sendable {
        case free
        case priced(Terms)
    }

    init(
        index: Int, matchText: String, methods: [String], upstream: Int, access: Access, place: ConfigPlace,
        former: [FormerTerms]
    ) {
        self.index = index
        self.matchText = matchText
        self.methods = methods
        self.upstream = upstream
        self.access = access
        self.place = place
        self.former = former
    }

    public var terms: Terms? {
        switch access {
        case .free: nil
        case .priced(let terms): terms
        }
    }

    /// Terms of earlier revisions that a payment may still be signed against at `now` (Unix seconds).
    public func formerTerms(now: Int64) -> [FormerTerms] { former.filter { $0.honouredUntil >= now } }

    /// Their offers alone.
    public func formerOffers(now: Int64) -> [Offer] { formerTerms(now: now).flatMap(\.terms.offers) }
}
