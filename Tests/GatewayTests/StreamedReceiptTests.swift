import Bytes
import Testing

@testable import Gateway

@Suite struct StreamedReceiptTests {
    static let receipt = #"{"success":true,"transaction":"0xab"}"#

    static func found(_ stream: String, piece: Int = .max) -> String? {
        var streamed = StreamedReceipt()
        let bytes = Array(stream.utf8)
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + min(piece, bytes.count))
            bytes[at..<end].withUnsafeBytes { streamed.feed($0) }
            at = end
        }
        guard let field = streamed.field else { return nil }
        return field.withUnsafeBytes { Base64.decode($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        #"data: {"jsonrpc":"2.0","id":1,"result":{"_meta":{"x402/payment-response":RECEIPT},"content":[]}}"#,
        #"data: {"jsonrpc":"2.0","id":1,"error":{"code":402,"message":"","data":{"x402/payment-response":RECEIPT}}}"#,
        "event: message\r\nid: 3\r\ndata: {\"result\":\r\ndata: {\"_meta\":{\"x402/payment-response\":RECEIPT}}}",
        "data: {\"method\":\"notifications/progress\"}\n\ndata: {\"result\":{\"_meta\":{\"x402/payment-response\":RECEIPT}}}",
    ])
    func behindWhateverComesBefore(_ stream: String) {
        let stream = stream.replacing("RECEIPT", with: Self.receipt) + "\r\n\r\n: the end\n\n"
        for piece in [1, 7, Int.max] { #expect(Self.found(stream, piece: piece) == Self.receipt) }
    }

    @Test(arguments: [
        "", "data: \n\n", "data: {\n\n", "data: []\n\n", "data: {\"result\":{}}\n\n",
        "data: {\"result\":{\"_meta\":{\"x402/payment-response\":\"text\"}}}\n\n",
        "data: {\"params\":{\"_meta\":{\"x402/payment-response\":{}}}}\n\n",
        "data: {\"result\":{\"_meta\":{\"x402/payment-response\":{}}}}",
    ])
    func noneWhereThereIsNone(_ stream: String) {
        #expect(Self.found(stream) == nil)
    }

    @Test func anEventBeyondTheLimitEndsTheSearch() {
        let huge = "data: " + String(repeating: "x", count: 5 << 20)
        #expect(Self.found(huge + "\n\ndata: {\"result\":{\"_meta\":{\"x402/payment-response\":{}}}}\n\n") == nil)
    }
}
