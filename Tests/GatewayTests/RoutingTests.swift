import Testing

@testable import Gateway

@Suite struct RoutingTests {
    static func table(_ routes: [(match: String, price: Bool)]) throws -> RouteTable {
        var builder = RouteTableBuilder()
        for (at, route) in routes.enumerated() {
            builder.add(try RoutePattern(route.match), price: route.price ? 1 : 0, route: at)
        }
        #expect(builder.conflicts == [])
        return builder.build()
    }

    /// (method, host, path) → index of the route, in the table of `mostSpecificWins`.
    static let cases: [(String, String, String, Int?)] = [
        ("GET", "", "/v1/status", 0),
        ("HEAD", "", "/v1/status", 0),
        ("GET", "", "/v1/reports/7", 1),
        ("GET", "", "/v1/reports/", nil),
        ("GET", "", "/v1/reports", nil),
        ("GET", "", "/v1/reports/7/8", nil),
        ("GET", "", "/v1/reports/latest", 2),
        ("DELETE", "", "/v1/reports/latest", 3),
        ("GET", "", "/v1/reports/a/pages/b", 4),
        ("GET", "", "/v1/reports/latest/pages/b", 4),
        ("PROPPATCH", "", "/dav/x", 5),
        ("PROPFINDX", "", "/dav/x", nil),
        ("GET", "", "/files", 6),
        ("GET", "", "/files/", 6),
        ("GET", "", "/files/a/b//c", 6),
        ("GET", "", "/filesystem", nil),
        ("GET", "api.example.com", "/v1/status", 7),
        ("GET", "API.Example.COM:443", "/v1/status", 7),
        ("GET", "api.example.com.", "/v1/status", 7),
        ("GET", "api.example.com", "/v1/reports/7", 1),
        ("GET", "api.example.org", "/v1/status", 0),
        ("GET", "[::1]:80", "/only6", 8),
        ("GET", "[::1]", "/only6", 8),
        ("GET", "", "/only6", nil),
        ("GET", "", "/", 9),
        ("GET", "", "//", nil),
        ("GET", "", "", nil),
        ("GET", "", "v1/status", nil),
        ("GET", "", "/a%20b", 10),
    ]

    @Test(arguments: cases)
    func mostSpecificWins(_ method: String, _ host: String, _ path: String, _ expected: Int?) throws {
        let table = try Self.table([
            ("GET /v1/status", false), ("GET /v1/reports/*", true), ("GET /v1/reports/latest", true),
            ("/v1/reports/{name}", true), ("GET /v1/reports/{id}/pages/{page}", true),
            ("PROPFIND,PROPPATCH /dav/*", false),
            ("GET /files/**", false), ("GET Api.example.com/v1/status", false), ("GET [::1]/only6", false),
            ("GET /", false),
            ("GET /a%20b", false),
        ])
        let match = table.match(method, path, host: host)
        if let expected {
            #expect(match == .route(expected))
        } else {
            #expect(match != .route(0))
            if case .route(let index) = match { Issue.record("matched route \(index)") }
        }
    }

    @Test func otherMethodsAre405() throws {
        let table = try Self.table([
            ("GET /a", false), ("POST,PURGE /a", true), ("DELETE /*", false), ("GET,HEAD,OPTIONS h/a", false),
        ])
        guard case .methodNotAllowed(let methods) = table.match("PUT", "/a") else { return #expect(Bool(false)) }
        #expect(table.allowText(methods) == "GET, HEAD, POST, DELETE, PURGE")
        guard case .methodNotAllowed(let onHost) = table.match("PUT", "/a", host: "h") else {
            return #expect(Bool(false))
        }
        #expect(table.allowText(onHost) == "GET, HEAD, OPTIONS, POST, DELETE, PURGE")
        guard case .methodNotAllowed = table.match("get", "/a") else { return #expect(Bool(false)) }
        #expect(table.match("PURGE", "/a") == .route(1))
        #expect(table.match("PUT", "/b/c") == .notFound)
    }

    @Test func optionsIsNeverPriced() throws {
        let table = try Self.table([("/any", true), ("GET /get", true), ("/**", false)])
        #expect(table.match("OPTIONS", "/any") == .optionsOnPriced(0))
        #expect(table.match("OPTIONS", "/get") == .route(2))
        #expect(table.match("HEAD", "/get") == .route(1))
        #expect(table.match("HEAD", "/any") == .route(0))
        #expect(table.match("QUERY", "/any") == .route(0))
    }

    static let spellings: [(String, RouteMatch)] = [
        ("/v1/reports/7", .route(0)),
        ("/v1/reports/A%20B", .route(0)),
        ("/V1/reports/7", .ambiguousSpelling),
        ("/v1/Reports/7", .ambiguousSpelling),
        ("/v1/reports/7/", .ambiguousSpelling),
        ("/v1//reports/7", .ambiguousSpelling),
        ("//v1/reports/7", .ambiguousSpelling),
        ("/v1/reports;x=1/7", .ambiguousSpelling),
        ("/v1/;/reports/7", .ambiguousSpelling),
        ("/v1;jsessionid=1/reports/7;y", .ambiguousSpelling),
        ("/v1/reports%3Bx/7", .ambiguousSpelling),
        ("/v1/reports/7;v=1", .route(0)),
        ("/v1/reports/7.", .route(0)),
        ("/v1/reports./7", .ambiguousSpelling),
        ("/v1/reports%20/7", .ambiguousSpelling),
        ("/v1/reports.%20.;x/7", .ambiguousSpelling),
        ("/v1/.../reports/7", .ambiguousSpelling),
        ("/v1/.hidden/7.json", .route(4)),
        ("/v1/actions:run", .route(1)),
        ("/v1/actions%3Arun", .ambiguousSpelling),
        ("/v1/Actions:RUN", .ambiguousSpelling),
        ("/mixed/Case", .route(2)),
        ("/mixed/case", .ambiguousSpelling),
        ("/slash/", .route(3)),
        ("/slash", .ambiguousSpelling),
        // What is free stays free, however it is spelled, where a free route is the best match of its folded form too.
        ("/v1/status", .route(5)),
        ("/v1/reports/free/README", .route(6)),
        ("/v1/reports/free/x/", .route(6)),
        ("/other/UPPER;x//", .route(4)),
        ("/v1/Status", .route(4)),
    ]

    @Test(arguments: spellings)
    func otherSpellingsOfAPricedPathAreNotServed(_ path: String, _ expected: RouteMatch) throws {
        let table = try Self.table([
            ("GET /v1/reports/*", true), ("GET /v1/actions:run", true), ("GET /mixed/Case", true),
            ("GET /slash/", true),
            ("/**", false), ("GET /v1/status", false), ("GET /v1/reports/free/**", false),
        ])
        #expect(table.match("GET", path) == expected)
        #expect(table.match("HEAD", path) == expected)
    }

    @Test func aPathThatFoldsIsLookedUpForItsOwnMethodAndHost() throws {
        let table = try Self.table([("GET h/paid", true), ("/**", false)])
        #expect(table.match("GET", "/PAID", host: "h") == .ambiguousSpelling)
        #expect(table.match("GET", "/PAID", host: "H:80") == .ambiguousSpelling)
        #expect(table.match("GET", "/PAID", host: "other") == .route(1))
        #expect(table.match("POST", "/PAID", host: "h") == .route(1))
        let deny = try Self.table([("GET /paid", true)])
        #expect(deny.match("GET", "/PAID") == .ambiguousSpelling)
        #expect(deny.match("GET", "/paid/") == .ambiguousSpelling)
        #expect(deny.match("GET", "/other/") == .notFound)
    }

    /// A dear path spelled so that only a cheap, wider route takes it would be had at the cheap price.
    @Test func aSpellingNeverBuysTheDearForTheCheap() throws {
        var builder = RouteTableBuilder()
        let routes: [(String, UInt64)] = [
            ("/v1/**", 1), ("/v1/reports/*", 20), ("/v1/reports/free", 0), ("/v2/**", 20), ("/v2/cheap/*", 1),
        ]
        for (at, route) in routes.enumerated() { builder.add(try RoutePattern(route.0), price: route.1, route: at) }
        let table = builder.build()
        #expect(table.match("GET", "/v1/reports/7") == .route(1))
        #expect(table.match("GET", "/v1/reports/README") == .route(1))
        #expect(table.match("GET", "/v1/Reports/7") == .ambiguousSpelling)
        #expect(table.match("GET", "/v1/reports/7/") == .ambiguousSpelling)
        #expect(table.match("GET", "/v1//reports/7") == .ambiguousSpelling)
        #expect(table.match("GET", "/v1/other/X/") == .route(0))
        #expect(table.match("GET", "/v1/reports/Free") == .route(1))
        #expect(table.match("GET", "/v2/Cheap/7") == .route(3))
        #expect(table.match("OPTIONS", "/v2/Cheap/7") == .optionsOnPriced(3))
    }

    @Test func theQuickLookAtAPathAgreesWithASlowOne() {
        var random = RoutingScaleTests.Random(state: 7)
        let letters = Array("aZAz@[`{;%/:0é/.b/./".utf8) + [0x7F, 0x80, 0xC1, 0xDA, 0xFF, 0xAF, 0xBB, 0xA5]
        for _ in 0..<20_000 {
            // Mostly plain, so that the one byte that matters stands anywhere.
            var path: [UInt8] = [0x2F]
            for _ in 0..<Int.random(in: 0...28, using: &random) { path.append(0x62) }
            for _ in 0..<Int.random(in: 0...2, using: &random) where path.count > 1 {
                path[Int.random(in: 1..<path.count, using: &random)] = letters.randomElement(using: &random)!
            }
            let isDoubled = zip(path, path.dropFirst()).contains { ($0 == 0x2F || $0 == 0x2E) && $1 == 0x2F }
            let isSlashed = path.count > 1 && (path.last == 0x2F || path.last == 0x2E)
            let isPlain = !path.contains { (0x41...0x5A).contains($0) || $0 == 0x3B || $0 == 0x25 }
            let expected = path.count <= 1 || (isPlain && !isDoubled && !isSlashed)
            #expect(path.withUnsafeBytes { PathSpelling.isFolded($0) } == expected, "\(path)")
        }
    }

    @Test(arguments: [
        ("/a/b", "/a/b"), ("/", "/"), ("//", "/"), ("/A/b/", "/a/b"), ("/a;x/b;y", "/a/b"), ("/;a/;b", "/"),
        ("/a%41%2a", "/aa*"),
        ("/%zz", "/%zz"), ("/a%", "/a%"), ("/a%4", "/a%4"), ("/a%3bx/c", "/a/c"), ("/a//;//b", "/a/b"),
        ("/a./b%20", "/a/b"), ("/a.b", "/a.b"), ("/...", "/"), ("/a. .;x/.b", "/a/.b"), ("/É", "/É"),
    ])
    func foldedForms(_ path: String, _ folded: String) {
        #expect(String(decoding: PathSpelling.fold(Array(path.utf8)), as: UTF8.self) == folded)
        let isFolded = Array(path.utf8).withUnsafeBytes { PathSpelling.isFolded($0) }
        #expect(!isFolded || path == folded)
    }

    @Test func equalsAndWaysRoundAPriceAreFound() throws {
        typealias Conflict = RouteTableBuilder.Conflict
        let cases: [(String, Bool, String, Bool, Conflict.Kind?)] = [
            ("GET /a", true, "GET /a", true, .equal),
            ("GET /a/{x}", true, "GET /a/*", true, .equal),
            ("GET,POST /a", true, "PUT,POST /a", true, .equal),
            ("/a", true, "/a", false, .equal),
            ("GET /a", true, "HEAD /a", false, .equal),
            ("GET H/a", true, "GET h/a", true, .equal),
            ("GET /a/**", true, "GET /a/**", true, .equal),
            ("GET /a", true, "/a", false, nil),
            ("GET /a", true, "POST /a", false, nil),
            ("GET /a", true, "GET h/a", true, nil),
            ("GET /a/*", true, "GET /a/**", true, nil),
            ("GET /a", true, "GET /A", false, .spelling),
            ("GET /a", false, "GET /A", true, .spelling),
            ("GET /a", true, "/a/", false, .spelling),
            ("GET /a", true, "GET //a", false, .spelling),
            ("GET /a", true, "GET /a;x", false, .spelling),
            ("GET /a:b", true, "GET /a%3Ab", false, .spelling),
            ("GET /a/*", true, "GET /A/{x}", false, .spelling),
            ("GET /a", true, "GET /A", true, nil),
            ("GET /a", true, "POST /A", false, nil),
            ("GET /a", true, "GET h/A", false, nil),
        ]
        for (first, firstPriced, second, secondPriced, expected) in cases {
            var builder = RouteTableBuilder()
            builder.add(try RoutePattern(first), price: firstPriced ? 1 : 0, route: 0)
            builder.add(try RoutePattern(second), price: secondPriced ? 1 : 0, route: 1)
            let found = builder.conflicts.first
            #expect(found?.kind == expected, "\(first) and \(second)")
            if let found { #expect(found.first == 0 && found.second == 1) }
        }
    }

    @Test func methodsAreBounded() throws {
        var builder = RouteTableBuilder()
        for at in 0..<60 { builder.add(try RoutePattern("M\(at) /a"), price: 0, route: at) }
        #expect(builder.conflicts.map(\.kind) == [.methods, .methods, .methods])
    }

    /// A host too long to be named by any route has none of its own, and is never cut down to one that has.
    @Test func hostsOfAnyLength() throws {
        let longest = String(repeating: "a", count: RouteTable.maximumHostBytes)
        let table = try Self.table([("GET \(longest)/x", true), ("GET /x", false)])
        #expect(table.match("GET", "/x", host: longest + ":80") == .route(0))
        #expect(table.match("GET", "/x", host: longest + "a") == .route(1))
        #expect(table.match("GET", "/x", host: String(repeating: "a", count: 5_000)) == .route(1))
    }
}
