import Chains
import Ledger
import Payments

/// Reads `routes:` and compiles their table.
struct RoutesReader {
    let problems: ConfigProblems
    let payments: [PaymentMethod]
    let declaredPayments: Declared
    let upstreams: [UpstreamSettings]
    let declaredUpstreams: Declared
    let doors: RouteDoorsReader

    private var routes: [Route] = []
    /// Of each route, for its conflicts.
    private var paths: [ConfigPath] = []
    private var table = RouteTableBuilder()
    /// Routes whose price could not be read: nothing is said of what they compare with.
    private var unpriceable: Set<Int> = []
    /// Routes at one price share their offers, whose domain separators cost hashing.
    private var offers: [OfferKey: Offer] = [:]
    /// Pairs of payments that were warned of, once for all routes.
    private var warnedPairs: Set<[Int]> = []
    /// Whether an entry was meant to be priced, sound or not.
    private(set) var hasPriced = false

    private struct OfferKey: Hashable {
        var payment: Int
        var amountAtomic: UInt128
        var maxTimeoutSeconds: Int
        var settlesFirst: Bool
    }

    /// The longest window that an authorization may be asked for.
    private static let maximumTimeoutSeconds = 30 * 86_400
    /// The largest answer that a row of the ledger is to hold.
    private static let maximumStoredBytes = 1 << 20
    /// Seconds that a payment signed now needs to be checked and sent.
    private static let signingSeconds = 6

    init(
        problems: ConfigProblems, payments: [PaymentMethod], declaredPayments: Declared, upstreams: [UpstreamSettings],
        declaredUpstreams: Declared, doors: RouteDoorsReader
    ) {
        self.problems = problems
        self.payments = payments
        self.declaredPayments = declaredPayments
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
        let isFree = isFree(map)
        hasPriced = hasPriced || isFree == false
        let access: Route.Access? =
            switch isFree {
            case true?: free(map)
            case false?: terms(map, upstream.map { upstreams[$0] }).map { .priced($0) }
            case nil: nil
            }
        let doors = doors.read(map, isFree: isFree == true, price: isFree == false ? Self.price(map) : nil)
        if case .priced(let terms)? = access { self.doors.checkReview(doors, terms, map) }
        guard let pattern, let isFree else { return }
        if !isFree && pattern.methods.contains("OPTIONS") {
            map.error("match", "OPTIONS is never charged; list it in a route with free: true")
        }
        // A route with errors of its own still stands in the table, so that conflicts show in the same run.
        let route = Route(
            index: routes.count, pattern: pattern, matchText: map.text("match") ?? "", upstream: upstream ?? 0,
            access: access ?? .free, doors: doors, place: map.entry("match")?.value.place ?? map.place)
        routes.append(route)
        paths.append(map.below("match"))
        if !isFree && route.terms == nil { unpriceable.insert(route.index) }
        table.add(pattern, price: isFree ? 0 : route.terms?.priceOrder ?? 1, route: route.index)
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

    private mutating func terms(_ map: ConfigMap, _ upstream: UpstreamSettings?) -> Terms? {
        let order: SettleOrder = map.choice("settle") ?? .after
        let maxTimeout = map.count("max_timeout_seconds", in: 1...Self.maximumTimeoutSeconds) ?? 300
        let accepted = accepted(map)
        let settlement = accepted.map { payments[$0].settlementSeconds }.max() ?? 0
        let needed = needed(map, order, maxTimeout, settlement, upstream)
        let bind: BindMode = map.choice("bind") ?? .body
        let redeliver: Redelivery = map.choice("redeliver") ?? .safe
        let redeliverFor = map.milliseconds("redeliver_for", in: 1_000...365 * 86_400_000) ?? 600_000
        let storeAnswers = map.bytesOrOff("store_answers", in: 1...Self.maximumStoredBytes) ?? 64 << 10
        let chargeWhen = ChargeWhenReader(problems: problems).read(map, order)
        let description = map.text("description")
        let mimeType = map.text("mime_type", expected: "a media type such as application/json")
        if let mimeType, !mimeType.contains("/") {
            map.error(
                "mime_type",
                "\"\(ConfigNode.shortened(mimeType))\" is no media type; write one such as application/json")
        }
        guard let price = price(map) else { return nil }
        let offers = accepted.compactMap { offer(map, $0, price, maxTimeout, order) }
        guard !offers.isEmpty, offers.count == accepted.count, let needed else { return nil }
        return Terms(
            order: order, bind: bind, redeliver: redeliver, maxTimeoutSeconds: maxTimeout, offers: offers,
            paymentIndexes: accepted,
            description: description, mimeType: mimeType, redeliverForSeconds: redeliverFor / 1_000,
            storeAnswersBytes: storeAnswers ?? 0,
            priceText: price.text, priceOrder: price.order,
            neededSeconds: needed, chargeWhen: chargeWhen)
    }

    /// The price, where it is one; nothing is said where it is not.
    private static func price(_ map: ConfigMap) -> DollarPrice? {
        guard case .scalar(let text, _) = map.entry("price")?.value.content else { return nil }
        return try? DollarPrice(text)
    }

    private func price(_ map: ConfigMap) -> DollarPrice? {
        guard let text = map.text("price", expected: "a price such as $0.02") else { return nil }
        do {
            return try DollarPrice(text)
        } catch {
            map.error("price", error.message)
            return nil
        }
    }

    /// Indexes of the payments that the route takes: those it names, or all in file order.
    private mutating func accepted(_ map: ConfigMap) -> [Int] {
        guard let names = map.texts("accept", expected: "names of payments") else {
            if map.has("accept") { return [] }
            if declaredPayments.names.isEmpty {
                map.missing("accept", "there is no payment to accept; declare one under payments")
            }
            checkDistinct(Array(payments.indices), map.place, map.below("accept"))
            return Array(payments.indices)
        }
        var accepted: [Int] = []
        for (name, place, path) in names {
            guard declaredPayments.check(name, "payment", place, path, problems),
                let at = declaredPayments.indexes[name]
            else { continue }
            if accepted.contains(at) {
                problems.error(place, path, "\"\(name)\" is named twice")
            } else {
                accepted.append(at)
            }
        }
        checkDistinct(accepted, map.entry("accept")?.value.place ?? map.place, map.below("accept"))
        return accepted
    }

    /// A payment names scheme, network and asset; two offers that share them could not be told apart. Those of version 1 name
    /// scheme and network alone.
    private mutating func checkDistinct(_ accepted: [Int], _ place: ConfigPlace, _ path: ConfigPath) {
        for (at, later) in accepted.enumerated() {
            for earlier in accepted[..<at] where payments[earlier].chainID == payments[later].chainID {
                let names = "\"\(payments[earlier].name)\" and \"\(payments[later].name)\""
                if payments[earlier].asset == payments[later].asset {
                    problems.error(
                        place, path, "\(names) are the same asset on the same network; accept one of them")
                } else if warnedPairs.insert([earlier, later]).inserted {
                    problems.warning(
                        place, path,
                        "\(names) share a network, which is all that clients of x402 version 1 name: they pay the first"
                    )
                }
            }
        }
    }

    /// Seconds that a payment's window must leave when it arrives; nil, with an error, where the window cannot hold them.
    private func needed(
        _ map: ConfigMap, _ order: SettleOrder, _ maxTimeout: Int, _ settlement: Int, _ upstream: UpstreamSettings?
    ) -> Int? {
        var needed = max(settlement, Self.signingSeconds)
        var reason = "settlement may take \(settlement) s"
        if order == .after {
            guard let upstream else { return nil }
            let total = (upstream.timeouts.totalMilliseconds + 999) / 1_000
            needed = total + settlement
            reason =
                "upstream \"\(upstream.name)\" may take \(total) s (timeouts: total) and settlement \(settlement) s"
        }
        if needed < maxTimeout { return needed }
        map.error(
            "max_timeout_seconds",
            "a window of \(maxTimeout) s cannot hold \(needed) s: \(reason); lengthen the window"
                + (order == .after ? ", or shorten the time-out" : ""))
        return nil
    }

    private mutating func offer(
        _ map: ConfigMap, _ payment: Int, _ price: DollarPrice, _ maxTimeout: Int, _ order: SettleOrder
    ) -> Offer? {
        let method = payments[payment]
        let amount: UInt128
        do {
            amount = try price.atomic(decimals: method.assetDecimals, payment: method.name)
        } catch {
            map.error("price", error.message)
            return nil
        }
        let key = OfferKey(
            payment: payment, amountAtomic: amount, maxTimeoutSeconds: maxTimeout, settlesFirst: order == .first)
        if let known = offers[key] { return known }
        let offer = Offer(
            paymentName: method.name, network: method.network, networkV1Name: method.networkV1Name,
            chainID: method.chainID,
            asset: method.asset, assetDecimals: method.assetDecimals, domainName: method.domainName,
            domainVersion: method.domainVersion, payTo: method.payTo, amountAtomic: amount,
            maxTimeoutSeconds: maxTimeout,
            settlesFirst: order == .first, facilitator: method.facilitator, factories: method.factories)
        offers[key] = offer
        return offer
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
            let isFirstCheaper = first.terms?.priceOrder ?? 0 < second.terms?.priceOrder ?? 0
            let cheaper = isFirstCheaper ? first : second
            problems.error(
                second.place, path,
                "\"\(second.matchText)\" and \"\(first.matchText)\" at \(first.place.fileAndLine) differ in spelling alone, and "
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
