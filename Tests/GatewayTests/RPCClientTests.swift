import Bytes
import EventLoop
import Logging
import OnChain
import Testing

@testable import Gateway

@Suite struct RPCClientTests {
    private let rig: ClientRig
    private let log: LogCopy

    init() throws {
        rig = try ClientRig()
        log = LogCopy()
    }

    private func client(_ nodes: [ScriptedNode], chainID: UInt64 = 84532) -> RPCClient {
        RPCClient(
            network: "base-sepolia", chainID: chainID, endpoints: nodes.map { $0.endpoint() }, client: rig.client,
            logger: Logger(label: "test") { [log] _ in log.handler })
    }

    private func run(_ nodes: [ScriptedNode], until condition: () -> Bool) {
        let isMet = rig.run {
            for node in nodes { node.serve() }
            return condition()
        }
        #expect(isMet)
    }

    private final class Told {
        var replies: [[RPCReply]] = []
        var isOver: Bool { !replies.isEmpty }
    }

    private func ask(_ client: RPCClient, _ calls: [RPCCall], milliseconds: Int = 10_000) -> Told {
        let told = Told()
        client.call(calls, deadlineMilliseconds: milliseconds) { told.replies.append($0) }
        #expect(!told.isOver, "told from within")
        return told
    }

    private static func result(_ text: String) -> RPCReply { .result(Array("\"\(text)\"".utf8)) }
    private static let number = RPCCall.blockNumber
    private static let fee = RPCCall.maxPriorityFee

    private func reason(_ reply: RPCReply?) -> String {
        if case .unreachable(let reason)? = reply { reason } else { "answered: \(String(describing: reply))" }
    }

    // MARK: One batch a turn

    @Test func aTurnsCallsAreOneMessage() throws {
        let node = try ScriptedNode()
        let client = client([node])
        let told = [ask(client, [Self.number, Self.fee]), ask(client, [Self.fee]), ask(client, [Self.number])]
        run([node]) { told.allSatisfy(\.isOver) }
        #expect(told[0].replies == [[Self.result("eth_blockNumber"), Self.result("eth_maxPriorityFeePerGas")]])
        #expect(told[1].replies == [[Self.result("eth_maxPriorityFeePerGas")]])
        #expect(told[2].replies == [[Self.result("eth_blockNumber")]])
        #expect(node.heard.map(\.count) == [4])
        #expect(node.heads[0].contains("POST /v2/secret-key?token=other-secret HTTP/1.1"))
        #expect(node.heads[0].contains("Host: 127.0.0.1:\(node.port.port)\r\n"))
        // The chain was asked for once, before anything else.
        #expect(node.probes == 1)
        let later = ask(client, [Self.number])
        run([node]) { later.isOver }
        #expect(node.probes == 1 && node.heard.count == 2 && node.connections == 1)
    }

    /// Whoever waits longer does not hold up who is in a hurry.
    @Test func eachDeadlineHasItsMessage() throws {
        let node = try ScriptedNode()
        let client = client([node])
        let told = [ask(client, [Self.number]), ask(client, [Self.fee], milliseconds: 20_000), ask(client, [Self.fee])]
        run([node]) { told.allSatisfy(\.isOver) }
        #expect(node.heard.map(\.count).sorted() == [1, 2])
    }

    @Test func aMessageHoldsAHundredCalls() throws {
        let node = try ScriptedNode()
        let client = client([node])
        let told = ask(client, Array(repeating: Self.number, count: 250))
        run([node]) { told.isOver }
        #expect(node.heard.map(\.count).sorted() == [50, 100, 100])
        #expect(told.replies[0].count == 250 && told.replies[0].allSatisfy { $0 == Self.result("eth_blockNumber") })
    }

    @Test func aMessageIsBoundedInBytes() throws {
        let node = try ScriptedNode()
        let client = client([node])
        let large = RPCCall.send(raw: [UInt8](repeating: 1, count: 300_000))
        let told = ask(client, [large, large, Self.number, large])
        run([node]) { told.isOver }
        #expect(node.heard.map(\.count).sorted() == [1, 3] || node.heard.map(\.count).sorted() == [1, 1, 2])
    }

    @Test func errorsOfCallsAreReplies() throws {
        let node = try ScriptedNode()
        node.script = { _ in
            .reply { call in
                call.method == "eth_blockNumber"
                    ? "\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x01\"}" : "\"result\":null"
            }
        }
        let client = client([node, try ScriptedNode()])
        let told = ask(client, [Self.number, Self.fee])
        run([node]) { told.isOver }
        #expect(
            told.replies == [
                [.error(code: 3, message: "execution reverted", data: [1]), .result(Array("null".utf8))]
            ])
        #expect(client.health[0].state == .usable)
    }

    /// A node that is slow gets no ninth message: what was asked meanwhile goes in one.
    @Test func waitingCallsGoTogether() throws {
        let node = try ScriptedNode()
        let client = client([node])
        let first = ask(client, [Self.number])
        run([node]) { first.isOver }
        node.script = { _ in .silence }
        var told: [Told] = []
        for count in 1...RPCNode.batchesAtMost {
            told.append(ask(client, [Self.number]))
            run([node]) { node.heard.count == 1 + count }
        }
        for _ in 0..<5 {
            told.append(ask(client, [Self.fee]))
            run([node]) { true }
            rig.settle()
        }
        run([node]) { true }
        #expect(node.heard.count == 1 + RPCNode.batchesAtMost)
        node.script = { _ in .reply { _ in "\"result\":1" } }
        node.answerLate(.reply { _ in "\"result\":1" })
        run([node]) { told.allSatisfy(\.isOver) }
        #expect(node.heard.last?.count == 5)
    }

    // MARK: Nodes that fail

    @Test(
        arguments: [
            .http(429, "{}"), .http(500, ""), .http(503, "<html>"), .http(308, ""), .http(401, "{}"), .http(204, ""),
            .http(200, "garbage"), .http(200, ""), .http(200, "[]"), .raw("SSH-2.0-x\r\n\r\n"), .close,
            .http(
                200,
                "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"Must be authenticated\"}}"),
            .http(200, "[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1}]"),
            .reply { _ in "\"error\":{\"code\":429,\"message\":\"slow down\"}" },
            .reply { _ in "\"error\":{\"code\":-32005,\"message\":\"daily rate limit reached\"}" },
            .reply { $0.id == 1 ? "\"result\":1" : nil },
        ] as [ScriptedNode.Deed])
    func theNextNodeIsAsked(deed: ScriptedNode.Deed) throws {
        let first = try ScriptedNode()
        let second = try ScriptedNode()
        first.script = { _ in deed }
        second.script = { _ in .reply { _ in "\"result\":2" } }
        let client = client([first, second])
        run([first, second]) {
            _ = client.health
            if first.probes == 0 { _ = ask(client, [Self.number]) }
            return client.health.allSatisfy { $0.state == .usable } || !second.heard.isEmpty
        }
        let told = ask(client, [Self.number, Self.fee])
        run([first, second]) { told.isOver }
        #expect(told.replies[0][1] == .result(Array("2".utf8)))
        guard case .failed(let why) = client.health[0].state else {
            Issue.record("\(client.health)")
            return
        }
        #expect(why.hasPrefix("http://127.0.0.1:\(first.port.port)"))
        // The one that failed is left alone.
        let before = first.heard.count
        let again = ask(client, [Self.number])
        run([first, second]) { again.isOver }
        #expect(first.heard.count == before)
        #expect(!"\(client.health)\(log.text)".contains("secret"))
    }

    @Test func allFail() throws {
        let nodes = [try ScriptedNode(), try ScriptedNode()]
        for node in nodes { node.script = { _ in .http(500, "") } }
        let client = client(nodes)
        let told = ask(client, [Self.number])
        run(nodes) { told.isOver }
        let text = reason(told.replies[0][0])
        #expect(text.hasPrefix("base-sepolia: http://127.0.0.1:") && text.contains("HTTP 500"), "\(text)")
        #expect(!text.contains("secret"))
        #expect(nodes.map { $0.heard.count } == [1, 1])
    }

    /// Nobody is asked the same twice, though it may look well again in the meantime.
    @Test func eachNodeIsAskedOnce() throws {
        let nodes = [try ScriptedNode(), try ScriptedNode()]
        let client = client(nodes)
        let warm = ask(client, [Self.number])
        run(nodes) { warm.isOver && client.health.allSatisfy { $0.state == .usable } }
        nodes[0].script = { _ in .http(500, "") }
        nodes[1].script = { _ in .silence }
        let before = nodes.map(\.heard.count)
        let told = ask(client, [Self.number], milliseconds: 60_000)
        run(nodes) { nodes[1].heard.count > before[1] }
        run(nodes) { client.health[0].state == .usable }
        nodes[1].answerLate(.http(500, ""))
        run(nodes) { told.isOver }
        #expect(zip(nodes, before).map { $0.heard.count - $1 } == [1, 1])
    }

    @Test func nobodyListens() throws {
        let closed = RPCEndpoint(
            endpoint: Endpoint(isTLS: false, host: "127.0.0.1", port: try ServerPort.closed(), caFile: nil),
            authority: "a", target: "/secret")
        let client = RPCClient(
            network: "base", chainID: 1, endpoints: [closed], client: rig.client, logger: Logger(label: "test"))
        let told = ask(client, [Self.number])
        run([]) { told.isOver }
        #expect(reason(told.replies[0][0]).hasPrefix("base: http://127.0.0.1:"))
    }

    /// It is asked for its chain again, and then used.
    @Test func aNodeComesBack() throws {
        let node = try ScriptedNode()
        let client = client([node])
        node.script = { _ in .http(500, "") }
        let failed = ask(client, [Self.number])
        run([node]) { failed.isOver }
        #expect(node.probes == 1)
        node.script = { _ in .reply { _ in "\"result\":1" } }
        rig.settle(RPCNode.probeGapNanoseconds / 1_000_000 + 5)
        let told = ask(client, [Self.number])
        run([node]) { told.isOver }
        #expect(told.replies == [[.result(Array("1".utf8))]])
        #expect(node.probes == 2)
        #expect(client.health[0].state == .usable)
        #expect(log.text.contains("is in use"))
    }

    @Test func itIsProbedWithoutBeingAsked() throws {
        let node = try ScriptedNode()
        node.chainID = nil
        node.script = { _ in .http(500, "") }
        let client = client([node])
        let told = ask(client, [Self.number])
        run([node]) { told.isOver }
        node.chainID = 84532
        run([node]) { client.health[0].state == .usable }
    }

    @Test func aNodeOfAnotherChainIsNeverUsed() throws {
        let wrong = try ScriptedNode()
        let right = try ScriptedNode()
        wrong.chainID = 1
        let client = client([wrong, right])
        let told = ask(client, [Self.number])
        run([wrong, right]) { told.isOver }
        #expect(told.replies == [[Self.result("eth_blockNumber")]])
        run([wrong, right]) { client.health[0].state == .wrongChain(found: 1) }
        #expect(wrong.heard.isEmpty)
        let alone = self.client([wrong])
        let refused = ask(alone, [Self.number])
        run([wrong]) { refused.isOver }
        #expect(reason(refused.replies[0][0]).contains("is on chain 1, not 84532"))
        #expect(wrong.heard.isEmpty)
    }

    /// What it says was true once: it is asked again once it has caught up, or where nobody else answers.
    @Test func aNodeThatHasStoppedIsPassedOver() throws {
        final class Heads { var numbers = [100, 100] }
        let heads = Heads()
        let nodes = [try ScriptedNode(), try ScriptedNode()]
        for (index, node) in nodes.enumerated() {
            node.script = { _ in
                let number = String(heads.numbers[index], radix: 16)
                let hash = "0x" + String(repeating: "0", count: 64)
                return .reply { call in
                    call.method == "eth_getBlockByNumber"
                        ? "\"result\":{\"number\":\"0x\(number)\",\"hash\":\"\(hash)\",\"parentHash\":\"\(hash)\","
                            + "\"timestamp\":\"0x\(number)\"}" : "\"result\":\(index)"
                }
            }
        }
        let client = client(nodes)
        let warm = ask(client, [Self.number])
        run(nodes) { warm.isOver && client.health.allSatisfy { $0.state == .usable } }
        var now: UInt64 = 0
        func compare() {
            let before = nodes.map(\.heard.count)
            now += 3_000
            client.compareHeads(now: now, deadlineMilliseconds: 5_000)
            client.compareHeads(now: now + 2_999, deadlineMilliseconds: 5_000)
            run(nodes) { zip(nodes, before).allSatisfy { $0.heard.count == $1 + 1 } }
            rig.settle()
        }
        func whoAnswers() -> RPCReply {
            let told = ask(client, [Self.fee])
            run(nodes) { told.isOver }
            return told.replies[0][0]
        }
        let first = RPCReply.result(Array("0".utf8))
        let second = RPCReply.result(Array("1".utf8))
        compare()
        #expect(whoAnswers() == first)
        heads.numbers[1] = 110
        compare()
        #expect(whoAnswers() == first, "it was asked before the other one told of newer blocks")
        compare()
        #expect(whoAnswers() == second)
        #expect(log.text.contains("is behind the other nodes: its newest block is 100"))
        heads.numbers[0] = 109
        compare()
        #expect(whoAnswers() == first)
        #expect(log.text.contains("has caught up"))
        heads.numbers = [109, 120]
        compare()
        compare()
        #expect(whoAnswers() == second)
        nodes[1].script = { _ in .http(500, "") }
        #expect(whoAnswers() == first)
    }

    // MARK: Batches that are refused

    @Test(
        arguments: [
            .http(200, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"no\"}}"),
            .http(
                200, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":31,\"message\":\"Batch of more than 3\"}}"),
            .http(400, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}"),
            .http(413, "too large"),
        ] as [ScriptedNode.Deed])
    func smallerOnesFollow(refusal: ScriptedNode.Deed) throws {
        for largest in [1, 3] {
            let node = try ScriptedNode()
            node.script = { $0.count > largest ? refusal : .reply { "\"result\":\"\($0.method)\"" } }
            let client = client([node])
            let told = ask(client, Array(repeating: Self.number, count: 13) + [Self.fee])
            run([node]) { told.isOver }
            #expect(
                told.replies == [
                    Array(repeating: Self.result("eth_blockNumber"), count: 13)
                        + [Self.result("eth_maxPriorityFeePerGas")]
                ])
            let before = node.heard.count
            let again = ask(client, Array(repeating: Self.number, count: 4))
            run([node]) { again.isOver }
            #expect(node.heard[before...].allSatisfy { $0.count <= largest }, "it is remembered")
            #expect(client.health[0].state == .usable)
        }
    }

    // MARK: Deadlines

    @Test func aSilentNodeLeavesTimeForTheNext() throws {
        let silent = try ScriptedNode()
        let other = try ScriptedNode()
        silent.script = { _ in .silence }
        let client = client([silent, other])
        let warm = ask(client, [Self.number], milliseconds: 400)
        run([silent, other]) { warm.isOver }
        run([silent, other]) { client.health[1].state == .usable }
        let told = ask(client, [Self.number], milliseconds: 400)
        run([silent, other]) { told.isOver }
        #expect(told.replies == [[Self.result("eth_blockNumber")]])
    }

    @Test func theDeadlineEndsIt() throws {
        let node = try ScriptedNode()
        node.script = { calls in calls[0].method == "eth_blockNumber" ? .silence : .reply { _ in "\"result\":1" } }
        let client = client([node])
        let told = ask(client, [Self.number], milliseconds: 100)
        run([node]) { told.isOver }
        #expect(reason(told.replies[0][0]).contains(" within "))
        rig.settle(20)
        #expect(told.replies.count == 1)
    }

    /// The owner may let go of the client: what was asked is answered.
    @Test func whoeverAskedIsToldWithoutTheClient() throws {
        let node = try ScriptedNode()
        var client: RPCClient? = client([node])
        weak let gone = client
        let told = ask(client!, [Self.number])
        client = nil
        run([node]) { told.isOver }
        #expect(told.replies == [[Self.result("eth_blockNumber")]])
        run([node]) { gone == nil }
    }

    @Test func tooManyWait() throws {
        let node = try ScriptedNode()
        node.chainID = nil
        node.script = { _ in .silence }
        let client = client([node])
        let many = ask(client, Array(repeating: Self.number, count: RPCClient.waitingAtMost), milliseconds: 500)
        let refused = ask(client, [Self.number])
        let nothing = ask(client, [])
        run([node]) { refused.isOver && nothing.isOver }
        #expect(reason(refused.replies[0][0]).contains("calls wait"))
        #expect(nothing.replies == [[]])
        #expect(!many.isOver)
        run([node]) { many.isOver }
    }

    // MARK: Every node

    @Test func everyNodeIsAsked() throws {
        let nodes = [try ScriptedNode(), try ScriptedNode(), try ScriptedNode()]
        nodes[0].script = { _ in .reply { _ in "\"result\":0" } }
        nodes[1].script = { _ in .http(500, "") }
        nodes[2].script = { _ in .reply { _ in "\"result\":2" } }
        let client = client(nodes)
        var lists: [[RPCReply]] = []
        client.callEach([Self.number, Self.fee], deadlineMilliseconds: 5_000) { lists = $0 }
        run(nodes) { !lists.isEmpty }
        #expect(lists[0] == Array(repeating: .result(Array("0".utf8)), count: 2))
        #expect(lists[2] == Array(repeating: .result(Array("2".utf8)), count: 2))
        #expect(lists[1].count == 2 && reason(lists[1][0]).contains("HTTP 500"))
        #expect(nodes.map { $0.heard.count } == [1, 1, 1], "nobody speaks for another")
    }

    @Test func aTransactionIsGivenToAll() throws {
        let refusal = "\"error\":{\"code\":-32000,\"message\":\"nonce too low\"}"
        let rows: [(String?, String?, RPCReply?)] = [
            ("\"result\":1", refusal, .result(Array("1".utf8))), (refusal, "\"result\":2", .result(Array("2".utf8))),
            (nil, "\"result\":2", .result(Array("2".utf8))),
            (nil, refusal, .error(code: -32000, message: "nonce too low", data: nil)), (nil, nil, nil),
        ]
        for (first, second, expected) in rows {
            let nodes = [try ScriptedNode(), try ScriptedNode()]
            for (node, reply) in zip(nodes, [first, second]) {
                node.script = { _ in reply.map { text in .reply { _ in text } } ?? .http(500, "") }
            }
            let client = client(nodes)
            var told: [RPCReply] = []
            client.broadcast(raw: [2, 0xF8], deadlineMilliseconds: 5_000) { told.append($0) }
            run(nodes) { !told.isEmpty && nodes.allSatisfy { !$0.heard.isEmpty } }
            rig.settle()
            #expect(told.count == 1)
            if let expected { #expect(told[0] == expected) } else { #expect(reason(told[0]).contains("HTTP 500")) }
            for node in nodes { #expect(node.heard[0][0].params == "[\"0x02f8\"]") }
        }
    }
}

/// Keeps what is logged.
final class LogCopy: @unchecked Sendable {
    // The client, its loop and the test are one thread.
    var text = ""
    var handler: any LogHandler { CopyHandler(copy: self) }

    private struct CopyHandler: LogHandler {
        let copy: LogCopy
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { copy.text += "\(event.level) \(event.message)\n" }
    }
}
