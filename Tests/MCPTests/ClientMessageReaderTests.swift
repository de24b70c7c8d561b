import JSON
import Testing

@testable import MCP

@Suite struct ClientMessageReaderTests {
    /// A message in a few words: what it is, its method, tool and id as written; or the code it is refused with.
    static func summary(_ bytes: [UInt8], maximumBytes: Int = 1 << 20) -> String {
        Body.with(bytes) { body in
            func text(_ range: Range<Int>?) -> String {
                range.map { String(decoding: body[$0], as: UTF8.self) } ?? "-"
            }
            switch ClientMessageReader.read(body, limits: ClientMessageReader.limits(bytes: maximumBytes)) {
            case .request(let request):
                let method = request.withMethod(of: body) { String(decoding: $0, as: UTF8.self) }
                let tool = request.isToolCall ? request.withName(of: body) { String(decoding: $0, as: UTF8.self) } : nil
                let arguments = tool == nil ? "" : " \(tool!) \(text(request.arguments(of: body)))"
                return "request \(method)\(arguments) #\(text(request.idRange))"
            case .notification(let request):
                return "notification " + request.withMethod(of: body) { String(decoding: $0, as: UTF8.self) }
            case .response: return "response"
            case .batch(let batch): return "batch of \(batch.parts.count), \(batch.ids.count) asking"
            case .refused(let refusal): return "\(refusal.code.rawValue) #\(text(refusal.id))"
            }
        }
    }

    static func summary(_ text: String) -> String { summary(Array(text.utf8)) }

    @Test(
        arguments: [
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1}}}"#,
                #"request tools/call a {"x":1} #1"#
            ),
            (
                #"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"a"}}"#,
                #"request tools/call a - #"q""#
            ),
            (
                #" { "params" : { "arguments" : null , "name":"a" } , "method":"tools\/call", "id" : -7,"jsonrpc":"2.0" } "#,
                "request tools/call a null #-7"
            ),
            (#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#, "request ping #0"),
            (#"{"jsonrpc":"2.0","id":"","method":"ping","params":null}"#, #"request ping #"""#),
            (#"{"jsonrpc":"2.0","id":9007199254740991,"method":"ping"}"#, "request ping #9007199254740991"),
            (#"{"jsonrpc":"2.0","id":"\ud83d\ude00\n","method":"ping"}"#, #"request ping #"\ud83d\ude00\n""#),
            (#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized"),
            (#"{"jsonrpc":"2.0","id":5,"result":{}}"#, "response"),
            (#"{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":"m"}}"#, "response"),
            (
                #"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":5,"result":{}}]"#,
                "batch of 3, 1 asking"
            ),
            // The same key in two objects is no duplicate, and foreign keys are nobody's business.
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b","Name":"c"},"task":{}},"x":1}"#,
                #"request tools/call a {"name":"b","Name":"c"} #1"#
            ),
        ])
    func reads(text: String, expected: String) {
        #expect(Self.summary(text) == expected)
    }

    @Test(
        arguments: [
            // Not one JSON text.
            ("", "-32700 #-"), ("{", "-32700 #-"), ("hello", "-32700 #-"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping"}x"#, "-32700 #-"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#, "-32700 #-"),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0", "-32700 #-"),
            ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "-32700 #-"),
            // The same key twice, at the top, in params, far inside, and behind an escape.
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, "-32700 #-"),
            (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "-32700 #-"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","name":"costly"}}"#,
                "-32700 #-"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","n\u0061me":"costly"}}"#,
                "-32700 #-"
            ),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[{"b":{"c":1,"c":2}}]}}"#, "-32700 #-"),
            // Not a message.
            ("null", "-32600 #-"), ("1", "-32600 #-"), (#""tools/call""#, "-32600 #-"), ("{}", "-32600 #-"),
            ("[]", "-32600 #-"), ("[1]", "-32600 #-"), (#"[[{"jsonrpc":"2.0","id":1,"method":"ping"}]]"#, "-32600 #-"),
            (#"{"id":1,"method":"ping"}"#, "-32600 #1"), (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "-32600 #1"),
            (#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "-32600 #1"), (#"{"jsonrpc":"2.0","id":1}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","result":{}}"#, "-32600 #-"),
            (#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, "-32600 #1"),
            // A method that is none.
            (#"{"jsonrpc":"2.0","id":1,"method":7}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":""}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":null}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":["tools/call"]}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call\u0000"}"#, "-32600 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call\n"}"#, "-32600 #1"),
            // Params that are none.
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["a",{}]}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":null}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["a"]}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"params":{"name":"a"}}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[1]}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":"{}"}}"#, "-32602 #1"),
            (#"{"jsonrpc":"2.0","id":"z","method":"tools/call","params":{"name":"a\u0000b"}}"#, #"-32602 #"z""#),
            (#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#, "-32600 #-"),
            (#"[{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}]"#, "-32600 #-"),
            (#"[{"jsonrpc":"2.0","id":4,"method":"tools/call"}]"#, "-32602 #-"),
            (
                #"[{"jsonrpc":"2.0","id":4,"method":"ping","params":{"_meta":{"x402/payment":{}}}}]"#, "-32600 #-"
            ),
        ])
    func refuses(text: String, expected: String) {
        #expect(Self.summary(text) == expected)
    }

    @Test(arguments: [
        "null", "true", "false", "[]", "[1]", "{}", "1.5", "1.0", "1e0", "9007199254740992", "-9007199254740992",
        "123456789012345678901234567890", "\"\(String(repeating: "i", count: 257))\"",
    ])
    func refusesAnIDThatPeersReadDifferently(id: String) {
        #expect(Self.summary(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#) == "-32600 #-")
        let call = #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"a"}}"#
        #expect(Self.summary(call) == "-32600 #-")
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        #"{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","method":"ping"}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"ping","param\#u{17f}":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}"#,
        #"{"j\#u{17f}onrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{},"Method":"tools/call"}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","Name":"costly"}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","\u004eame":"costly"}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","argument\#u{17f}":{}}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_Meta":{}}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","URI":"b"}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Task":{}}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","tas\#u{212a}":{}}}"#,
    ])
    func refusesProtocolKeysInOtherLetters(text: String) {
        #expect(Self.summary(text) == "-32600 #1")
    }

    @Test(arguments: [
        (#"{"name":"a","task":{"ttl":60}}"#, true), (#"{"name":"a","task":{}}"#, true),
        (#"{"name":"a","t\u0061sk":1}"#, true),
        (#"{"name":"a"}"#, false), (#"{"name":"a","task":null}"#, false),
        (#"{"name":"a","arguments":{"task":{}}}"#, false),
    ])
    func seesThatACallIsToBeATask(params: String, expected: Bool) throws {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":\#(params)}"#
        let request = try #require(Body.request(text))
        #expect(Body.with(text) { request.asksForTask(of: $0) } == expected)
    }

    @Test func refusesUTF16AndBadUTF8() {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        let little = text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        for bytes in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] {
            #expect(Self.summary(bytes) == "-32700 #-")
        }
        for wrong in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            let body = Array(#"{"jsonrpc":"2.0","id":1,"method":"a"#.utf8) + wrong + Array(#""}"#.utf8)
            #expect(Self.summary(body) == "-32700 #-")
        }
    }

    @Test func keepsToItsLimits() {
        func nested(_ depth: Int) -> String {
            let open = String(repeating: "[", count: depth - 2)
            let close = String(repeating: "]", count: depth - 2)
            return #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":\#(open)\#(close)}}"#
        }
        #expect(Self.summary(nested(64)) == "request ping #1")
        #expect(Self.summary(nested(65)) == "-32700 #-")

        let body = Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8)
        #expect(Self.summary(body, maximumBytes: body.count) == "request ping #1")
        guard case .refused(let refusal) = Body.read(body, maximumBytes: body.count - 1) else {
            Issue.record("taken beyond the limit")
            return
        }
        #expect(refusal.httpStatus == 413)

        func call(_ count: Int) -> String {
            let name = String(repeating: "n", count: count)
            return #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(name)"}}"#
        }
        #expect(Self.summary(call(256)).hasPrefix("request"))
        #expect(Self.summary(call(257)) == "-32602 #1")

        func batch(_ count: Int) -> String {
            "[" + Array(repeating: #"{"jsonrpc":"2.0","method":"n"}"#, count: count).joined(separator: ",") + "]"
        }
        #expect(Self.summary(batch(128)) == "batch of 128, 0 asking")
        #expect(Self.summary(batch(129)) == "-32600 #-")
    }
}
