import Testing

@testable import MCP

@Suite struct ToolPricesTests {
    static let tools: [(name: String, price: ToolPrice)] = [
        ("search_kb", .free), ("create_ticket", .priced(0)), ("send_reply", .priced(1)), ("drop_all", .denied),
        ("Get", .free), ("get", .priced(2)), ("größe", .priced(3)),
    ]
    static func prices(_ others: ToolPrice) -> ToolPrices {
        ToolPrices(
            tools: tools, otherTools: others, methods: [("resources/read", .priced(9)), ("logging/setLevel", .denied)])
    }

    @Test(
        arguments: [
            ("search_kb", .free), ("create_ticket", .priced(0)), ("send_reply", .priced(1)), ("drop_all", .denied),
            ("Get", .free), ("get", .priced(2)), ("größe", .priced(3)),
        ] as [(String, ToolPrice)])
    func listedNamesCostWhatIsListed(name: String, expected: ToolPrice) {
        for others in [ToolPrice.free, .denied, .priced(7)] {
            #expect(Body.with(name) { Self.prices(others).price(ofTool: $0) } == expected)
        }
    }

    @Test(arguments: ["other", "create_ticket2", "create_ticke", "a", "zzz", "a.b/c-d_e:f$g"])
    func othersCostWhatOthersCost(name: String) {
        for others in [ToolPrice.free, .denied, .priced(7)] {
            #expect(Body.with(name) { Self.prices(others).price(ofTool: $0) } == others)
        }
    }

    @Test(arguments: [
        "Create_Ticket", "CREATE_TICKET", "create_tickeT", "GET", "gEt", " create_ticket", "create_ticket ",
        "create\u{ad}_ticket", "сreate_ticket", "create_ticket\u{200b}", "create\u{ff3f}ticket", "ｃreate_ticket",
        "create_tic\u{212a}et", "GRÖSSE", "gro\u{308}ße", "crea te", "a\\b", "a?b", "create_ticket;x",
    ])
    func lookalikesAreDenied(name: String) {
        for others in [ToolPrice.free, .denied, .priced(7)] {
            #expect(Body.with(name) { Self.prices(others).price(ofTool: $0) } == .denied)
        }
    }

    @Test(
        arguments: [
            ("resources/read", .priced(9)), ("logging/setLevel", .denied), ("ping", .free), ("resources/list", .free),
            ("notifications/initialized", .free), ("io.example/x", .free), ("Resources/Read", .denied),
            ("resources/READ", .denied), ("Tools/Call", .denied), ("tools/calL", .denied), ("tools/call ", .denied),
            ("tools\u{ff0f}call", .denied), ("toolſ/call", .denied),
        ] as [(String, ToolPrice)])
    func methods(name: String, expected: ToolPrice) {
        #expect(Body.with(name) { Self.prices(.denied).price(ofMethod: $0) } == expected)
    }

    @Test func findsEveryNameOfMany() {
        let names = (0..<500).map { "tool_\($0 * 7919 % 500)" }
        let prices = ToolPrices(
            tools: names.enumerated().map { ($1, .priced($0)) }, otherTools: .denied, methods: [])
        for (number, name) in names.enumerated() {
            #expect(Body.with(name) { prices.price(ofTool: $0) } == .priced(number))
            #expect(Body.with(name.uppercased()) { prices.price(ofTool: $0) } == .denied)
        }
        #expect(Body.with("tool_500") { prices.price(ofTool: $0) } == .denied)
    }
}
