import Bytes
import JSON
import Testing

@testable import MCP

@Suite struct AnswerTests {
    static func summary(_ message: ServerMessage) -> String {
        switch message {
        case .live: "live"
        case .response(let answer): "\(answer.outcome)"
        case .withheld(let reason): "withheld \(reason)"
        }
    }

    static func read(_ text: String, id: MessageID = .integer(7)) -> String {
        summary(Body.with(text) { AnswerReader(id: id, maximumBytes: 4096).read($0) })
    }

    @Test(
        arguments: [
            // What passes by itself.
            (#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}"#, "live"),
            (#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}"#, "live"), ("", "live"),
            (" \n", "live"),
            // The answer, however its id is written.
            (#"{"jsonrpc":"2.0","id":7,"result":{}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7.0,"result":{}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":70e-1,"result":{}}"#, "result"),
            (#"{"id":7,"result":{"isError":false}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"isError":null}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"result":{},"error":null}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"result":null}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"method":"x","result":{}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"isError":true}}"#, "toolError"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"isErro\u0072":true}}"#, "toolError"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"isError":1}}"#, "toolError"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required"}}"#, "inputRequired"),
            (#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete"}}"#, "result"),
            (#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"m"}}"#, "error"),
            (#"{"jsonrpc":"2.0","id":7,"result":null,"error":{"code":-1}}"#, "error"),
            (#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}"#, "error"),
            (#"{"jsonrpc":"2.0","error":{"code":-32700}}"#, "error"),
            // What never passes.
            (#"{"jsonrpc":"2.0","id":8,"result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","id":"7","result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","id":7.5,"result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","id":null,"result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","id":8,"error":{"code":1}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","method":"m","id":8,"result":{}}"#, "withheld otherResponse"),
            (#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1}}"#, "withheld notAMessage"),
            (#"{"jsonrpc":"2.0","id":7,"error":null}"#, "withheld notAMessage"),
            (#"{"jsonrpc":"2.0","method":"m","Result":{}}"#, "withheld notAMessage"),
            ("{}", "withheld notAMessage"), ("7", "withheld notAMessage"), (#""text""#, "withheld notAMessage"),
            (#"{"jsonrpc":"2.0","method":7}"#, "withheld notAMessage"),
            (#"[{"jsonrpc":"2.0","id":7,"result":{}}]"#, "withheld batch"), ("[]", "withheld batch"),
            (#"{"method":"m","result":1,"result":2}"#, "withheld unreadable(JSON.JSONFault.Reason.duplicateKey)"),
            (#"{"jsonrpc":"2.0","id":7,"result":{}"#, "withheld unreadable(JSON.JSONFault.Reason.unexpectedEnd)"),
        ])
    func judges(text: String, expected: String) {
        #expect(Self.read(text) == expected)
    }

    @Test func findsStringsByTheirBytes() {
        let id = MessageID.string(Array("aA".utf8))
        #expect(Self.read(#"{"id":"aA","result":{}}"#, id: id) == "result")
        #expect(Self.read(#"{"id":"a\u0041","result":{}}"#, id: id) == "result")
        #expect(Self.read(#"{"id":"aa","result":{}}"#, id: id) == "withheld otherResponse")
    }

    @Test func keepsToItsLimit() {
        let text = #"{"jsonrpc":"2.0","id":7,"result":{"a":"\#(String(repeating: "x", count: 4096))"}}"#
        #expect(Self.read(text) == "withheld unreadable(JSON.JSONFault.Reason.tooLarge)")
    }

    @Test func onlyAResultIsCharged() {
        #expect(Answer.Outcome.result.isCharged)
        for outcome in [Answer.Outcome.toolError, .error, .inputRequired] { #expect(!outcome.isCharged) }
    }

    static let receipt = #"{"success":true,"transaction":"0xab"}"#

    static func withReceipt(_ text: String) -> String? {
        Body.answer(text).map { answer in
            Body.with(receipt) { receipt in
                Body.with(text) { answer.receiptSplices(receipt, in: $0) }
            }.applied(to: text)
        }
    }

    @Test(
        arguments: [
            (#"{"id":7,"result":{}}"#, #"{"id":7,"result":{"_meta":{"x402/payment-response":R}}}"#),
            (#"{"id":7,"result":{ }}"#, #"{"id":7,"result":{"_meta":{"x402/payment-response":R} }}"#),
            (#"{"id":7,"result":{"a":1}}"#, #"{"id":7,"result":{"_meta":{"x402/payment-response":R},"a":1}}"#),
            (#"{"result":{ "a" : 1 },"id":7}"#, #"{"result":{"_meta":{"x402/payment-response":R}, "a" : 1 },"id":7}"#),
            (#"{"id":7,"result":{"_meta":{}}}"#, #"{"id":7,"result":{"_meta":{"x402/payment-response":R}}}"#),
            (
                #"{"id":7,"result":{"_meta":{"k":[1]},"a":1}}"#,
                #"{"id":7,"result":{"_meta":{"x402/payment-response":R,"k":[1]},"a":1}}"#
            ),
            (#"{"id":7,"result":{"_meta":null}}"#, #"{"id":7,"result":{"_meta":{"x402/payment-response":R}}}"#),
            // A receipt that the server made up is ours afterwards.
            (
                #"{"id":7,"result":{"_meta":{"x402/payment-response":{"success":true}}}}"#,
                #"{"id":7,"result":{"_meta":{"x402/payment-response":R}}}"#
            ),
            (
                #"{"id":7,"result":{"_meta":{"x402\/payment-response":1,"b":2}}}"#,
                #"{"id":7,"result":{"_meta":{"x402\/payment-response":R,"b":2}}}"#
            ),
            (
                #"{"id":7,"result":{"isError":true}}"#,
                #"{"id":7,"result":{"_meta":{"x402/payment-response":R},"isError":true}}"#
            ),
            (#"{"id":7,"error":{"code":1}}"#, #"{"id":7,"error":{"data":{"x402/payment-response":R},"code":1}}"#),
            (
                #"{"id":7,"error":{"code":1,"data":{"a":1}}}"#,
                #"{"id":7,"error":{"code":1,"data":{"x402/payment-response":R,"a":1}}}"#
            ),
            (#"{"id":7,"error":{"code":1,"data":"text"}}"#, #"{"id":7,"error":{"code":1,"data":"text"}}"#),
            (#"{"id":7,"result":"text"}"#, #"{"id":7,"result":"text"}"#),
        ])
    func putsTheReceiptIn(text: String, expected: String) {
        let wanted = expected.split(separator: "R", maxSplits: 1, omittingEmptySubsequences: false)
        #expect(Self.withReceipt(text) == wanted.joined(separator: Self.receipt))
    }

    @Test func theReceiptIsTheOnlyDifference() throws {
        var random = RandomMessages(seed: 11)
        for _ in 0..<1200 {
            let members = random.others()
            let metas = random.others()
            let hasMeta = random.below(2) == 0
            let meta: [(String, String)] = hasMeta ? [("_meta", random.object(metas))] : []
            let result = random.object(members + meta)
            let text = random.object([("jsonrpc", #""2.0""#), ("id", "7"), ("result", result)] + random.others())
            let spliced = try #require(Self.withReceipt(text), "\(text)")
            let gain =
                hasMeta
                ? #""x402/payment-response":"# + Self.receipt : #""_meta":{"x402/payment-response":\#(Self.receipt)}"#
            let hasComma = hasMeta ? !metas.isEmpty : !members.isEmpty
            let inserted = Array((gain + (hasComma ? "," : "")).utf8)
            // Exactly these bytes at one place: without them the text is what it was.
            let before = Array(text.utf8)
            let after = Array(spliced.utf8)
            #expect(after.count == before.count + inserted.count)
            let place = try #require(
                before.indices.first { after[$0...].starts(with: inserted) && after[..<$0] == before[..<$0] })
            #expect(Array(after[..<place] + after[(place + inserted.count)...]) == before)
            try Body.with(spliced) { bytes in
                let result = try JSONTape(bytes).root(over: bytes)["result"]
                let receipt = result?["_meta"]?["x402/payment-response"]
                #expect(receipt.map { String(decoding: $0.source, as: UTF8.self) } == Self.receipt)
            }
        }
    }

    @Test func theReceiptGoesIntoAnEvent() throws {
        let text = "event: message\r\nid: 3\r\ndata: {\"id\":7,\r\ndata: \"result\":{\"a\":1}}\r\n\r\n"
        var reader = EventStreamReader(maximumEventBytes: 1000)
        Body.with(text) { reader.feed($0) }
        let event = try #require(try reader.next())
        let data = String(decoding: try #require(event.data), as: UTF8.self)
        let spliced = try #require(Self.withReceipt(data))
        let out = Body.with(spliced) { bytes in Body.written { event.write(replacingDataBy: bytes, into: &$0) } }
        #expect(
            out == "event: message\r\nid: 3\r\ndata: {\"id\":7,\r\ndata: \"result\":{\"_meta\":"
                + "{\"x402/payment-response\":\(Self.receipt)},\"a\":1}}\r\n\r\n")
    }
}
