import Bytes
import JSON
import Testing

@testable import MCP

/// Messages with bytes changed, dropped and doubled at random: whatever is read is handled to the end, and what is
/// forwarded or spliced is JSON that the same reader takes.
@Suite struct DamageTests {
    static let requests = [
        #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"create_ticket","arguments":{"a":[1,"\u00e9"]},"_meta":{"x402/payment":"eyJhIjoxfQ==","p":1}}}"#,
        #"{"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"u","_meta":{"x402/payment":{"a":1}}}}"#,
        #"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_kb"}},{"jsonrpc":"2.0","method":"n"}]"#,
    ]
    static let answers = [
        #"{"jsonrpc":"2.0","id":7,"result":{"content":[],"_meta":{"a":1},"isError":false}}"#,
        #"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"m","data":{}}}"#,
        #"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"create_ticket","description":"d","_meta":{}},{"name":"x"}],"nextCursor":"c"}}"#,
    ]

    static func damaged(_ text: String, _ random: inout RandomMessages) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0...random.below(3) where !bytes.isEmpty {
            let at = random.below(bytes.count)
            switch random.below(4) {
            case 0: bytes[at] = UInt8(random.below(256))
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(bytes[random.below(bytes.count)], at: at)
            default: bytes[at] = random.oneOf(Array(#"{}[]",:\ 0a"#.utf8))
            }
        }
        return bytes
    }

    @Test func requestsAreHandledToTheEnd() {
        var random = RandomMessages(seed: 21)
        let prices = EvasionTests.prices
        var read = 0
        for round in 0..<6000 {
            let bytes = Self.damaged(Self.requests[round % 3], &random)
            Body.with(bytes) { body in
                let message = ClientMessageReader.read(body, limits: ClientMessageReader.limits(bytes: 4096))
                _ = prices.judge(message, of: body)
                _ = HeaderAgreement.fault(in: message, of: body, revision: nil, method: body, name: body)
                switch message {
                case .refused(let refusal):
                    #expect(Body.isJSON(Body.written { ErrorAnswer.write(refusal, of: body, into: &$0) }))
                case .request(let request), .notification(let request):
                    read += 1
                    CallBinding.feed(request, of: body) { _ in }
                    let (first, second) = PaymentCut(request, of: body).runs(of: body)
                    let forwarded = Array(first) + Array(second)
                    guard case .refused = Body.read(forwarded) else { return }
                    Issue.record("not readable once cut: \(String(decoding: forwarded, as: UTF8.self))")
                case .response, .batch: read += 1
                }
            }
        }
        #expect(read > 500)
    }

    @Test func answersAreHandledToTheEnd() {
        var random = RandomMessages(seed: 22)
        var read = 0
        for round in 0..<6000 {
            let bytes = Self.damaged(Self.answers[round % 3], &random)
            Body.with(bytes) { text in
                guard case .response(let answer) = ServerMessage.read(text, maximumBytes: 4096) else { return }
                read += 1
                let spliced = Body.with(AnswerTests.receipt) { answer.receiptSplices($0, in: text) }
                #expect(Body.isJSON(Body.written { spliced.write(text, into: &$0) }))
                guard let listing = ToolListing(answer, of: text) else { return }
                let prices = listing.splices(
                    .both, prices: ToolListingTests.prices, labels: ToolListingTests.labels, in: text)
                #expect(Body.isJSON(Body.written { prices.write(text, into: &$0) }))
            }
        }
        #expect(read > 500)
    }
}
