import MCP

/// Reads `routes:` and compiles their table.
struct RoutesReader {
    let problems: ConfigProblems
    let upstreams: [UpstreamSettings]
    let declaredUpstreams: Declared
    let doors: RouteDoorsReader
    private var terms: TermsReader

    private var routes: [Route] = []
    /// Of each route, for its conflicts.
    private var paths: [ConfigPath] = []
    private var table = RouteTableBuilder()
    /// Routes whose price could not be read: nothing is said of what they compare with.
    private var unpriceable: Set<Int> = []
    /// Whether an entry was meant to be priced, sound or not.
    private(set) var hasPriced = false

    init(
        problems: ConfigProblems, terms: TermsReader, upstreams: [UpstreamSettings],
        declaredUpstreams: Declared, doors: RouteDoorsReader
    ) {
        self.problems = problems
        self.terms = terms
        self.upstreams = upstreams
        self.declaredUpstreams = declaredUpstreams
        self.doors = doors
    }

    mutating func read(_ entries: [(node: ConfigNode, path: ConfigPath)]) -> (routes: [Route], table: RouteTable) {
        routes.reserveCapacity(entries.count)
        for (node, path) in entries { read(node, path) }
        for conflict in table.conflicts { report(conflict) }
        return (routes, table.build())
    }

    private mutating func read(_ node: ConfigNode, _ path: ConfigPath) {
        guard let map = ConfigMap(node, path, known: KnownKeys.route, problems: problems) else { return }
        let pattern = pattern(map)
        if !map.has("upstream") { map.missing("upstream", "is missing; name one of upstreams") }
        let upstream = map.text("upstream", expected: "the name of an upstream")
            .flatMap { declaredUpstreams.index($0, "upstream", map, "upstream") }
        if map.has("mcp") { return readMenu(map, pattern, upstream) }
        let isFree = isFree(map)
        hasPriced = hasPriced || isFree == false
        let price = isFree == false ? price(map) : nil
        let access: Route.Access? =
            switch isFree {
            case true?: free(map)
            case false?: terms(map, price, upstream).map { .priced($0) }
            case nil: nil
            }
        let doors = doors.read(map, isFree: isFree == true, prices: price.map { [$0] } ?? [])
        if case .priced(let terms)? = access { self.doors.checkReview(doors, terms, map) }
        guard let pattern, let isFree else { return }
        if !isFree && pattern.methods.contains("OPTIONS") {
            map.error("match", "OPTIONS is never charged; list it in a route with free: true")
        }
        // A route with errors of its own still stands in the table, so that conflicts show in the same run.
        let route = Route(
            index: routes.count, pattern: pattern, matchText: map.text("match") ?? "", upstream: upstream ?? 0,
            access: access ?? .free, doors: doors, place: map.entry("match")?.value.place ?? map.place)
        add(route, map)
        if !isFree && route.terms == nil { unpriceable.insert(route.index) }
        table.add(pattern, price: isFree ? 0 : route.terms?.priceOrder ?? 1, route: route.index)
    }

    private mutating func add(_ route: Route, _ map: ConfigMap) {
        routes.append(route)
        paths.append(map.below("match"))
    }

    private func pattern(_ map: ConfigMap) -> RoutePattern? {
        guard map.has("match") else {
            map.missing("match", "is missing; write \"GET /path\"")
            return nil
        }
        guard let text = map.text("match", expected: "\"GET /path\"") else { return nil }
        do {
            return try RoutePattern(text)
        } catch {
            map.error("match", error.message)
            return nil
        }
    }

    /// Nil, with an error, where the route says neither, or both.
    private func isFree(_ map: ConfigMap) -> Bool? {
        let flag = map.flag("free")
        if flag == true && map.has("price") {
            map.error("free", "is free and has a price; drop one")
            return nil
        }
        if flag == true { return true }
        if map.has("price") { return false }
        if !map.has("free") || flag == false { map.missing("price", "is missing; write price: $0.02, or free: true") }
        return nil
    }

    private func free(_ map: ConfigMap) -> Route.Access {
        for key in KnownKeys.priced where map.has(key) {
            problems.error(map.entry(key)!.keyPlace, map.below(key), "has no meaning on a free route")
        }
        return .free
    }

    private mutating func terms(_ map: ConfigMap, _ price: WrittenPrice?, _ upstream: Int?) -> Terms? {
        var shared = terms.shared(map, upstream.map { upstreams[$0] })
        shared.bind = map.choice("bind") ?? .body
        shared.chargeWhen = ChargeWhenReader(problems: problems).read(map, shared.order)
        shared.mimeType = map.text("mime_type", expected: "a media type such as application/json")
        if let mimeType = shared.mimeType, !mimeType.contains("/") {
            map.error(
                "mime_type",
                "\"\(ConfigNode.shortened(mimeType))\" is no media type; write one such as application/json")
        }
        return terms.terms(shared, shared.order, price)
    }

    private func price(_ map: ConfigMap) -> WrittenPrice? {
        guard let text = map.text("price", expected: "a price such as $0.02") else { return nil }
        do {
            let place = map.entry("price")?.value.place ?? map.place
            return WrittenPrice(price: try DollarPrice(text), place: place, path: map.below("price"))
        } catch {
            map.error("price", error.message)
            return nil
        }
    }

    // MARK: Menus

    /// A route of tools, and after it one for each of its prices.
    private mutating func readMenu(_ map: ConfigMap, _ pattern: RoutePattern?, _ upstream: Int?) {
        var reader = ToolMenuReader(problems: problems, route: map)
        let menu = reader.read()
        let sales = menu?.sales ?? []
        hasPriced = hasPriced || !sales.isEmpty
        let doors = doors.read(map, isFree: false, prices: sales.compactMap(\.price))
        self.doors.checkNoReview(doors, map)
        let isPriced = !sales.isEmpty || KnownKeys.priced.contains { map.has($0) }
        let shared = isPriced ? terms.shared(map, upstream.map { upstreams[$0] }) : nil
        let all = sales.map { sale in shared.flatMap { terms(of: sale, $0) } }
        guard let pattern else { return }
        if !pattern.methods.isEmpty && !pattern.methods.contains("POST") {
            map.error("match", "does not take POST, which every message to an MCP server comes by; drop the methods")
        }
        let parent = routes.count
        let labels = zip(sales, all).compactMap { sale, terms in
            terms.flatMap { terms in sale.price.map { terms.label($0.price) } }
        }
        let route = Route(
            index: parent, pattern: pattern, matchText: map.text("match") ?? "", upstream: upstream ?? 0,
            access: menu.map { menu in
                .tools(
                    ToolMenu(
                        prices: menu.prices, routes: sales.indices.map { parent + 1 + $0 }, challenge: menu.challenge,
                        annotation: menu.annotation, labels: labels))
            } ?? .free, doors: doors, place: map.entry("match")?.value.place ?? map.place)
        add(route, map)
        for (sale, terms) in zip(sales, all) {
            let child = Route(
                index: routes.count, pattern: pattern, matchText: "\(route.matchText) \(sale.message)",
                upstream: route.upstream, access: terms.map { .priced($0) } ?? .free, doors: doors, place: sale.place,
                menuPlace: MenuPlace(menu: parent, message: sale.message))
            add(child, map)
        }
        if labels.count < sales.count { unpriceable.insert(parent) }
        // No price of another route is comparable with those of tools: another spelling of this path is a way round them.
        table.add(pattern, price: .max - UInt64(parent), route: parent)
    }

    private mutating func terms(of sale: ToolMenuReader.Sale, _ shared: TermsReader.Shared) -> Terms? {
        var own = shared
        own.description = sale.description ?? shared.description ?? sale.defaultDescription
        return terms.terms(own, sale.order ?? shared.order, sale.price)
    }

    private func report(_ conflict: RouteTableBuilder.Conflict) {
        let first = routes[conflict.first]
        let second = routes[conflict.second]
        let path = paths[conflict.second]
        switch conflict.kind {
        case .equal:
            problems.error(
                second.place, path,
                "\"\(second.matchText)\" takes the same requests as \"\(first.matchText)\" at \(first.place.fileAndLine)"
                    + Self.headHint(first, second))
        case .spelling:
            if !unpriceable.isDisjoint(with: [conflict.first, conflict.second]) { return }
            let what =
                "\"\(second.matchText)\" and \"\(first.matchText)\" at \(first.place.fileAndLine) differ in spelling alone, and "
            if let seller = [first, second].first(where: { $0.menu != nil }) {
                let other = seller === first ? second : first
                problems.error(
                    second.place, path,
                    what + "\"\(other.matchText)\" is a way round what \"\(seller.matchText)\" asks for its tools")
                return
            }
            let isFirstCheaper = first.terms?.priceOrder ?? 0 < second.terms?.priceOrder ?? 0
            let cheaper = isFirstCheaper ? first : second
            problems.error(
                second.place, path,
                what
                    + "\"\(cheaper.matchText)\" is \(cheaper.terms == nil ? "free" : "cheaper"): a way round the price of the other"
            )
        case .methods:
            problems.error(second.place, path, "the routes list more than \(MethodRegistry.maximum) different methods")
        }
    }

    private static func headHint(_ first: Route, _ second: Route) -> String {
        let isImplied =
            (first.methods.contains("GET") && second.methods == ["HEAD"])
            || (first.methods == ["HEAD"] && second.methods.contains("GET"))
        return isImplied ? "; GET takes HEAD along" : ""
    }
}

extension Terms {
    /// How `tools/list` shows them.
    fileprivate func label(_ price: DollarPrice) -> ToolLabel {
        ToolLabel(
            displayPrice: price.text, priceUSD: price.number,
            terms: offers.map {
                ToolLabel.Terms(network: $0.network, asset: $0.asset.checksummed, amount: "\($0.amountAtomic)")
            }, settlesFirst: order == .first)
    }
}
