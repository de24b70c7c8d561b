import Testing

@testable import Gateway

@Suite struct ChargeDecisionTests {
    private static func decide(_ conditions: String, _ body: String) throws -> ChargeDecision {
        let revision = try revision(
            moneyAndUpstream + """
                routes:
                  - {match: GET /x, upstream: legacy, price: $1, charge_when: {json: \(conditions)}}

                """)
        let charge = try #require(revision.routes[0].terms?.chargeWhen)
        #expect(charge.statuses == StatusSet([200...299]))
        return Array(body.utf8).withUnsafeBytes { ChargeDecision.decide(charge.json, body: $0) }
    }

    @Test(arguments: [
        ("{/ok: true}", #"{"ok":true}"#, ChargeDecision.charge), ("{/ok: true}", #" {"a": [], "ok" : true}"#, .charge),
        ("{/ok: true}", #"{"ok":false}"#, .free), ("{/ok: true}", #"{"ok":"true"}"#, .free),
        ("{/ok: true}", "{}", .free), ("{/ok: true}", "[true]", .free), ("{/ok: true}", "true", .free),
        ("{/ok: true}", "", .unreadable), ("{/ok: true}", "<html>", .unreadable),
        ("{/ok: true}", #"{"ok":true} x"#, .unreadable), ("{/ok: true}", #"{"ok":true,"ok":false}"#, .unreadable),
        ("{/ok: true}", #"{"ok":true,"x":"\#u{1}"}"#, .unreadable),
        ("{/ok: \"true\"}", #"{"ok":"true"}"#, .charge), ("{/ok: \"true\"}", #"{"ok":true}"#, .free),
        ("{/ok: yes}", #"{"ok":"yes"}"#, .charge), ("{/ok: }", #"{"ok":null}"#, .charge),
        ("{/ok: null}", "{}", .free), ("{/n: 3}", #"{"n":3}"#, .charge), ("{/n: 3}", #"{"n":3.0}"#, .free),
        ("{/n: -1.5}", #"{"n":-1.5}"#, .charge), ("{/n: 3}", #"{"n":"3"}"#, .free),
        ("{/a/1/b: x}", #"{"a":[0,{"b":"x"}]}"#, .charge), ("{/a/01/b: x}", #"{"a":[0,{"b":"x"}]}"#, .free),
        ("{/a/9: x}", #"{"a":[0]}"#, .free), ("{/a/-: x}", #"{"a":["x"]}"#, .free),
        ("{/a~1b/c~0d: 1}", #"{"a/b":{"c~d":1}}"#, .charge), ("{/: 1}", #"{"":1}"#, .charge),
        ("{/k: 1}", #"{"\u006b":1}"#, .charge), ("{/ok: true, /n: 1}", #"{"ok":true,"n":2}"#, .free),
        ("{/ok: true, /n: 1}", #"{"ok":true,"n":1}"#, .charge),
    ])
    func table(_ conditions: String, _ body: String, _ expected: ChargeDecision) throws {
        #expect(try Self.decide(conditions, body) == expected)
    }

    /// Deep texts are answers too, up to a bound.
    @Test func depth() throws {
        func nested(_ depth: Int) -> String {
            "{\"ok\":true,\"x\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try Self.decide("{/ok: true}", nested(500)) == .charge)
        #expect(try Self.decide("{/ok: true}", nested(5_000)) == .unreadable)
    }
}
