import Bytes
import JSON
import Testing

@testable import MCP

@Suite struct ResultTests {
    static let terms =
        #"{"x402Version":2,"error":"payment_required","accepts":[{"scheme":"exact","extra":{"name":"A \"B\""}}]}"#
    static let receipt = #"{"success":false,"transaction":"","network":"eip155:84532"}"#
    static let ids = ["1", "-7", #""q\u0041""#, #""\"""#, "9007199254740991"]

    static func write(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, inout ByteBuffer) -> Void,
        id: String = "1"
    ) -> String {
        Body.with(id) { id in
            Body.with(terms) { terms in
                Body.with(receipt) { receipt in Body.written { body(id, terms, receipt, &$0) } }
            }
        }
    }

    /// The string at a path, or the JSON text of anything else.
    static func at(_ text: String, _ path: StaticString...) -> String? {
        Body.with(text) { bytes in
            guard let tape = try? JSONTape(bytes, limits: JSONLimits(depth: 64)) else { return nil }
            var value: JSONValue? = tape.root(over: bytes)
            for key in path {
                value = value?.kind == .array ? value?.elements.first { _ in true } : value
                value = value?[key]
            }
            return value.map { $0.string ?? String(decoding: $0.source, as: UTF8.self) }
        }
    }

    @Test(arguments: ids)
    func challengeCarriesTheTermsThreeTimes(id: String) {
        let text = Self.write(
            { id, terms, _, out in
                ChallengeResult.write(id: id, terms: terms, form: .toolResult(structured: true), into: &out)
            }, id: id)
        #expect(text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"result":"#))
        #expect(Self.at(text, "result", "isError") == "true")
        #expect(Self.at(text, "result", "structuredContent") == Self.terms)
        #expect(Self.at(text, "result", "content", "type") == "text")
        #expect(Self.at(text, "result", "content", "text") == Self.terms)
        #expect(Self.at(text, "result", "_meta", "x402/error") == Self.terms)
        #expect(!text.contains("\n"))
    }

    @Test func challengeLeavesStructuredContentOut() {
        let text = Self.write { id, terms, _, out in
            ChallengeResult.write(id: id, terms: terms, form: .toolResult(structured: false), into: &out)
        }
        #expect(Self.at(text, "result", "structuredContent") == nil)
        #expect(Self.at(text, "result", "content", "text") == Self.terms)
        #expect(Self.at(text, "result", "_meta", "x402/error") == Self.terms)
    }

    @Test func challengeOfAMethodIsAnError() {
        let text = Self.write { id, terms, _, out in
            ChallengeResult.write(id: id, terms: terms, form: .error, into: &out)
        }
        #expect(Self.at(text, "error", "code") == "402")
        #expect(Self.at(text, "error", "data") == Self.terms)
        #expect(Self.at(text, "result") == nil)
    }

    @Test func refusedCarriesTermsAndReceipt() {
        let text = Self.write { id, terms, receipt, out in
            RefusedResult.write(
                id: id, terms: terms, receipt: receipt, form: .toolResult(structured: true), into: &out)
        }
        #expect(Self.at(text, "result", "isError") == "true")
        #expect(Self.at(text, "result", "structuredContent", "accepts")?.hasPrefix("[{") == true)
        #expect(Self.at(text, "result", "structuredContent", "x402/payment-response") == Self.receipt)
        #expect(Self.at(text, "result", "_meta", "x402/payment-response") == Self.receipt)
        #expect(Self.at(text, "result", "_meta", "x402/error", "accepts")?.hasPrefix("[{") == true)
        #expect(Self.at(text, "result", "content", "text") == Self.at(text, "result", "structuredContent"))
    }

    static let notice = #"{"error":"wallet_busy","charged":false}"#

    @Test(arguments: [AnswerForm.toolResult(structured: true), .toolResult(structured: false), .error])
    func aNoticeNeverInvitesToPay(form: AnswerForm) {
        for hasReceipt in [true, false] {
            let text = Self.write { id, _, receipt, out in
                var notice = Self.notice
                notice.withUTF8 { content in
                    NoticeResult.write(
                        id: id, status: 429, content: UnsafeRawBufferPointer(content),
                        receipt: hasReceipt ? receipt : nil, form: form, into: &out)
                }
            }
            #expect(!text.contains("accepts"))
            #expect(!text.contains("x402Version"))
            #expect(!text.contains("x402/error"))
            let receipt = hasReceipt ? Self.receipt : nil
            if form == .error {
                #expect(Self.at(text, "error", "code") == "429")
                #expect(Self.at(text, "error", "data", "error") == "wallet_busy")
                #expect(Self.at(text, "error", "data", "x402/payment-response") == receipt)
            } else {
                #expect(Self.at(text, "result", "isError") == "true")
                #expect(Self.at(text, "result", "content", "text")?.contains("wallet_busy") == true)
                #expect(Self.at(text, "result", "_meta", "x402/payment-response") == receipt)
                let isLeftOut = form == .toolResult(structured: false)
                #expect((Self.at(text, "result", "structuredContent", "charged") == nil) == isLeftOut)
            }
        }
    }

    @Test(arguments: [
        (
            #"{"jsonrpc":"2.0","id":"a\u0041","method":"tools/call"}"#,
            #"{"jsonrpc":"2.0","id":"a\u0041","error":{"code":-32602"#
        ),
        ("{", #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#),
        (#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#),
    ])
    func errorsKeepTheID(text: String, expected: String) throws {
        guard case .refused(let refusal) = Body.read(text) else {
            Issue.record("not refused")
            return
        }
        let answer = Body.with(text) { body in Body.written { ErrorAnswer.write(refusal, of: body, into: &$0) } }
        #expect(answer.hasPrefix(expected))
        #expect(Body.isJSON(answer))
    }
}
