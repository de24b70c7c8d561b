/// What a request line matches.
public enum RouteMatch: Sendable, Equatable {
    /// Index in `Revision.routes`.
    case route(Int)
    /// OPTIONS on a path whose best route is priced for any method: answered here, free, never forwarded.
    case optionsOnPriced(Int)
    /// 404, or `unmatched`.
    case notFound
    /// 405, whatever `unmatched` says; `RouteTable.allowText` names the methods.
    case methodNotAllowed(MethodSet)
    /// 404 always: another spelling of this path (case, slashes, `;params`, escapes) is priced, and dearer than this one.
    case ambiguousSpelling
}

/// Every route of a revision, compiled: matching costs O(path length), takes no memory and no locks.
///
/// A host's own routes come before those for any host, as server blocks do elsewhere. Among them, segment by segment from the
/// left, a literal wins over `*` and `{name}`, and these over `**`; at one pattern a listed method wins over none listed. GET
/// takes HEAD along.
public final class RouteTable: Sendable {
    /// A longer host matches no route that names one.
    static let maximumHostBytes = 255

    let methods: MethodRegistry
    private let exact: RouteTree
    /// The same patterns folded (see `PathSpelling`); `exact` itself where folding changes none of them.
    private let folded: RouteTree
    private let patternsAreFolded: Bool
    private let hasHosts: Bool
    private let hasPriced: Bool

    init(methods: MethodRegistry, exact: RouteTree, folded: RouteTree?, hasHosts: Bool, hasPriced: Bool) {
        self.methods = methods
        self.exact = exact
        self.folded = folded ?? exact
        patternsAreFolded = folded == nil
        self.hasHosts = hasHosts
        self.hasPriced = hasPriced
    }

    /// - Parameters:
    ///   - method: as received, case-sensitive (RFC 9110 §9.1).
    ///   - host: the authority's bytes, port and case as received; empty where there is none.
    ///   - path: canonical, beginning with `/`, without the query.
    public func match(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer
    ) -> RouteMatch {
        let bit = methods.bit(method)
        guard hasHosts else { return match(bit, UnsafeRawBufferPointer(start: nil, count: 0), path) }
        return withUnsafeTemporaryAllocation(byteCount: Self.maximumHostBytes, alignment: 1) { room in
            match(bit, UnsafeRawBufferPointer(rebasing: room[..<Self.normalize(host, into: room)]), path)
        }
    }

    private func match(_ bit: UInt64, _ host: UnsafeRawBufferPointer, _ path: UnsafeRawBufferPointer) -> RouteMatch {
        let hit = exact.find(path: path, methodBit: bit, host: host)
        if hasPriced && pricedSpelling(bit, host, path).price > hit.price { return .ambiguousSpelling }
        if hit.price > 0 && bit == MethodRegistry.options { return .optionsOnPriced(Int(hit.route)) }
        if hit.route >= 0 { return .route(Int(hit.route)) }
        return hit.methods == 0 ? .notFound : .methodNotAllowed(MethodSet(bits: hit.methods))
    }

    /// What the folded path reaches; no hit for a path that folds to itself among patterns that do.
    private func pricedSpelling(
        _ bit: UInt64, _ host: UnsafeRawBufferPointer, _ path: UnsafeRawBufferPointer
    ) -> RouteTree.Hit {
        if PathSpelling.isFolded(path) {
            return patternsAreFolded ? RouteTree.Hit() : folded.find(path: path, methodBit: bit, host: host)
        }
        return withUnsafeTemporaryAllocation(byteCount: path.count, alignment: 1) { room in
            let count = PathSpelling.fold(path, into: room)
            return folded.find(path: UnsafeRawBufferPointer(rebasing: room[..<count]), methodBit: bit, host: host)
        }
    }

    /// The priced route that an `ambiguousSpelling` spells, for `explain`.
    func spelledRoute(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer
    ) -> Int? {
        withUnsafeTemporaryAllocation(byteCount: Self.maximumHostBytes, alignment: 1) { room in
            let name = UnsafeRawBufferPointer(rebasing: room[..<Self.normalize(host, into: room)])
            let hit = pricedSpelling(methods.bit(method), name, path)
            return hit.price > 0 ? Int(hit.route) : nil
        }
    }

    /// The value of `Allow` (RFC 9110 §10.2.1); allocates, for 405s only.
    public func allowText(_ methods: MethodSet) -> String { self.methods.text(methods.bits) }

    /// Writes the host in lower case, without port and last dot; 0 where it is longer than any that a route may name.
    static func normalize(_ host: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) -> Int {
        var end = host.count
        while end > 0 && (0x30...0x39).contains(host[end - 1]) { end -= 1 }
        end = end > 0 && host[end - 1] == 0x3A ? end - 1 : host.count
        if end > 0 && host[end - 1] == 0x2E { end -= 1 }
        guard end <= out.count else { return 0 }
        for at in 0..<end { out[at] = (0x41...0x5A).contains(host[at]) ? host[at] | 0x20 : host[at] }
        return end
    }
}
