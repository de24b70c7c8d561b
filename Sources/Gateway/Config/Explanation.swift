import MCP
import Payments

/// What `farebox explain` says.
struct Explanation {
    private let request: ExplainedRequest
    private let revision: Revision
    /// The tool that the request calls, where that was said.
    private let tool: String?

    init(_ request: ExplainedRequest, tool: String? = nil, _ revision: Revision) {
        self.request = request
        self.tool = tool
        self.revision = revision
    }

    var text: String {
        let path = String(decoding: request.path, as: UTF8.self)
        let place = request.host.isEmpty ? path : "\(request.host)\(path)"
        return "\(request.method) \(place)\n" + CheckTable.columns(rows.map { ["  \($0.0)", $0.1] })
    }

    private var rows: [(String, String)] {
        switch request.match(revision.table) {
        case .route(let index): return answer(revision.routes[index]) + why(index)
        case .optionsOnPriced(let index) where revision.routes[index].menu != nil:
            return answer(revision.routes[index]) + why(index)
        case .optionsOnPriced(let index):
            return [("answer", "by the gateway itself, free: OPTIONS is never charged")] + why(index)
        case .methodNotAllowed(let methods):
            return [("answer", "405; the path takes \(revision.table.allowText(methods))")] + others(but: nil)
        case .ambiguousSpelling:
            let spelled = request.withBytes { revision.table.spelledRoute(method: $0, host: $1, path: $2) }
            let route = spelled.map { revision.routes[$0] }
            let name = route.map { "\($0.matchText) (\($0.place.fileAndLine))" } ?? "a route"
            return [("answer", "404; it is another spelling of \(name), which asks \(route.map(Self.price) ?? "more")")]
        case .notFound:
            switch revision.settings.unmatched {
            case .deny: return [("answer", "404; no route matches, and unmatched is deny")]
            case .free(let upstream):
                let settings = revision.upstreams[upstream]
                return [
                    ("route", "none; unmatched is free"), ("upstream", "\(settings.name)  \(settings.url.text)"),
                    ("price", "free"),
                ]
            }
        }
    }

    private func answer(_ route: Route) -> [(String, String)] {
        let upstream = revision.upstreams[route.upstream]
        var rows = [
            ("route", "\(route.matchText)  (\(route.place.fileAndLine))"),
            ("upstream", "\(upstream.name)  \(upstream.url.text)"),
        ]
        switch route.access {
        case .free:
            if let tool { rows.append(("tool", "\(tool): nobody looks for tools here, the route has no mcp")) }
            return rows + [("price", "free")] + DoorsText.rows(route, revision)
        case .priced(let terms):
            if let tool { rows.append(("tool", "\(tool): nobody looks for tools here, the route has no mcp")) }
            return rows + price(terms) + DoorsText.rows(route, revision)
        case .tools(let menu): return rows + (tool.map { call(of: $0, menu) } ?? lines(menu, of: route))
        }
    }

    /// What each message may cost.
    private func lines(_ menu: ToolMenu, of route: Route) -> [(String, String)] {
        if request.method != "POST" {
            return [("price", "free; what costs is POSTed")] + DoorsText.rows(route, revision)
        }
        let lines = menu.lines.map { line in
            var text = "\(line.name): \(menu.text(of: line.price, in: revision.routes))"
            if let terms = menu.route(of: line.price, in: revision.routes)?.terms {
                text += ", settle \(terms.order.rawValue)"
            }
            return ("", text)
        }
        return [("price", "the body decides; --tool NAME says more of one")] + lines
            + [("", "any other method: free")] + DoorsText.rows(route, revision)
    }

    private func call(of tool: String, _ menu: ToolMenu) -> [(String, String)] {
        let price = menu.price(of: .tool(tool))
        if let sold = menu.route(of: price, in: revision.routes), let terms = sold.terms {
            let isListed = menu.prices.tools.contains { $0.name.utf8.elementsEqual(tool.utf8) }
            return [("tool", "\(tool)  (\(sold.place.fileAndLine)\(isListed ? "" : ", other_tools"))")]
                + self.price(terms, isCall: true) + DoorsText.rows(sold, revision)
        }
        switch price {
        case .free: return [("tool", tool), ("price", "free")]
        case .denied, .priced: return [("tool", tool), ("answer", "a JSON-RPC error: \(whyDenied(tool, menu))")]
        }
    }

    private func whyDenied(_ tool: String, _ menu: ToolMenu) -> String {
        if menu.prices.tools.contains(where: { $0.name.utf8.elementsEqual(tool.utf8) }) { return "it is denied" }
        if menu.prices.otherTools == .denied {
            let names = menu.prices.tools.map(\.name)
            let near = NearestName.among(names, to: tool).map { "; did you mean \"\($0)\"?" } ?? ""
            return "it is not on the menu, and other tools are denied\(near)"
        }
        return "it is another spelling of a tool on the menu, or no plain name"
    }

    /// - Parameter isCall: of a tool, or of another method of its server.
    private func price(_ terms: Terms, isCall: Bool = false) -> [(String, String)] {
        var rows: [(String, String)] = []
        let order =
            switch terms.order {
            case .after where isCall: "settle after: run, then charged if it gives a result"
            case .after: "settle after: run, then charged if the answer is 2xx"
            case .first: "settle first: charged, then run"
            }
        rows.append(("price", "\(terms.priceText), \(order)"))
        for (offer, at) in zip(terms.offers, terms.paymentIndexes) {
            let payment = revision.payments[at]
            let network = CheckTable.networkText(payment)
            rows.append(
                (
                    "pay",
                    "\(payment.name): \(offer.amountAtomic) atomic units of \(payment.assetLabel) on \(network) to \(payment.payTo)"
                ))
            rows.append(("", settled(payment, offer)))
        }
        rows.append(
            (
                "window",
                "\(terms.maxTimeoutSeconds) s, of which \(terms.neededSeconds) s must be left when the payment arrives"
            ))
        rows.append(("kept", kept(terms)))
        return rows
    }

    /// What becomes of an answer that was paid for and did not arrive.
    private func kept(_ terms: Terms) -> String {
        let time = ConfigValue.text(milliseconds: terms.redeliverForSeconds * 1_000)
        if terms.storeAnswersBytes == 0 { return "no answer; what is owed is honoured for \(time)" }
        return "answers up to \(terms.storeAnswersText), for \(time)"
    }

    private func settled(_ payment: PaymentMethod, _ offer: Offer) -> String {
        let blocks = payment.confirmations.map {
            $0.blocks(amountAtomic: offer.amountAtomic, decimals: offer.assetDecimals)
        }
        let proof = blocks.map { "counts after \($0) block\($0 == 1 ? "" : "s")" } ?? "its word counts"
        return switch payment.facilitator {
        case .sandbox: "\(payment.name) is the sandbox: no money moves"
        case .chain: "settled by this gateway's relayer; \(proof)"
        case .remote(let name): "settled by the facilitator \(name); \(proof)"
        }
    }

    private static func price(_ route: Route) -> String {
        route.menu != nil ? "a price for tools" : route.terms?.priceText ?? "nothing"
    }

    private func why(_ index: Int) -> [(String, String)] {
        let rows = others(but: index)
        return rows.isEmpty ? [("why", "no other route takes this path")] : rows
    }

    /// Every other route whose path and host agree, with why it lost.
    private func others(but index: Int?) -> [(String, String)] {
        let host = normalizedHost
        var rows: [(String, String)] = []
        for route in revision.routes where route.index != index && route.menuPlace == nil {
            guard RouteOrder.takes(route.pattern, path: request.path, host: host) else { continue }
            let reason: String
            if !RouteOrder.takes(route.pattern, method: request.method) {
                reason = "does not take \(request.method)"
            } else if let index, let won = RouteOrder.reason(revision.routes[index].pattern, over: route.pattern) {
                reason = "lost: \(won)"
            } else {
                continue
            }
            rows.append((rows.isEmpty ? "why" : "", "\(route.matchText) (\(route.place.fileAndLine)) \(reason)"))
        }
        return rows
    }

    private var normalizedHost: String {
        withUnsafeTemporaryAllocation(byteCount: RouteTable.maximumHostBytes, alignment: 1) { room in
            Array(request.host.utf8).withUnsafeBytes { host in
                String(decoding: room[..<RouteTable.normalize(host, into: room)], as: UTF8.self)
            }
        }
    }
}
