/// Compiles patterns into a `RouteTable` and finds those that stand in each other's way.
struct RouteTableBuilder {
    struct Conflict: Equatable {
        enum Kind: Equatable {
            /// Both take the same requests and neither is more specific.
            case equal
            /// They differ only in spelling, and one is cheaper: a way round the price of the other.
            case spelling
            /// More than `MethodRegistry.maximum` methods in one config.
            case methods
        }

        var kind: Kind
        /// Index of the route that came first; for `methods` the same as `second`.
        var first: Int
        var second: Int
    }

    private var methods = MethodRegistry()
    private var exact = TreeBuilder()
    private var folded = TreeBuilder()
    private var patternsAreFolded = true
    private var hasHosts = false
    private var hasPriced = false
    private(set) var conflicts: [Conflict] = []

    /// Adds the route with this index in its revision; routes come in file order.
    /// - Parameter price: for comparison alone: 0 is free, more is dearer (`DollarPrice.order`).
    mutating func add(_ pattern: RoutePattern, price: UInt64, route: Int) {
        for method in pattern.methods where !methods.add(method) {
            conflicts.append(Conflict(kind: .methods, first: route, second: route))
            return
        }
        hasHosts = hasHosts || pattern.host != nil
        hasPriced = hasPriced || price > 0
        let bits = methods.bits(pattern.methods)
        let entry = RouteTree.Entry(methods: bits, route: Int32(route), price: price)
        let place = exact.place(host: pattern.host, segments: pattern.segments)
        if let former = exact.add(entry, at: place, where: { $0.methods == bits || $0.methods & bits != 0 }) {
            conflicts.append(Conflict(kind: .equal, first: Int(former.route), second: route))
            return
        }
        let spelling = Self.folded(pattern.segments)
        patternsAreFolded = patternsAreFolded && spelling == pattern.segments
        let shared = folded.place(host: pattern.host, segments: spelling)
        let rival = folded.add(
            entry, at: shared, exactPlace: place,
            where: { $0.price != price && ($0.methods == 0 || bits == 0 || $0.methods & bits != 0) })
        if let rival { conflicts.append(Conflict(kind: .spelling, first: Int(rival.route), second: route)) }
    }

    func build() -> RouteTable {
        RouteTable(
            methods: methods, exact: exact.build(), folded: patternsAreFolded ? nil : folded.build(),
            hasHosts: hasHosts,
            hasPriced: hasPriced)
    }

    /// The pattern that folded paths are matched against.
    static func folded(_ segments: [RoutePattern.Segment]) -> [RoutePattern.Segment] {
        var out: [RoutePattern.Segment] = []
        for segment in segments {
            guard case .literal(let bytes) = segment else {
                out.append(segment)
                continue
            }
            let text = PathSpelling.fold([0x2F] + bytes).dropFirst()
            if !text.isEmpty { out.append(.literal(Array(text))) }
        }
        return out.isEmpty ? [.literal([])] : out
    }
}

/// One `RouteTree` while it grows.
private struct TreeBuilder {
    /// Where a pattern ends: at a node, or in what `**` takes below it.
    struct Place: Hashable {
        var node: Int
        var isRest: Bool
    }

    private struct Key: Hashable {
        var parent: Int32
        var text: [UInt8]
    }

    private struct Held {
        var entry: RouteTree.Entry
        /// In the exact tree, where this is the folded one.
        var exactPlace: Place?
    }

    private var ones: [Int32] = [-1]
    private var children: [Key: Int32] = [:]
    private var order: [Key] = []
    private var held: [Place: [Held]] = [:]

    /// Walks to where a pattern ends, adding the nodes it needs.
    mutating func place(host: String?, segments: [RoutePattern.Segment]) -> Place {
        var node = host.map { Int(child(of: RouteTree.hostParent, Array($0.utf8))) } ?? RouteTree.anyHostRoot
        for segment in segments {
            switch segment {
            case .literal(let text): node = Int(child(of: Int32(node), text))
            case .one:
                if ones[node] < 0 {
                    ones.append(-1)
                    ones[node] = Int32(ones.count - 1)
                }
                node = Int(ones[node])
            case .rest: return Place(node: node, isRest: true)
            }
        }
        return Place(node: node, isRest: false)
    }

    private mutating func child(of parent: Int32, _ text: [UInt8]) -> Int32 {
        let key = Key(parent: parent, text: text)
        if let known = children[key] { return known }
        ones.append(-1)
        let fresh = Int32(ones.count - 1)
        children[key] = fresh
        order.append(key)
        return fresh
    }

    /// Adds an entry, unless one there that is of another exact place is its rival; then returns that one.
    mutating func add(
        _ entry: RouteTree.Entry, at place: Place, exactPlace: Place? = nil, where isRival: (RouteTree.Entry) -> Bool
    ) -> RouteTree.Entry? {
        for other in held[place, default: []] {
            if let exactPlace, other.exactPlace == exactPlace { continue }
            if isRival(other.entry) { return other.entry }
        }
        held[place, default: []].append(Held(entry: entry, exactPlace: exactPlace))
        return nil
    }

    func build() -> RouteTree {
        var nodes = ones.map { RouteTree.Node(one: $0) }
        var entries: [RouteTree.Entry] = []
        for (place, there) in held {
            let start = Int32(entries.count)
            // A listed method is more specific than none.
            entries += there.filter { $0.entry.methods != 0 }.map(\.entry)
            entries += there.filter { $0.entry.methods == 0 }.map(\.entry)
            if place.isRest {
                nodes[place.node].rests = start
                nodes[place.node].restCount = Int32(there.count)
            } else {
                nodes[place.node].ends = start
                nodes[place.node].endCount = Int32(there.count)
            }
        }
        let edges = order.map { key in
            (edge: RouteTree.Edge(parent: key.parent, child: children[key]!), text: key.text)
        }
        return RouteTree(nodes: nodes, entries: entries, edges: edges)
    }
}
