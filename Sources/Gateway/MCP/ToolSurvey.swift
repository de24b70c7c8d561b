import EventLoop
import JSON
import MCP

/// A conversation with one MCP server that ends with the list of its tools (Model Context Protocol 2025-11-25, "Lifecycle"
/// and "Tools"). A server that knows no `initialize` is asked in the manner of 2026-07-28, which has none.
final class ToolSurvey: TimerTarget {
    enum Outcome {
        case listed(ToolAudit)
        /// In words for the operator.
        case failed(String)
    }

    static let deadlineMilliseconds = 10_000
    private static let farewellMilliseconds = 1_000
    private static let pagesAtMost = 256
    private static let toolsAtMost = 10_000

    private let target: ToolSurveyTarget
    private let path: String
    private let pool: EndpointPool
    private let schemas: ToolSchemas?
    private let timer: Timer
    private var done: ((Outcome) -> Void)?
    private var call: ToolSurveyCall?
    private var audit: ToolAudit
    private var lastID = 0
    private var pages = 0
    /// What every message after the first says: the revision that was agreed on, and the session.
    private var fields: [(name: String, value: String)] = []
    private var session: String?
    /// Why the server was not asked in the older manner; nil where it was.
    private var whyStateless: String?
    /// What is told once the session is ended.
    private var outcome: Outcome?

    /// - Parameters:
    ///   - path: the target's, with the upstream's base.
    ///   - schemas: is told of each page.
    ///   - done: told once, from a later call of the loop.
    init(
        _ target: ToolSurveyTarget, path: String, client: HTTPClient, schemas: ToolSchemas?,
        done: @escaping (Outcome) -> Void
    ) {
        self.target = target
        self.path = path
        self.schemas = schemas
        self.done = done
        pool = client.pool(for: target.endpoint, keptAtMost: 0)
        audit = ToolAudit(target.menu.prices)
        timer = Timer(client.loop.timers)
        timer.target = self
    }

    func begin() {
        timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(Self.deadlineMilliseconds) * 1_000_000)
        ask(
            "initialize",
            params: #"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"farebox","version":"1"}}"#
        ) { survey, reply in survey.initialized(reply) }
    }

    func timerFired(_ timer: Timer) {
        call?.cancel()
        call = nil
        finish(outcome ?? .failed("no list of tools within \(Self.deadlineMilliseconds / 1_000) seconds"))
    }

    private func finish(_ outcome: Outcome) {
        timer.unlink()
        let done = done
        self.done = nil
        done?(outcome)
    }

    // MARK: Messages

    private func ask(
        _ method: String, params: String, then next: @escaping (ToolSurvey, ToolSurveyCall.Reply) -> Void
    ) {
        lastID += 1
        let body = #"{"jsonrpc":"2.0","id":\#(lastID),"method":"\#(method)","params":\#(params)}"#
        var extra = fields
        if whyStateless != nil { extra.append(("Mcp-Method", method)) }
        send(target.request(.post, extra, body: body, to: path), id: lastID, then: next)
    }

    private func send(
        _ request: ClientRequest, id: Int?, then next: @escaping (ToolSurvey, ToolSurveyCall.Reply) -> Void
    ) {
        let whole = Self.deadlineMilliseconds
        let deadlines = ClientDeadlines(
            connectMilliseconds: whole, firstByteMilliseconds: whole, idleMilliseconds: whole,
            totalMilliseconds: whole)
        call = ToolSurveyCall.begin(request, id: id, over: pool, deadlines: deadlines) { [self] result in
            call = nil
            switch result {
            case .success(let reply): next(self, reply)
            case .failure(let fault): finish(outcome ?? .failed(fault.reason))
            }
        }
    }

    // MARK: The conversation

    private func initialized(_ reply: ToolSurveyCall.Reply) {
        if reply.status == 401 || reply.status == 403 { return finish(.failed(Self.authorization(reply.status))) }
        guard reply.isSuccess, reply.answer?.outcome == .result else { return listStateless(Self.said(reply)) }
        let version = Self.text(reply.text) { $0["result"]?["protocolVersion"] }
        guard let version, Self.isVersion(version) else {
            return finish(.failed("it answers initialize without a protocol version"))
        }
        fields = [("MCP-Protocol-Version", version)]
        if let session = reply.session {
            self.session = session
            fields.append(("Mcp-Session-Id", session))
        }
        let announcement = #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
        // Whatever it says of that, the list shows whether it is ready.
        send(target.request(.post, fields, body: announcement, to: path), id: nil) { survey, _ in
            survey.list(cursor: nil)
        }
    }

    private func listStateless(_ why: String) {
        whyStateless = why
        fields = [("MCP-Protocol-Version", "2026-07-28")]
        list(cursor: nil)
    }

    private func list(cursor: [UInt8]?) {
        var members: [String] = []
        // The cursor goes back as it was written.
        if let cursor { members.append(#""cursor":"# + String(decoding: cursor, as: UTF8.self)) }
        if whyStateless != nil {
            members.append(
                #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":"#
                    + #"{"name":"farebox","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#)
        }
        ask("tools/list", params: "{\(members.joined(separator: ","))}") { survey, reply in survey.listed(reply) }
    }

    private func listed(_ reply: ToolSurveyCall.Reply) {
        let listing = reply.answer.flatMap { answer in
            reply.text.withUnsafeBytes { answer.outcome == .result ? ToolListing(answer, of: $0) : nil }
        }
        guard reply.isSuccess, let listing else {
            if reply.status == 401 || reply.status == 403 { return leave(.failed(Self.authorization(reply.status))) }
            let first = whyStateless.map { "it answers initialize with \($0), and " } ?? "it answers "
            return leave(.failed("\(first)tools/list with \(Self.said(reply))"))
        }
        schemas?.note(listing, of: target.upstream)
        audit.take(listing)
        pages += 1
        if audit.offered.count > Self.toolsAtMost {
            return leave(.failed("its list has more than \(Self.toolsAtMost) tools"))
        }
        guard let cursor = listing.nextCursor else { return leave(.listed(audit)) }
        if pages == Self.pagesAtMost { return leave(.failed("its list of tools has more than \(pages) pages")) }
        list(cursor: cursor)
    }

    /// Ends the session, if there is one. A server that is slow to forget, or will not, changes nothing of what it said.
    private func leave(_ outcome: Outcome) {
        guard session != nil else { return finish(outcome) }
        self.outcome = outcome
        timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(Self.farewellMilliseconds) * 1_000_000)
        send(target.request(.delete, fields, body: "", to: path), id: nil) { survey, _ in survey.finish(outcome) }
    }

    // MARK: Words

    private static func authorization(_ status: Int) -> String {
        "it answers \(status); what is set under headers of the upstream is sent"
    }

    /// A status or a JSON-RPC error; never more than a line.
    private static func said(_ reply: ToolSurveyCall.Reply) -> String {
        if let message = text(reply.text, { $0["error"]?["message"] }) {
            return "the error \"\(ToolSurveyText.shown(message))\""
        }
        return reply.isSuccess ? "something that is no answer" : "\(reply.status)"
    }

    private static func text(_ json: [UInt8], _ find: (JSONValue) -> JSONValue?) -> String? {
        json.withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes, limits: JSONLimits(bytes: ServerMessage.maximumBytes)) else {
                return nil
            }
            return find(tape.root(over: bytes))?.string
        }
    }

    /// Goes into a field: a date so far.
    private static func isVersion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
                default: false
                }
            }
    }
}
