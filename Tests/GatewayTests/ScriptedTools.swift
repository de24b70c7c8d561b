import JSON
import Testing

@testable import Gateway

/// An MCP server on the loopback, which keeps what it was asked and answers as a test says.
final class ScriptedTools {
    /// One request.
    struct Asked {
        var head: String
        var body: String

        /// `POST initialize`, `POST tools/list`, `DELETE`.
        var what: String {
            let method = Array(body.utf8).withUnsafeBytes { bytes in
                (try? JSONTape(bytes, limits: JSONLimits(bytes: 1 << 20)))?.root(over: bytes)["method"]?.string
            }
            return ([String(head.prefix { $0 != " " })] + (method.map { [$0] } ?? [])).joined(separator: " ")
        }

        /// The id as it was written.
        var id: String {
            Array(body.utf8).withUnsafeBytes { bytes in
                let root = (try? JSONTape(bytes, limits: JSONLimits(bytes: 1 << 20)))?.root(over: bytes)
                return root?["id"].map { String(decoding: $0.source, as: UTF8.self) } ?? "null"
            }
        }

        /// Lines of the head that begin so, in any letter case.
        func fields(_ name: String) -> [String] {
            head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
                .map { String($0.dropFirst(name.utf8.count + 2)) }
        }
    }

    let port: ServerPort
    private(set) var asked: [Asked] = []
    /// The whole answer as it goes over the wire; nil: none comes.
    var script: (Asked) -> String?
    private var peers: [(peer: LoopbackPeer, isAnswered: Bool)] = []

    init(_ script: @escaping (Asked) -> String?) throws {
        port = try ServerPort()
        self.script = script
    }

    /// Takes what has come and answers it. A connection has one request, since the survey keeps none.
    func serve() {
        while let peer = (try? port.acceptWaiting()) ?? nil { peers.append((peer, false)) }
        for at in peers.indices where !peers[at].isAnswered {
            let peer = peers[at].peer
            peer.readAvailable()
            guard let end = peer.text.firstRange(of: "\r\n\r\n") else { continue }
            let head = String(peer.text[..<end.lowerBound])
            let body = String(peer.text[end.upperBound...])
            var request = Asked(head: head, body: body)
            guard body.utf8.count >= Int(request.fields("Content-Length").first ?? "0") ?? 0 else { continue }
            request.body = body
            peers[at].isAnswered = true
            asked.append(request)
            if let answer = script(request) { peer.write(answer) }
        }
    }

    // MARK: Answers

    static func http(_ status: Int, _ fields: [String] = [], _ body: String) -> String {
        let lines = ["HTTP/1.1 \(status) X"] + fields + ["Content-Length: \(body.utf8.count)", "", ""]
        return lines.joined(separator: "\r\n") + body
    }

    static func json(_ asked: Asked, _ member: String, _ fields: [String] = []) -> String {
        http(
            200, ["Content-Type: application/json"] + fields,
            "{\"jsonrpc\":\"2.0\",\"id\":\(asked.id),\(member)}")
    }

    /// As an event stream that goes on afterwards, with a notification before the answer.
    static func events(_ asked: Asked, _ member: String, _ fields: [String] = []) -> String {
        let lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8"] + fields
        let stream =
            ": hello\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n"
            + "id: 7\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\(asked.id),\ndata: \(member)}\n\n"
        let chunk = "\(String(stream.utf8.count, radix: 16))\r\n\(stream)\r\n"
        return (lines + ["Transfer-Encoding: chunked", "", ""]).joined(separator: "\r\n") + chunk
    }

    static let initialized = #""result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{}}"#

    static func tools(_ names: [String], cursor: String? = nil, schemas: Set<String> = []) -> String {
        let list = names.map { name in
            "{\"name\":\"\(name)\"\(schemas.contains(name) ? ",\"outputSchema\":{\"type\":\"object\"}" : "")}"
        }
        let next = cursor.map { ",\"nextCursor\":\($0)" } ?? ""
        return "\"result\":{\"tools\":[\(list.joined(separator: ","))]\(next)}"
    }
}
