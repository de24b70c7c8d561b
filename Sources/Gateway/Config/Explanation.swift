import Bytes
import HTTP
import Payments

/// The request that `farebox explain` asks about.
struct ExplainedRequest: Equatable {
    var method: String
    /// As `Host` would carry it; empty where the URL was a path alone.
    var host: String
    /// Canonical, without the query.
    var path: [UInt8]

    /// Takes `https://host/path?query` or `/path`.
    static func parse(method: String, url: String) -> Result<ExplainedRequest, FileFault> {
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return .failure(FileFault(reason: "\"\(ConfigNode.shortened(method))\" is no method; write GET"))
        }
        let shown = ConfigNode.shortened(url)
        var host = ""
        var target = Substring(url)
        if let scheme = url.range(of: "://") {
            guard ["http", "https"].contains(url[..<scheme.lowerBound].lowercased()) else {
                return .failure(FileFault(reason: "\"\(shown)\" is neither http nor https"))
            }
            let rest = url[scheme.upperBound...]
            let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
            host = String(rest[..<end])
            target = rest[end...]
            guard UpstreamURL.authority(host) != nil else {
                return .failure(FileFault(reason: "\"\(host)\" is no host"))
            }
        } else if !url.hasPrefix("/") {
            return .failure(FileFault(reason: "\"\(shown)\" is no URL; write https://host/path or /path"))
        }
        // A fragment is the browser's own and is never sent (RFC 3986 §3.5).
        if let fragment = target.firstIndex(of: "#") { target = target[..<fragment] }
        if !target.hasPrefix("/") { target = "/" + target }
        return canonical(Array(target.utf8)).map { ExplainedRequest(method: method, host: host, path: $0) }
    }

    private static func canonical(_ target: [UInt8]) -> Result<[UInt8], FileFault> {
        var out = ByteBuffer()
        return target.withUnsafeBytes { bytes in
            switch CanonicalTarget.read(bytes, into: &out) {
            case .same(let length): .success(Array(bytes[..<length]))
            case .rewritten(let length): .success(Array(out.readable[..<length]))
            case .refused(let fault):
                .failure(FileFault(reason: "the gateway answers \(fault.status) to this path: \(fault.explanation)"))
            }
        }
    }

    func match(_ table: RouteTable) -> RouteMatch {
        withBytes { table.match(method: $0, host: $1, path: $2) }
    }

    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result {
        Array(method.utf8).withUnsafeBytes { method in
            Array(host.utf8).withUnsafeBytes { host in
                path.withUnsafeBytes { path in body(method, host, path) }
            }
        }
    }
}

/// What `farebox explain` says.
struct Explanation {
    private let request: ExplainedRequest
    private let revision: Revision

    init(_ request: ExplainedRequest, _ revision: Revision) {
        self.request = request
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
        let doors = DoorsText.rows(route, revision)
        guard let terms = route.terms else { return rows + [("price", "free")] + doors }
        let order =
            switch terms.order {
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
        return rows + doors
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

    private static func price(_ route: Route) -> String { route.terms?.priceText ?? "nothing" }

    private func why(_ index: Int) -> [(String, String)] {
        let rows = others(but: index)
        return rows.isEmpty ? [("why", "no other route takes this path")] : rows
    }

    /// Every other route whose path and host agree, with why it lost.
    private func others(but index: Int?) -> [(String, String)] {
        let host = normalizedHost
        var rows: [(String, String)] = []
        for route in revision.routes where route.index != index {
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
