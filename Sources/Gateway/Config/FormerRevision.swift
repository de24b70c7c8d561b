/// Routes and terms of an earlier revision, kept while a 402 it gave out may still be paid.
public struct FormerRevision: Sendable {
    public let number: Int
    /// Unix seconds: when its successor was loaded.
    public let replacedAt: Int64
    let routes: [Route]
    let table: RouteTable
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
    public func formerTerms(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, now: Int64
    ) -> [FormerTerms] {
        former.compactMap { earlier in
            guard case .route(let index) = earlier.table.match(method: method, host: host, path: path),
                let terms = earlier.routes[index].terms
            else { return nil }
            let honouredUntil = earlier.replacedAt + Int64(terms.maxTimeoutSeconds)
            guard honouredUntil >= now else { return nil }
            return FormerTerms(terms: terms, revision: earlier.number, honouredUntil: honouredUntil)
        }
    }
}
