import JSON
import Testing

@testable import MCP

@Suite struct ToolListingTests {
    static let tools: [(name: String, price: ToolPrice)] = [
        ("search_kb", .free), ("create_ticket", .priced(0)), ("send_reply", .priced(1)), ("gone", .priced(0)),
    ]
    static let prices = ToolPrices(tools: tools, otherTools: .denied, methods: [])
    static let labels = [
        ToolLabel(
            displayPrice: "$0.02", priceUSD: "0.02",
            terms: [ToolLabel.Terms(network: "eip155:84532", asset: "0xA", amount: "20000")], settlesFirst: false),
        ToolLabel(
            displayPrice: "€0.05", priceUSD: nil,
            terms: [
                ToolLabel.Terms(network: "eip155:1", asset: "0xB", amount: "50000"),
                ToolLabel.Terms(network: "eip155:2", asset: "0xC", amount: "50001"),
            ], settlesFirst: true),
    ]
    static let first =
        #""x402/price":{"display":"$0.02","settle":"after","accepts":[{"network":"eip155:84532","asset":"0xA","amount":"20000"}]}"#
        + #","agents-x402/paymentRequired":true,"agents-x402/priceUSD":0.02"#
    static let second =
        #""x402/price":{"display":"€0.05","settle":"first","accepts":[{"network":"eip155:1","asset":"0xB","amount":"50000"},"#
        + #"{"network":"eip155:2","asset":"0xC","amount":"50001"}]},"agents-x402/paymentRequired":true"#
    static let sentence = "Costs $0.02 a call, paid with x402."

    static func listing(_ text: String) -> ToolListing? {
        Body.answer(text).flatMap { answer in Body.with(text) { ToolListing(answer, of: $0) } }
    }

    static func annotated(_ tools: String, _ annotation: ToolListing.Annotation) -> String? {
        let before = #"{"jsonrpc":"2.0","id":1,"result":{"tools":["#
        let after = #"],"nextCursor":"c\u0041","future":{"x":[1 , 2]}}}"#
        let text = before + tools + after
        guard let listing = listing(text) else { return nil }
        let splices = Body.with(text) { listing.splices(annotation, prices: prices, labels: labels, in: $0) }
        let out = splices.applied(to: text)
        #expect(out.utf8.count == text.utf8.count + splices.growth)
        #expect(out.hasPrefix(before) && out.hasSuffix(after))
        #expect(Body.isJSON(out))
        return String(out.dropFirst(before.count).dropLast(after.count))
    }

    @Test(
        arguments: [
            (#"{"name":"create_ticket"}"#, #"{"_meta":{\#(first)},"name":"create_ticket"}"#),
            (#"{ "name":"create_ticket" }"#, #"{"_meta":{\#(first)}, "name":"create_ticket" }"#),
            (#"{"name":"create\u005fticket","x":{}}"#, #"{"_meta":{\#(first)},"name":"create\u005fticket","x":{}}"#),
            (#"{"name":"create_ticket","_meta":{}}"#, #"{"name":"create_ticket","_meta":{\#(first)}}"#),
            (#"{"name":"create_ticket","_meta":{"a":1}}"#, #"{"name":"create_ticket","_meta":{\#(first),"a":1}}"#),
            (#"{"name":"create_ticket","_meta":null}"#, #"{"name":"create_ticket","_meta":{\#(first)}}"#),
            (#"{"name":"send_reply"}"#, #"{"_meta":{\#(second)},"name":"send_reply"}"#),
            // Free, denied, unknown or nameless: as it was.
            (
                #"{"name":"search_kb"}, {"name":"other"},{"name":"Create_Ticket"},{"title":"x"},7"#,
                #"{"name":"search_kb"}, {"name":"other"},{"name":"Create_Ticket"},{"title":"x"},7"#
            ),
            ("", ""),
        ])
    func showsPricesInMeta(tools: String, expected: String) {
        #expect(Self.annotated(tools, .meta) == expected)
        #expect(Self.annotated(tools, .none) == tools)
    }

    @Test func replacesWhatTheServerSaidOfPrices() throws {
        let tools = #"{"name":"create_ticket","_meta":{"agents-x402/priceUSD":9,"a":1,"x402/price":"free"}}"#
        let out = try #require(Self.annotated(tools, .meta))
        #expect(out.contains(#""agents-x402/priceUSD":0.02"#))
        #expect(!out.contains(#""free""#))
        #expect(out.contains(#""a":1"#))
    }

    @Test(arguments: [
        (
            #"{"name":"create_ticket","description":"Opens\u0020a \"ticket\"."}"#,
            #"{"name":"create_ticket","description":"Opens\u0020a \"ticket\". \#(sentence)"}"#
        ),
        (#"{"name":"create_ticket","description":""}"#, #"{"name":"create_ticket","description":"\#(sentence)"}"#),
        (#"{"name":"create_ticket"}"#, #"{"description":"\#(sentence)","name":"create_ticket"}"#),
        (#"{"name":"create_ticket","description":null}"#, #"{"name":"create_ticket","description":"\#(sentence)"}"#),
        (#"{"name":"search_kb","description":"x"}"#, #"{"name":"search_kb","description":"x"}"#),
    ])
    func showsPricesInTheDescription(tools: String, expected: String) {
        #expect(Self.annotated(tools, .description) == expected)
    }

    @Test func showsPricesInBoth() {
        #expect(
            Self.annotated(
                #"{"description":"d","name":"create_ticket","_meta":{"a":1}},{"name":"create_ticket"}"#, .both)
                == #"{"description":"d \#(Self.sentence)","name":"create_ticket","_meta":{\#(Self.first),"a":1}},"#
                + #"{"_meta":{\#(Self.first)},"description":"\#(Self.sentence)","name":"create_ticket"}"#)
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":1,"result":{}}"#, #"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
        #"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#, #"{"jsonrpc":"2.0","id":1,"result":[]}"#,
    ])
    func isNothingElse(text: String) {
        #expect(Self.listing(text) == nil)
    }

    @Test func readsToolsAndCursor() throws {
        let listing = try #require(
            Self.listing(
                #"{"id":1,"result":{"tools":[{"name":"a","outputSchema":{"type":"object"}},{"name":"b","outputSchema":null},{"n":1}],"nextCursor":"x\u0041"}}"#
            ))
        #expect(listing.tools == [.init(name: "a", hasOutputSchema: true), .init(name: "b", hasOutputSchema: false)])
        #expect(listing.nextCursor == Array(#""x\u0041""#.utf8))
        #expect(Self.listing(#"{"id":1,"result":{"tools":[],"nextCursor":null}}"#)?.nextCursor == nil)
    }

    @Test func randomListingsChangeOnlyInTheirPrices() throws {
        var random = RandomMessages(seed: 3)
        for _ in 0..<400 {
            var plain: [String] = []
            for _ in 0..<random.below(4) {
                let name = random.oneOf(["create_ticket", "search_kb", "send_reply", "else"])
                plain.append(random.object([("name", "\"\(name)\"")] + random.others()))
            }
            let tools = plain.joined(separator: ",")
            let out = try #require(Self.annotated(tools, .meta))
            let removed = out.removing(#""_meta":{\#(Self.first)},"#).removing(#""_meta":{\#(Self.second)},"#)
            #expect(removed == tools)
        }
    }

    @Test func auditsPageByPage() throws {
        var audit = ToolAudit(Self.prices)
        audit.take(try #require(Self.listing(#"{"id":1,"result":{"tools":[{"name":"search_kb"},{"name":"extra"}]}}"#)))
        #expect(audit.missing.map(\.name) == ["create_ticket", "send_reply", "gone"])
        audit.take(
            try #require(
                Self.listing(
                    #"{"id":1,"result":{"tools":[{"name":"send_reply"},{"name":"create_ticket"},{"name":"Gone"}]}}"#)))
        #expect(audit.missing == [.init(name: "gone", price: .priced(0))])
        #expect(audit.unnamed == [.init(name: "extra", price: .denied), .init(name: "Gone", price: .denied)])
        #expect(audit.offered.map(\.price) == [.free, .denied, .priced(1), .priced(0), .denied])
    }
}

extension String {
    /// Without any place where `text` stands.
    fileprivate func removing(_ text: String) -> String {
        var rest = Array(utf8)[...]
        let part = Array(text.utf8)
        var out: [UInt8] = []
        while !rest.isEmpty {
            if rest.starts(with: part) {
                rest = rest.dropFirst(part.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
