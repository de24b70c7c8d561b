/// What a request line matches.
public enum RouteMatch: Sendable, Equatable {
    /// Index in `Revision.routes`.
    case route(Int)
    /// OPTIONS on a path whose best route is priced for any method: answered here, free, never forwarded.
    case optionsOnPriced(Int)
    /// 404, or `unmatched`.
    case notFound
    /// 405; `RouteTable.allowText` names the methods.
    case methodNotAllowed(MethodSet)
    /// 404 always: only another spelling of this path (case, trailing slash, `;params`, escapes) is priced.
    case ambiguousSpelling
}

/// Methods of one table, as bits.
public struct MethodSet: Sendable, Equatable {
    var bits: UInt64
}

/// Every route of a revision, compiled: matching costs O(path length), takes no memory and no locks.
public final class RouteTable: Sendable {
    /// - Parameters:
    ///   - method: as received, case-sensitive (RFC 9110 §9.1).
    ///   - host: the authority's bytes, port and case as received; empty where there is none.
    ///   - path: canonical, beginning with `/`, without the query.
    public func match(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer
    ) -> RouteMatch { .notFound }

    /// The value of `Allow` (RFC 9110 §10.2.1); allocates, for 405s only.
    public func allowText(_ methods: MethodSet) -> String { "" }
}
