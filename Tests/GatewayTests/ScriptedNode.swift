import JSON
import Testing

@testable import Gateway

/// A node of a chain on the loopback, which keeps what it was asked and answers as a test says.
final class ScriptedNode {
    struct Call: Equatable {
        var id: Int
        var method: String
        var params: String
    }

    enum Deed: Sendable {
        /// A result or an error for each call, as JSON members; a nil leaves the call out.
        case reply(@Sendable (Call) -> String?)
        case http(Int, String)
        case raw(String)
        case close
        case silence
    }

    let port: ServerPort
    /// eth_chainId is answered by this, whatever the script says of other calls; nil: by the script.
    var chainID: UInt64? = 84532
    var script: (([Call]) -> Deed) = { _ in .reply { "\"result\":\"\($0.method)\"" } }
    /// One entry a message that was no probe.
    private(set) var heard: [[Call]] = []
    private(set) var probes = 0
    private(set) var heads: [String] = []
    private var peers: [(peer: LoopbackPeer, taken: Int)] = []
    private(set) var connections = 0
    private var silent: [(LoopbackPeer, [Call])] = []

    init() throws { port = try ServerPort() }

    init(at port: ServerPort) { self.port = port }

    func endpoint(_ target: String = "/v2/secret-key?token=other-secret") -> RPCEndpoint {
        RPCEndpoint(
            endpoint: Endpoint(isTLS: false, host: "127.0.0.1", port: port.port, caFile: nil),
            authority: "127.0.0.1:\(port.port)", target: target)
    }

    /// Takes what has come and answers it.
    func serve() {
        while let peer = (try? port.acceptWaiting()) ?? nil {
            connections += 1
            peers.append((peer, 0))
        }
        for at in peers.indices.reversed() { serve(at) }
    }

    private func serve(_ at: Int) {
        let peer = peers[at].peer
        if peer.isFinished || !peer.readAvailable() && peer.heard.count == peers[at].taken { return }
        let text = String(decoding: peer.heard[peers[at].taken...], as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return }
        let head = String(text[..<end.lowerBound])
        let lengthLine = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        let length = lengthLine.flatMap { Int($0.dropFirst(16)) } ?? 0
        let body = text[end.upperBound...]
        guard body.utf8.count >= length else { return }
        peers[at].taken += text[..<end.upperBound].utf8.count + length
        heads.append(head)
        answer(peer, ScriptedNode.calls(String(body.prefix(length))))
    }

    private func answer(_ peer: LoopbackPeer, _ calls: [Call]) {
        var deed = Deed.silence
        if let chainID, calls.map(\.method) == ["eth_chainId"] {
            probes += 1
            deed = .reply { _ in "\"result\":\"0x\(String(chainID, radix: 16))\"" }
        } else {
            heard.append(calls)
            deed = script(calls)
        }
        perform(deed, peer, calls)
    }

    private func perform(_ deed: Deed, _ peer: LoopbackPeer, _ calls: [Call]) {
        switch deed {
        case .reply(let reply):
            let replies = calls.compactMap { call in
                reply(call).map { "{\"jsonrpc\":\"2.0\",\"id\":\(call.id),\($0)}" }
            }
            // Backwards: order means nothing.
            let text = calls.count == 1 ? replies.first ?? "{}" : "[\(replies.reversed().joined(separator: ","))]"
            peer.write(ScriptedNode.message(200, text))
        case .http(let status, let body): peer.write(ScriptedNode.message(status, body))
        case .raw(let text): peer.write(text)
        case .close: close(peer)
        case .silence: silent.append((peer, calls))
        }
    }

    /// Answers what it was silent about.
    func answerLate(_ deed: Deed) {
        let late = silent
        silent = []
        for (peer, calls) in late { perform(deed, peer, calls) }
    }

    private func close(_ peer: LoopbackPeer) {
        peer.close()
        peers.removeAll { $0.peer === peer }
    }

    static func message(_ status: Int, _ body: String) -> String {
        let location = (300..<400).contains(status) ? "Location: http://127.0.0.1:1/\r\n" : ""
        return "HTTP/1.1 \(status) X\r\n\(location)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func calls(_ body: String) -> [Call] {
        Array(body.utf8).withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes, limits: JSONLimits(bytes: 8 << 20)) else { return [] }
            let root = tape.root(over: bytes)
            let objects = root.kind == .array ? Array(root.elements) : [root]
            return objects.map { object in
                #expect(object["jsonrpc"]?.string == "2.0")
                return Call(
                    id: object["id"]?.int ?? 0, method: object["method"]?.string ?? "",
                    params: object["params"].map { String(decoding: $0.source, as: UTF8.self) } ?? "")
            }
        }
    }
}
