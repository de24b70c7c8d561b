import Bytes
import JSON
import Testing

@testable import MCP

@Suite struct PaymentCutTests {
    /// The cut of a request whose `_meta` is this text, and what is forwarded of that text.
    static func cut(_ meta: String) -> (payment: PaymentCut.Payment, left: String)? {
        let before = #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":"#
        let text = before + meta + "}}"
        guard let request = Body.request(text) else { return nil }
        return Body.with(text) { body in
            let cut = PaymentCut(request, of: body)
            let (first, second) = cut.runs(of: body)
            let left = Array(first) + Array(second)
            #expect(left.count == cut.forwardedCount(body.count))
            #expect(left.starts(with: before.utf8))
            return (cut.payment, String(decoding: left.dropFirst(before.utf8.count).dropLast(2), as: UTF8.self))
        }
    }

    static func json(_ text: String) -> PaymentCut.Payment { .json(Array(text.utf8)) }

    @Test(
        arguments: [
            // No comma, one behind, one before, one on either side.
            (#"{"x402/payment":{"a":1}}"#, "{}"), (#"{ "x402/payment" : {"a":1} }"#, "{  }"),
            (#"{"x402/payment":{"a":1},"b":2}"#, #"{"b":2}"#), (#"{ "x402/payment":{"a":1} , "b":2 }"#, #"{ "b":2 }"#),
            (#"{"b":2,"x402/payment":{"a":1}}"#, #"{"b":2}"#), (#"{"b":2 , "x402/payment":{"a":1} }"#, #"{"b":2 }"#),
            (#"{"b":2,"x402/payment":{"a":1},"c":3}"#, #"{"b":2,"c":3}"#),
            (#"{"b":{"x402/payment":1},"x402\/p\u0061yment":{"a":1}}"#, #"{"b":{"x402/payment":1}}"#),
        ])
    func leavesEverythingElse(meta: String, expected: String) {
        let cut = Self.cut(meta)
        #expect(cut?.left == expected)
        #expect(cut?.payment == Self.json(#"{"a":1}"#))
    }

    @Test(arguments: [
        (#"{"a":"\u0041"}"#, json(#"{"a":"\u0041"}"#)), (#""{\"a\":1}""#, json(#"{"a":1}"#)),
        (#"" \n{\"a\":1}""#, json(" \n" + #"{"a":1}"#)), (#""eyJhIjoxfQ==""#, json(#"{"a":1}"#)),
        (#""eyJh\u0049joxfQ==""#, json(#"{"a":1}"#)), ("null", .none), ("1", .unreadable(.notText)),
        ("true", .unreadable(.notText)), ("[{}]", .unreadable(.notText)), (#""""#, .unreadable(.notBase64)),
        (#""eyJhIjoxfQ""#, .unreadable(.notBase64)), (#""not base64!""#, .unreadable(.notBase64)),
        (#""[1]""#, .unreadable(.notBase64)),
    ])
    func readsEveryForm(value: String, expected: PaymentCut.Payment) {
        let cut = Self.cut(#"{"b":1,"x402/payment":\#(value)}"#)
        #expect(cut?.payment == expected)
        #expect(cut?.left == #"{"b":1}"#)
    }

    @Test func keepsToItsLimit() {
        let fits = "\"" + String(repeating: "AAAA", count: 2047) + "\""
        let over = "\"" + String(repeating: "AAAA", count: 2048) + "\""
        #expect(Self.cut(#"{"x402/payment":\#(fits)}"#)?.payment == .json([UInt8](repeating: 0, count: 2047 * 3)))
        #expect(Self.cut(#"{"x402/payment":\#(over)}"#)?.payment == .unreadable(.tooLarge))
        #expect(Self.cut(#"{"x402/payment":\#(over)}"#)?.left == "{}")
    }

    @Test(arguments: ["{}", #"{"x402/Payment":{}}"#, #"{"a":{"x402/payment":{}}}"#, #"{"x402/payment ":{}}"#, "null"])
    func findsItNowhereElse(meta: String) {
        let cut = Self.cut(meta)
        #expect(cut?.payment == PaymentCut.Payment.none)
        #expect(cut?.left == meta)
    }

    @Test func whatIsForwardedDiffersOnlyInThePayment() throws {
        var random = RandomMessages(seed: 5)
        for _ in 0..<1200 {
            let payment = random.object([("x402Version", "2"), ("payload", random.value())])
            let form = random.oneOf([payment, "\"\(Base64.encode(Array(payment.utf8)))\""])
            let rest = random.others()
            let meta = random.object(rest + [("x402/payment", form)])
            let params = random.object([("name", random.oneOf([#""t""#])), ("_meta", meta), ("arguments", "{}")])
            let text = random.object(
                [("jsonrpc", #""2.0""#), ("id", "7"), ("method", #""tools/call""#), ("params", params)]
                    + random.others())
            let request = try #require(Body.request(text), "\(text)")
            try Body.with(text) { body in
                let cut = PaymentCut(request, of: body)
                #expect(cut.payment == .json(Array(payment.utf8)))
                let (first, second) = cut.runs(of: body)
                let left = Array(first) + Array(second)
                // The same message without one member, and nothing moved around it.
                let cutOut = try #require(cut.range)
                let removed = String(decoding: body[cutOut], as: UTF8.self)
                #expect(removed.contains("\"x402/payment\"") && removed.contains(form))
                let around = removed.replacingOnce("\"x402/payment\"").replacingOnce(form)
                #expect(around.allSatisfy { $0 == "," || $0 == ":" || $0.isWhitespace })
                #expect(around.filter { $0 == "," }.count == (rest.isEmpty ? 0 : 1))
                try left.withUnsafeBytes { bytes in
                    let tape = try JSONTape(bytes)
                    let names = tape.root(over: bytes)["params"]?["_meta"]?.members.compactMap(\.key.string) ?? []
                    #expect(Set(names) == Set(rest.map(\.0)))
                }
            }
        }
    }
}

extension String {
    /// Without the first place where `text` stands.
    fileprivate func replacingOnce(_ text: String) -> String {
        let whole = Array(utf8)
        let part = Array(text.utf8)
        for start in 0...(whole.count - part.count) where whole[start..<start + part.count].elementsEqual(part) {
            return String(decoding: whole[..<start] + whole[(start + part.count)...], as: UTF8.self)
        }
        return self
    }
}
