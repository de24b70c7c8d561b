import Testing

@testable import MCP

/// Ways to get a priced call for nothing: each is refused, or charged.
@Suite struct EvasionTests {
    static let tools: [(name: String, price: ToolPrice)] = [("search_kb", .free), ("create_ticket", .priced(0))]
    /// The widest door an operator can leave: whatever is not listed is free.
    static let prices = ToolPrices(tools: tools, otherTools: .free, methods: [("resources/read", .priced(1))])

    static func judge(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return Body.with(bytes) { body in
            switch prices.judge(Body.read(bytes), of: body) {
            case .free: "free"
            case .priced(let number, _): "priced \(number)"
            case .refused(let refusal): "refused \(refusal.code.rawValue) \(refusal.httpStatus)"
            }
        }
    }

    static func call(_ name: String, _ rest: String = "") -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(name)","arguments":{}\#(rest)}}"#
    }

    @Test(
        arguments: [
            (call("search_kb"), "free"), (call("create_ticket"), "priced 0"), (call("unlisted"), "free"),
            // Escapes say the same name.
            (call(#"\u0063reate_ticket"#), "priced 0"), (call(#"create\u005Fticket"#), "priced 0"),
            (call(#"search\u005fkb"#), "free"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"\u0074ools\/call","params":{"n\u0061me":"create_ticket"}}"#,
                "priced 0"
            ),
            // Look-alikes.
            (call("Create_Ticket"), "refused -32602 200"), (call("create_ticket "), "refused -32602 200"),
            (call("\u{441}reate_ticket"), "refused -32602 200"), (call("create_ticket\u{200d}"), "refused -32602 200"),
            (call(#"create_ticket\u0000"#), "refused -32602 400"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"create_ticket"}}"#,
                "refused -32601 200"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{"name":"create_ticket"}}"#,
                "refused -32601 200"
            ),
            // Two readings.
            (call("search_kb", #","name":"create_ticket""#), "refused -32700 400"),
            (call("search_kb", #","Name":"create_ticket""#), "refused -32600 400"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"create_ticket"}}"#,
                "refused -32700 400"
            ),
            ("\u{feff}" + call("create_ticket"), "refused -32700 400"),
            (call("create_ticket") + call("create_ticket"), "refused -32700 400"),
            // A call that could not be charged.
            (#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"create_ticket"}}"#, "refused -32600 400"),
            (
                #"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"create_ticket"}}"#,
                "refused -32600 400"
            ),
            (#"{"jsonrpc":"2.0","method":"resources/read","params":{"uri":"a"}}"#, "refused -32600 400"),
            (#"{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"a"}}"#, "priced 1"),
            (#"{"jsonrpc":"2.0","id":2,"method":"resources/list"}"#, "free"),
            (#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#, "free"),
            (#"{"jsonrpc":"2.0","id":2,"result":{}}"#, "free"),
            // Params in a shape of their own.
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, "refused -32602 400"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["create_ticket"]}"#, "refused -32602 400"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"params":{"name":"create_ticket"}}}"#,
                "refused -32602 400"
            ),
            // Batches.
            ("[\(call("search_kb"))]", "free"), ("[\(call("create_ticket"))]", "refused -32600 400"),
            (#"[{"jsonrpc":"2.0","method":"n"},\#(call(#"\u0063reate_ticket"#))]"#, "refused -32600 400"),
            (#"[\#(call("search_kb")),{"jsonrpc":"2.0","id":2,"result":{}}]"#, "free"),
            (#"[\#(call("search_kb")),{"jsonrpc":"2.0","id":2,"method":"resources/read"}]"#, "refused -32600 400"),
            ("[\(call("Create_Ticket"))]", "refused -32602 200"),
            ("[[\(call("create_ticket"))]]", "refused -32600 400"),
        ])
    func isRefusedOrCharged(text: String, expected: String) {
        #expect(Self.judge(text) == expected)
    }

    @Test func otherToolsAreDeniedOrPricedAsTheRouteSays() {
        let body = Array(Self.call("unlisted").utf8)
        for (others, expected) in [(ToolPrice.denied, "-32602"), (.priced(5), "5")] {
            let prices = ToolPrices(tools: Self.tools, otherTools: others, methods: [])
            let said = Body.with(body) { bytes in
                switch prices.judge(Body.read(body), of: bytes) {
                case .free: "free"
                case .priced(let number, _): "\(number)"
                case .refused(let refusal): "\(refusal.code.rawValue)"
                }
            }
            #expect(said == expected)
        }
    }
}
