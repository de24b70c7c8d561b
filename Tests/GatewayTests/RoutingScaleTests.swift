import Testing

@testable import Gateway

/// The tree against a plain search of all patterns, on tables made at random from a fixed seed.
@Suite struct RoutingScaleTests {
    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    /// The best by `RouteOrder` of every pattern that takes the request; nil where none does.
    static func reference(_ patterns: [RoutePattern], _ method: String, _ path: String, _ host: String) -> Int? {
        var best: Int?
        for (at, pattern) in patterns.enumerated()
        where RouteOrder.takes(pattern, path: Array(path.utf8), host: host) && RouteOrder.takes(pattern, method: method)
        {
            guard let champion = best else {
                best = at
                continue
            }
            if RouteOrder.reason(pattern, over: patterns[champion]) != nil { best = at }
        }
        return best
    }

    @Test func theTreeAgreesWithAPlainSearch() throws {
        var random = Random(state: 0x5EED)
        let words = ["a", "b", "ab", "reports", "a-longer-segment", "ABC", ""]
        var requests = 0
        for _ in 0..<40 {
            var builder = RouteTableBuilder()
            var patterns: [RoutePattern] = []
            for _ in 0..<40 {
                let depth = Int.random(in: 1...4, using: &random)
                var parts = (0..<depth).map { _ in
                    Int.random(in: 0..<3, using: &random) == 0 ? "*" : words.randomElement(using: &random)!
                }
                if Int.random(in: 0..<5, using: &random) == 0 { parts[depth - 1] = "**" }
                let method = ["GET ", "POST ", "HEAD,PUT ", ""].randomElement(using: &random)!
                let host = ["", "", "h.example"].randomElement(using: &random)!
                let pattern = try RoutePattern("\(method)\(host)/" + parts.joined(separator: "/"))
                let before = builder.conflicts.count
                builder.add(pattern, price: 0, route: patterns.count)
                if builder.conflicts.count == before { patterns.append(pattern) }
            }
            let table = builder.build()
            for _ in 0..<50 {
                let depth = Int.random(in: 1...5, using: &random)
                let path = "/" + (0..<depth).map { _ in words.randomElement(using: &random)! }.joined(separator: "/")
                let method = ["GET", "POST", "HEAD", "PUT", "DELETE"].randomElement(using: &random)!
                let host = ["", "h.example", "other"].randomElement(using: &random)!
                let expected = Self.reference(patterns, method, path, host)
                let match = table.match(method, path, host: host)
                requests += 1
                if let expected {
                    #expect(match == .route(expected), "\(method) \(host)\(path)")
                } else if case .route(let index) = match {
                    Issue.record("\(method) \(host)\(path) reached \(index)")
                }
            }
        }
        #expect(requests == 2_000)
    }

    @Test func tenThousandRoutesMatchAsTenDo() throws {
        var builder = RouteTableBuilder()
        for at in 0..<10_000 {
            let text = at % 3 == 0 ? "GET /v\(at % 7)/item\(at)/{id}" : "POST /v\(at % 7)/item\(at)/things/**"
            builder.add(try RoutePattern(text), price: at % 2 == 0 ? 5 : 0, route: at)
        }
        #expect(builder.conflicts.isEmpty)
        let table = builder.build()
        for at in 0..<10_000 {
            if at % 3 == 0 {
                #expect(table.match("GET", "/v\(at % 7)/item\(at)/x") == .route(at))
                #expect(table.match("HEAD", "/v\(at % 7)/item\(at)/y") == .route(at))
            } else {
                #expect(table.match("POST", "/v\(at % 7)/item\(at)/things/x/y") == .route(at))
            }
        }
        #expect(table.match("GET", "/v1/item10001/x") == .notFound)
    }

    /// A path whose every segment is a literal in one pattern and a wildcard in another is followed both ways.
    @Test func wildcardsAreTriedWhereLiteralsLeadNowhere() throws {
        let table = try RoutingTests.table([
            ("/a/a/a/a/x", false), ("/*/a/a/a/y", false), ("/a/*/a/a/z", false), ("/*/*/*/*/w", false), ("/**", false),
        ])
        #expect(table.match("GET", "/a/a/a/a/x") == .route(0))
        #expect(table.match("GET", "/a/a/a/a/y") == .route(1))
        #expect(table.match("GET", "/a/a/a/a/z") == .route(2))
        #expect(table.match("GET", "/a/a/a/a/w") == .route(3))
        #expect(table.match("GET", "/a/a/a/a/v") == .route(4))
    }

    /// Every length of segment takes its own way through the hash and the comparison.
    @Test func segmentsOfEveryLengthAreToldApart() throws {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        var builder = RouteTableBuilder()
        var texts: [String] = []
        for length in 0...40 {
            for last in ["", "0", "1"] {
                let text = "/" + String((0..<length).map { letters[$0 % 26] }) + last
                if texts.contains(text) { continue }
                builder.add(try RoutePattern(text), price: 0, route: texts.count)
                texts.append(text)
            }
        }
        let table = builder.build()
        for (at, text) in texts.enumerated() {
            #expect(table.match("GET", text) == .route(at))
            #expect(table.match("GET", text + "2") == .notFound)
        }
    }
}
