import Bytes
import OnChain
import Testing

@Suite struct RPCBatchTests {
    private static let three = RPCBatch([.chainID, .blockNumber, .maxPriorityFee])
    private static let one = RPCBatch([.chainID])

    private func text(_ batch: RPCBatch) -> String {
        var out = ByteBuffer()
        batch.encode(into: &out)
        return String(decoding: out.readable, as: UTF8.self)
    }

    private func decode(_ batch: RPCBatch, _ text: String) throws(RPCFault) -> RPCBatch.Answer {
        let outcome = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(RPCFault) in try batch.decode(bytes) }
        }
        return try outcome.get()
    }

    @Test func oneCallIsAnObjectAndSeveralAnArray() {
        #expect(text(Self.one) == #"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#)
        #expect(
            text(RPCBatch([.chainID, .block(.number(255))]))
                == #"[{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]},"#
                + #"{"jsonrpc":"2.0","id":2,"method":"eth_getBlockByNumber","params":["0xff",false]}]"#)
    }

    @Test func repliesAreMatchedByIDInAnyOrder() throws {
        let answer = try decode(
            Self.three,
            """
            [{"jsonrpc":"2.0","id":3,"result":"0x3"},{"id":1,"jsonrpc":"2.0","result":{"a":[1]}},
             {"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no\\nsuch"}}]
            """)
        #expect(
            answer
                == .replies([
                    Reply.json(#"{"a":[1]}"#), .error(code: -32601, message: "no such", data: nil),
                    Reply.json(#""0x3""#),
                ]))
    }

    @Test func whatIsLeftOutIsNoAnswer() throws {
        guard case .replies(let replies) = try decode(Self.three, #"[{"jsonrpc":"2.0","id":2,"result":null}]"#) else {
            Issue.record("no replies")
            return
        }
        #expect(replies[1] == Reply.json("null"))
        for at in [0, 2] { if case .unreachable = replies[at] {} else { Issue.record("\(replies[at])") } }
    }

    /// One reply may come bare to one call, and null may stand for what does not apply.
    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#, #"[{"jsonrpc":"2.0","id":1,"result":"0x1","error":null}]"#,
    ])
    func aSoleReply(text: String) throws {
        #expect(try decode(Self.one, text) == .replies([Reply.json(#""0x1""#)]))
    }

    @Test(arguments: [
        (three, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}"#),
        (three, #"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"batch too large"}}"#),
        (one, #"{"jsonrpc":"2.0","error":{"code":-32600,"message":"batch too large"}}"#),
    ])
    func aRefusalOfTheWhole(batch: RPCBatch, text: String) throws {
        #expect(try decode(batch, text) == .refused(code: -32600, message: "batch too large"))
    }

    @Test(arguments: [
        (three, ""), (three, "<html>"), (three, "null"), (three, "\"x\""),
        // Ids that were not given, or not as numbers, or twice.
        (three, #"[{"jsonrpc":"2.0","id":4,"result":1}]"#), (three, #"[{"jsonrpc":"2.0","id":0,"result":1}]"#),
        (three, #"[{"jsonrpc":"2.0","id":"1","result":1}]"#), (three, #"[{"jsonrpc":"2.0","result":1}]"#),
        (three, #"[{"jsonrpc":"2.0","id":1,"result":1},{"jsonrpc":"2.0","id":1,"result":1}]"#),
        // One result cannot be that of several calls, and one without an id is nobody's.
        (three, #"{"jsonrpc":"2.0","id":1,"result":1}"#), (one, #"{"jsonrpc":"2.0","result":1}"#),
        // Neither, both, another protocol.
        (one, #"{"jsonrpc":"2.0","id":1}"#), (one, #"{"id":1,"result":1}"#),
        (one, #"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}"#),
        (one, #"{"jsonrpc":"2.0","id":1,"error":{"message":""}}"#), (one, #"{"jsonrpc":"2.0","id":1,"error":"no"}"#),
        (one, #"{"jsonrpc":"2.0","id":1,"id":1,"result":1}"#), (one, "[1]"),
    ])
    func garbageIsAFault(batch: RPCBatch, text: String) {
        #expect(throws: RPCFault.self) { try decode(batch, text) }
    }

    @Test(
        arguments: [
            (#""0x0102""#, [1, 2]), (#""Reverted 0x0102""#, [1, 2]), (#"{"data":"0x01"}"#, [1]), (#""0x""#, []),
            (#""0x1""#, nil), (#""reverted""#, nil), ("null", nil), ("{}", nil), ("7", nil),
        ] as [(String, [UInt8]?)])
    func revertDataComesInSeveralShapes(data: String, expected: [UInt8]?) throws {
        let text = #"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"m","data":"# + data + "}}"
        #expect(try decode(Self.one, text) == .replies([.error(code: 3, message: "m", data: expected)]))
    }

    @Test func longMessagesAreCut() throws {
        let long = String(repeating: "x", count: 10_000)
        let text = #"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":""# + long + #""}}"#
        guard case .replies(let replies) = try decode(Self.one, text), case .error(_, let message, _) = replies[0]
        else {
            Issue.record("no error")
            return
        }
        #expect(message.count == 300)
    }
}
