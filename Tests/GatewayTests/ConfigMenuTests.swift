import Bytes
import JSON
import Ledger
import MCP
import Testing

@testable import Gateway

@Suite struct ConfigMenuTests {
    static let yaml =
        moneyAndUpstream + """
            policies:
              calm: {per_wallet: {rate: 60/min}}
            customers:
              acme: {api_key_sha256: 88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589}
            routes:
              - {match: GET /before, upstream: legacy, price: $1}
              - match: "h.example/mcp"
                upstream: legacy
                settle: after
                redeliver: rerun
                max_timeout_seconds: 200
                policies: calm
                customers: acme
                free_quota: {per_wallet_or_address: 10/day}
                mcp:
                  tools:
                    search_kb: free
                    create_ticket: $0.02
                    send_reply: {price: $0.050, settle: first, description: One reply}
                    purge: deny
                  other_tools: $3
                  methods: {resources/read: $0.001, ping: deny, prompts/get: free}
                  challenge: http
                  annotate: both
              - {match: GET /after, upstream: legacy, price: $2}

            """

    static func price(_ prices: ToolPrices, _ name: String) -> ToolPrice {
        Array(name.utf8).withUnsafeBytes { prices.price(ofTool: $0) }
    }

    static func price(_ prices: ToolPrices, method name: String) -> ToolPrice {
        Array(name.utf8).withUnsafeBytes { prices.price(ofMethod: $0) }
    }

    @Test func aMenuIsARouteWithOneMoreForEachPrice() throws {
        let revision = try revision(Self.yaml)
        #expect(
            revision.routes.map(\.matchText) == [
                "GET /before", "h.example/mcp", "h.example/mcp tools/call create_ticket",
                "h.example/mcp tools/call send_reply", "h.example/mcp tools/call *", "h.example/mcp resources/read",
                "GET /after",
            ])
        #expect(revision.routes.map(\.index) == Array(0..<7))
        #expect(revision.table.match("POST", "/mcp", host: "h.example") == .route(1))
        #expect(revision.table.match("GET", "/after") == .route(6))
        let parent = revision.routes[1]
        let menu = try #require(parent.menu)
        #expect(parent.terms == nil && !parent.isPriced && parent.menuPlace == nil)
        #expect(menu.routes == [2, 3, 4, 5])
        #expect(menu.challenge == .http && menu.annotation == .both)
        let children = menu.routes.map { revision.routes[$0] }
        #expect(
            children.map(\.menuPlace) == [
                MenuPlace(menu: 1, message: "tools/call create_ticket"),
                MenuPlace(menu: 1, message: "tools/call send_reply"), MenuPlace(menu: 1, message: "tools/call *"),
                MenuPlace(menu: 1, message: "resources/read"),
            ])
        for child in children {
            #expect(child.doors == parent.doors && child.upstream == parent.upstream && child.isPriced)
            #expect(child.pattern == parent.pattern)
        }
        #expect(
            parent.doors
                == RouteDoors(policies: [0], customers: [0], freeQuota: RateBound(count: 10, windowSeconds: 86_400)))
        #expect(children.map(\.place.line) == [22, 23, 25, 26])
        let terms = children.compactMap(\.terms)
        #expect(terms.map(\.priceText) == ["$0.02", "$0.050", "$3", "$0.001"])
        #expect(terms.map { $0.offers.map(\.amountAtomic) } == [[20_000], [50_000], [3_000_000], [1_000]])
        #expect(terms.map(\.order) == [.after, .first, .after, .after])
        #expect(terms.map(\.neededSeconds) == [126, 6, 126, 126])
        #expect(
            terms.map(\.description) == [
                "The tool create_ticket", "One reply", "A tool that has no price of its own",
                "The method resources/read",
            ])
        for terms in terms {
            #expect(terms.bind == .body && terms.redeliver == .rerun && terms.maxTimeoutSeconds == 200)
            #expect(terms.mimeType == nil && terms.chargeWhen == nil)
        }
    }

    @Test func pricesAreFoundByName() throws {
        let prices = try #require(try revision(Self.yaml).routes[1].menu).prices
        for (name, price) in [
            ("search_kb", .free), ("create_ticket", .priced(0)), ("send_reply", .priced(1)), ("purge", .denied),
            ("unheard_of", .priced(2)), ("Purge", .denied),
        ] as [(String, ToolPrice)] { #expect(Self.price(prices, name) == price, "\(name)") }
        for (name, price) in [
            ("resources/read", .priced(3)), ("ping", .denied), ("prompts/get", .free), ("tools/list", .free),
        ] as [(String, ToolPrice)] { #expect(Self.price(prices, method: name) == price, "\(name)") }
    }

    @Test func whatIsNotSaid() throws {
        let revision = try revision(
            moneyAndUpstream + "routes: [{match: /mcp, upstream: legacy, description: D, mcp: {tools: {a: $1}}}]\n")
        let menu = try #require(revision.routes[0].menu)
        #expect(menu.challenge == .auto && menu.annotation == .meta)
        #expect(Self.price(menu.prices, "b") == .denied)
        #expect(revision.routes[1].terms?.description == "D")
    }

    /// A menu of what is free and denied alone needs no payments.
    @Test func menusWithoutPrices() throws {
        let revision = try revision(
            "upstreams: {up: {url: \"http://h\"}}\nroutes: [{match: /mcp, upstream: up, mcp: {tools: {a: free}}}]\n")
        #expect(revision.routes.count == 1)
        #expect(revision.routes[0].menu?.routes == [])
    }

    /// Another spelling of the path never goes to `unmatched`, past the prices.
    @Test func otherSpellingsOfItsPathAreRefused() throws {
        let revision = try revision(
            moneyAndUpstream + "unmatched: free\nroutes: [{match: /mcp, upstream: legacy, mcp: {tools: {a: $1}}}]\n")
        for path in ["/MCP", "/mcp/", "/mcp;x"] {
            #expect(revision.table.match("POST", path) == .ambiguousSpelling, "\(path)")
        }
    }

    @Test func pricesAreShownInListings() throws {
        let menu = try #require(try revision(Self.yaml).routes[1].menu)
        #expect(menu.labels.count == 4)
        let text = Array(
            #"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"send_reply","description":"x"}]}}"#.utf8)
        let shown = try text.withUnsafeBytes { bytes in
            guard case .response(let answer) = ServerMessage.read(bytes, maximumBytes: 1 << 16) else { return "" }
            let listing = try #require(ToolListing(answer, of: bytes))
            let splices = listing.splices(.meta, prices: menu.prices, labels: menu.labels, in: bytes)
            var out = ByteBuffer()
            splices.write(bytes, into: &out)
            return String(decoding: out.readable, as: UTF8.self)
        }
        #expect(shown.contains(#""display":"$0.050","settle":"first""#))
        #expect(
            shown.contains(
                #"{"network":"eip155:84532","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","amount":"50000"}"#))
        #expect(shown.contains(#""agents-x402/priceUSD":0.050"#))
    }

    /// A 402 that an earlier menu gave may still be paid, for the message that it was given for.
    @Test func formerPricesOfAToolAreHonoured() throws {
        func menu(_ tools: String) -> String {
            moneyAndUpstream
                + "routes: [{match: /mcp, upstream: legacy, max_timeout_seconds: 200, mcp: {tools: {\(tools)}}}]\n"
        }
        let first = try revision(menu("a: $1, b: $5, c: free"), now: 0)
        let second = try revision(menu("b: $6, c: $7, a: $2"), number: 2, now: 100, former: first)
        func former(_ tool: String, now: Int64) -> [String] {
            ExplainedRequest(method: "POST", host: "", path: Array("/mcp".utf8)).withBytes {
                second.formerTerms(method: $0, host: $1, path: $2, now: now) { Self.price($0, tool) }
            }.map(\.terms.priceText)
        }
        #expect(former("a", now: 300) == ["$1"])
        #expect(former("b", now: 300) == ["$5"])
        #expect(former("c", now: 300) == [])
        #expect(former("d", now: 300) == [])
        #expect(former("a", now: 301) == [])
    }
}
