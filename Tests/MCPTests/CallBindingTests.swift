import Testing

@testable import MCP

@Suite struct CallBindingTests {
    static func pieces(_ text: String) -> [UInt8]? {
        guard let request = Body.request(text) else { return nil }
        var all: [UInt8] = []
        Body.with(text) { body in CallBinding.feed(request, of: body) { all += $0 } }
        return all
    }

    static func call(_ params: String, id: String = "1", method: String = "tools/call") -> [UInt8]? {
        pieces(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#)
    }

    static func piece(_ text: String) -> [UInt8] { [0, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8) }

    @Test func holdsMethodNameAndArguments() {
        #expect(
            Self.call(#"{"name":"a","arguments":{"x": 1}}"#)
                == Self.piece("tools/call") + Self.piece("a") + Self.piece(#"{"x": 1}"#))
        #expect(Self.call(#"{"name":"a"}"#) == Self.piece("tools/call") + Self.piece("a"))
        #expect(
            Self.call(#"{"uri":"u","_meta":{"progressToken":3}}"#, method: "resources/read")
                == Self.piece("resources/read") + Self.piece(#"{"uri":"u"}"#))
        #expect(Self.pieces(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#) == Self.piece("ping"))
    }

    @Test(arguments: [
        // A retry: another id, another progress token, another payment, the payment elsewhere.
        (
            #"{"name":"a","arguments":{"x":1}}"#, #"{"_meta":{"progressToken":9},"name":"a","arguments":{"x":1}}"#,
            "tools/call"
        ),
        (#"{"name":"a","arguments":{}}"#, #"{"arguments":{},"name":"\u0061"}"#, "tools/call"),
        (#"{"uri":"u"}"#, #"{"_meta":{"x402/payment":{"p":1}},"uri":"u"}"#, "resources/read"),
        (#"{"uri":"u","_meta":{}}"#, #"{"_meta":{"x402/payment":{"p":1}},"uri":"u"}"#, "resources/read"),
        ("{}", #"{"_meta":{"x402/payment":{}}}"#, "resources/list"), ("null", "{ }", "resources/list"),
    ])
    func isTheSameForARetry(first: String, second: String, method: String) {
        #expect(Self.call(first, method: method) == Self.call(second, id: #""other""#, method: method))
        #expect(Self.call(first, method: method) != nil)
    }

    @Test(arguments: [
        (#"{"name":"a","arguments":{"x":1}}"#, #"{"name":"a","arguments":{"x":2}}"#, "tools/call"),
        (#"{"name":"a","arguments":{"x":1}}"#, #"{"name":"b","arguments":{"x":1}}"#, "tools/call"),
        (#"{"name":"a","arguments":{}}"#, #"{"name":"a"}"#, "tools/call"),
        (#"{"name":"a","arguments":{}}"#, #"{"name":"a","arguments":null}"#, "tools/call"),
        (#"{"uri":"u"}"#, #"{"uri":"v"}"#, "resources/read"),
        (#"{"uri":"u","_meta":{}}"#, #"{"uri":"u","_neta":{}}"#, "resources/read"),
    ])
    func isAnotherForAnotherCall(first: String, second: String, method: String) {
        #expect(Self.call(first, method: method) != Self.call(second, method: method))
    }
}
