import MCP

/// Routes and terms of an earlier revision, kept while a 402 it gave out may still be paid.
public struct FormerRevision: Sendable {
    public let number: Int
    /// Unix seconds: when its successor was loaded.
    public let replacedAt: Int64
    let routes: [Route]
    let table: RouteTable
    /// Unix seconds, inclusive: when the last of its terms is over.
    let honouredUntil: Int64

    /// More reloads than these within one window forget the oldest; its payments then get fresh terms.
    private static let maximum = 128

    init?(_ revision: Revision, replacedAt: Int64) {
        guard let longest = revision.routes.compactMap({ $0.terms?.maxTimeoutSeconds }).max() else { return nil }
        number = revision.number
        self.replacedAt = replacedAt
        routes = revision.routes
        table = revision.table
        honouredUntil = replacedAt + Int64(longest)
    }

    fileprivate func terms(_ index: Int, _ menuPrice: (ToolPrices) -> ToolPrice) -> Terms? {
        guard let menu = routes[index].menu else { return routes[index].terms }
        guard case .priced(let number) = menuPrice(menu.prices) else { return nil }
        return routes[menu.routes[number]].terms
    }

    /// What the successor of `revision`, loaded at `now`, has to honour: newest first, without what is over.
    static func chain(before revision: Revision?, now: Int64) -> [FormerRevision] {
        guard let revision else { return [] }
        let latest = FormerRevision(revision, replacedAt: now).map { [$0] } ?? []
        return Array((latest + revision.former.filter { $0.honouredUntil >= now }).prefix(maximum))
    }
}

/// Terms of an earlier revision, in grace.
public struct FormerTerms: Sendable {
    public let terms: Terms
    /// The revision that had them.
    public let revision: Int
    /// Unix seconds, inclusive: the reload and the `maxTimeoutSeconds` of these terms.
    public let honouredUntil: Int64
}

extension Revision {
    /// What earlier revisions asked for this very request and still honour at `now` (Unix seconds), newest first.
    ///
    /// Each earlier revision matches the request by its own table, so that a payment counts only where its 402 was given.
    /// Asked only when a payment does not match the route's own terms; allocates.
    ///
    /// - Parameter menuPrice: what the message in the request's body cost by a menu, where an earlier route had one.
    public func formerTerms(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, now: Int64,
        menuPrice: (ToolPrices) -> ToolPrice = { _ in .free }
    ) -> [FormerTerms] {
        former.compactMap { earlier in
            guard case .route(let index) = earlier.table.match(method: method, host: host, path: path),
                let terms = earlier.terms(index, menuPrice)
            else { return nil }
            let honouredUntil = earlier.replacedAt + Int64(terms.maxTimeoutSeconds)
            guard honouredUntil >= now else { return nil }
            return FormerTerms(terms: terms, revision: earlier.number, honouredUntil: honouredUntil)
        }
    }
}
