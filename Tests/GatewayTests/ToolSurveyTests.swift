import EventLoop
import MCP
import Testing

@testable import Gateway

@Suite struct ToolSurveyTests {
    typealias Asked = ScriptedTools.Asked

    private static func config(
        _ server: ScriptedTools, match: String = "/mcp", upstream: String = "", menu: String = menu
    ) -> String {
        """
        payments:
          test-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
        upstreams:
          helpdesk: {url: "http://127.0.0.1:\(server.port.port)/base"\(upstream)}
        routes:
          - match: \(match)
            upstream: helpdesk
            mcp: \(menu)

        """
    }

    private static let menu = "{tools: {search_kb: free, create_ticket: $0.02, send_replay: $0.05}, other_tools: deny}"

    /// Everything that one survey comes to.
    private static func survey(
        _ server: ScriptedTools, schemas: ToolSchemas? = nil, _ yaml: String
    ) throws -> (outcome: ToolSurvey.Outcome, finding: ToolSurveyRound.Finding, revision: Revision) {
        let revision = try revision(yaml)
        let target = try #require(ToolSurveyTarget.all(of: revision).first)
        let rig = try ClientRig()
        var outcome: ToolSurvey.Outcome?
        let survey = ToolSurvey(target, path: try #require(target.path), client: rig.client, schemas: schemas) {
            outcome = $0
        }
        survey.begin()
        rig.run {
            server.serve()
            return outcome != nil
        }
        let found = try #require(outcome)
        return (found, ToolSurveyRound.Finding(target: target, outcome: .asked(found)), revision)
    }

    private static func warnings(_ server: ScriptedTools, _ yaml: String? = nil) throws -> [String] {
        let (_, finding, revision) = try survey(server, yaml ?? config(server))
        return ToolSurveyText.warnings([finding], revision).map { "\($0.place.line) \($0.key): \($0.message)" }
    }

    /// A server as most are; `answer` writes what its answers look like.
    private static func usual(
        _ tools: [String], session: String? = "s-1",
        _ answer: @escaping (Asked, String, [String]) -> String = ScriptedTools.json
    ) throws -> ScriptedTools {
        try ScriptedTools { asked in
            switch asked.what {
            case "POST initialize":
                answer(asked, ScriptedTools.initialized, session.map { ["Mcp-Session-Id: \($0)"] } ?? [])
            case "POST tools/list": answer(asked, ScriptedTools.tools(tools), [])
            case "POST notifications/initialized": ScriptedTools.http(202, [], "")
            default: ScriptedTools.http(200, [], "")
            }
        }
    }

    @Test func theConversation() throws {
        let server = try Self.usual(["search_kb", "create_ticket"])
        let (outcome, _, _) = try Self.survey(server, Self.config(server))
        guard case .listed(let audit) = outcome else { throw Failure("\(outcome)") }
        #expect(audit.offered.map(\.name) == ["search_kb", "create_ticket"])
        #expect(
            server.asked.map(\.what) == [
                "POST initialize", "POST notifications/initialized", "POST tools/list", "DELETE",
            ])
        for (at, asked) in server.asked.enumerated() {
            #expect(asked.head.contains(" /base/mcp HTTP/1.1\r\n"))
            #expect(asked.fields("Accept-Encoding") == ["identity"])
            #expect(asked.fields("User-Agent") == ["farebox-survey"])
            #expect(asked.fields("Mcp-Session-Id") == (at == 0 ? [] : ["s-1"]))
            #expect(asked.fields("MCP-Protocol-Version") == (at == 0 ? [] : ["2025-06-18"]))
            #expect(asked.fields("Mcp-Method").isEmpty)
        }
        for asked in server.asked.dropLast() {
            #expect(asked.fields("Accept") == ["application/json, text/event-stream"])
            #expect(asked.fields("Content-Type") == ["application/json"])
        }
    }

    @Test func withoutASessionNoneIsEnded() throws {
        let server = try Self.usual(["search_kb"], session: nil)
        _ = try Self.survey(server, Self.config(server))
        #expect(server.asked.map(\.what).last == "POST tools/list")
        #expect(server.asked.allSatisfy { $0.fields("Mcp-Session-Id").isEmpty })
    }

    /// The stream goes on: its end is not waited for.
    @Test func answersMayBeEventStreams() throws {
        let server = try Self.usual(["search_kb", "create_ticket", "send_replay"], ScriptedTools.events)
        #expect(try Self.warnings(server) == [])
    }

    /// What a server says to the announcement does not matter, not even whether it ever ends.
    @Test func theAnnouncementHasNoAnswer() throws {
        let server = try Self.usual(["search_kb", "create_ticket", "send_replay"])
        let script = server.script
        server.script = { asked in
            asked.what == "POST notifications/initialized"
                ? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\n" : script(asked)
        }
        #expect(try Self.warnings(server) == [])
    }

    @Test func everyPageIsAskedFor() throws {
        let server = try ScriptedTools { asked in
            switch asked.what {
            case "POST initialize": return ScriptedTools.json(asked, ScriptedTools.initialized)
            case "POST tools/list":
                if asked.body.contains(#""cursor":"p\/3""#) {
                    return ScriptedTools.json(asked, ScriptedTools.tools(["send_replay"]))
                }
                if asked.body.contains(#""cursor":"p2""#) {
                    return ScriptedTools.json(asked, ScriptedTools.tools(["create_ticket"], cursor: #""p\/3""#))
                }
                return ScriptedTools.json(asked, ScriptedTools.tools(["search_kb"], cursor: #""p2""#))
            default: return ScriptedTools.http(202, [], "")
            }
        }
        #expect(try Self.warnings(server) == [])
    }

    @Test func pagesWithoutEndAreGivenUp() throws {
        let server = try ScriptedTools { asked in
            switch asked.what {
            case "POST initialize": ScriptedTools.json(asked, ScriptedTools.initialized)
            case "POST tools/list": ScriptedTools.json(asked, ScriptedTools.tools([], cursor: #""more""#))
            default: ScriptedTools.http(202, [], "")
            }
        }
        #expect(try Self.warnings(server)[0].hasSuffix("its list of tools has more than 256 pages"))
    }

    @Test func listsWithoutEndAreGivenUp() throws {
        let server = try Self.usual((0...10_000).map { "t\($0)" })
        #expect(try Self.warnings(server)[0].hasSuffix("its list has more than 10000 tools"))
        #expect(server.asked.last?.what == "DELETE", "its session is ended all the same")
    }

    /// The revision without `initialize`.
    @Test func statelessServersAreAskedAtOnce() throws {
        let server = try ScriptedTools { asked in
            guard asked.what == "POST tools/list" else {
                return ScriptedTools.http(
                    400, ["Content-Type: application/json"],
                    #"{"jsonrpc":"2.0","id":\#(asked.id),"error":{"code":-32601,"message":"no such method"}}"#)
            }
            return ScriptedTools.json(asked, ScriptedTools.tools(["search_kb", "create_ticket", "send_replay"]))
        }
        #expect(try Self.warnings(server) == [])
        let list = try #require(server.asked.last)
        #expect(server.asked.map(\.what) == ["POST initialize", "POST tools/list"])
        #expect(list.fields("Mcp-Method") == ["tools/list"])
        #expect(list.fields("MCP-Protocol-Version") == ["2026-07-28"])
        #expect(list.body.contains(#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#))
        #expect(list.body.contains(#""io.modelcontextprotocol/clientCapabilities":{}"#))
    }

    @Test func configuredFieldsAreSent() throws {
        let server = try Self.usual(["search_kb"])
        _ = try Self.survey(
            server,
            Self.config(server, upstream: #", host: api.example, headers: {Authorization: Bearer x, accept: "*/*"}"#))
        for asked in server.asked {
            #expect(asked.fields("Authorization") == ["Bearer x"])
            #expect(asked.fields("Accept") == ["*/*"])
            #expect(asked.fields("Host") == ["api.example"])
        }
        #expect(server.asked.count == 4)
    }

    // MARK: What is said

    @Test func whatDoesNotFitIsNamed() throws {
        let server = try Self.usual(["search_kb", "create_ticket", "send_reply", "purge"])
        #expect(
            try Self.warnings(server) == [
                "8 /mcp tools/call send_replay: helpdesk has no tool \"send_replay\"; did you mean \"send_reply\"?",
                "6 /mcp: helpdesk has 2 tools that the menu does not name, which are denied by other_tools: send_reply, purge",
            ])
    }

    static let others: [(String, [String], [String])] = [
        ("free", ["x"], ["helpdesk has a tool that the menu does not name, which is free by other_tools: x"]),
        (
            "$3", ["x", "A", "y"],
            [
                "helpdesk has 2 tools that the menu does not name, which are $3 a call by other_tools: x, y",
                "helpdesk has a tool that the menu does not name, which is denied, since the menu has another spelling, or the name is no plain one: A",
            ]
        ),
        ("deny", [], []),
        (
            "deny", (1...14).map { "t\($0)" },
            [
                "helpdesk has 14 tools that the menu does not name, which are denied by other_tools: "
                    + (1...12).map { "t\($0)" }.joined(separator: ", ") + " and 2 more"
            ]
        ),
        (
            "free", [#"x\u001b[2J\n\"\u202e"#],
            [
                "helpdesk has a tool that the menu does not name, which is denied, since the menu has another spelling, or the name is no plain one: "
            ]
        ),
    ]

    @Test(arguments: others)
    func unnamedToolsAreToldByPrice(_ other: String, _ names: [String], _ lines: [String]) throws {
        let server = try Self.usual(["a"] + names)
        let told = try Self.warnings(server, Self.config(server, menu: "{tools: {a: free}, other_tools: \(other)}"))
        #expect(told.count == lines.count)
        for (line, expected) in zip(told, lines) { #expect(line.hasPrefix("6 /mcp: \(expected)")) }
        for line in told { #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E }) }
    }

    @Test func tablesShowEveryTool() throws {
        let server = try Self.usual(["search_kb", "create_ticket", "purge"])
        let (_, finding, revision) = try Self.survey(server, Self.config(server))
        #expect(
            ToolSurveyText.tables([finding], revision) == """

                /mcp at helpdesk, http://127.0.0.1:\(server.port.port)/base/mcp: 3 tools
                  search_kb      free
                  create_ticket  $0.02
                  purge          denied  not on the menu

                """)
    }

    // MARK: Servers that do not say

    static let neither =
        "it answers initialize with something that is no answer, and tools/list with something that is no answer"
    static let refusals: [(Int, String, String)] = [
        (401, "", "it answers 401; what is set under headers of the upstream is sent"),
        (403, "", "it answers 403; what is set under headers of the upstream is sent"),
        (404, "no", "it answers initialize with 404, and tools/list with 404"),
        (200, "<html>", neither),
        (200, #"{"jsonrpc":"2.0","id":99,"result":{"protocolVersion":"1"}}"#, neither),
        (
            200, #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"a\r\nb"}}"#,
            "it answers initialize without a protocol version"
        ),
        (
            400, #"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no\n\u001b[2J"}}"#,
            "it answers initialize with the error \"no\u{FFFD}\u{FFFD}[2J\", and tools/list with the error \"no\u{FFFD}\u{FFFD}[2J\""
        ),
    ]

    @Test(arguments: refusals)
    func serversThatRefuse(_ status: Int, _ body: String, _ reason: String) throws {
        let server = try ScriptedTools { _ in ScriptedTools.http(status, ["Content-Type: application/json"], body) }
        let url = "http://127.0.0.1:\(server.port.port)/base/mcp"
        #expect(try Self.warnings(server) == ["6 /mcp: helpdesk, \(url), does not tell its tools: \(reason)"])
    }

    /// Whatever it does, a server is asked for no longer than a while.
    @Test func silenceEnds() throws {
        let server = try ScriptedTools { _ in nil }
        let revision = try revision(Self.config(server))
        let target = try #require(ToolSurveyTarget.all(of: revision).first)
        let rig = try ClientRig()
        var told = 0
        var reason = ""
        let survey = ToolSurvey(target, path: "/mcp", client: rig.client, schemas: nil) {
            told += 1
            if case .failed(let why) = $0 { reason = why }
        }
        survey.begin()
        rig.run {
            server.serve()
            return !server.asked.isEmpty
        }
        survey.timerFired(Timer(rig.loop.timers))
        rig.settle()
        #expect(told == 1 && reason == "no list of tools within 10 seconds")
    }

    /// What it said counts, whether or not it lets the session be ended.
    @Test func aSessionThatCannotBeEndedChangesNothing() throws {
        let server = try Self.usual(["search_kb"])
        let script = server.script
        server.script = { $0.what == "DELETE" ? "garbage\r\n\r\n" : script($0) }
        guard case .listed(let audit) = try Self.survey(server, Self.config(server)).outcome else {
            throw Failure("none")
        }
        #expect(audit.offered.count == 1)
    }

    @Test func serversThatAreNotThere() throws {
        let server = try Self.usual([])
        let port = try ServerPort.closed()
        let yaml = Self.config(server).replacing("\(server.port.port)", with: "\(port)")
        #expect(try Self.warnings(server, yaml)[0].contains("refused"))
    }

    // MARK: What is asked

    static let paths: [(String, String?)] = [
        ("/mcp", "/base/mcp"), ("POST,GET api.example/a/b/", "/base/a/b/"), ("/", "/base/"), ("/mcp/**", "/base/mcp"),
        ("/**", "/base/"), ("/{tenant}/mcp", nil), ("/*/mcp", nil),
    ]

    @Test(arguments: paths)
    func thePathOfARoute(_ match: String, _ path: String?) throws {
        let server = try Self.usual([])
        let revision = try revision(Self.config(server, match: "\"\(match)\""))
        #expect(ToolSurveyTarget.all(of: revision).map(\.path) == [path])
    }

    @Test func theHostOfARouteIsAskedFor() throws {
        let server = try Self.usual([])
        func authority(_ match: String) throws -> String? {
            ToolSurveyTarget.all(
                of: try revision(
                    "public_url: https://gate.example:8443\n"
                        + Self.config(server, match: match, upstream: ", host: preserve"))
            ).first?.authority
        }
        #expect(try authority("api.example/mcp") == "api.example")
        #expect(try authority("/mcp") == "gate.example:8443")
    }

    @Test func schemasAreLearned() throws {
        let server = try ScriptedTools { asked in
            switch asked.what {
            case "POST initialize": ScriptedTools.json(asked, ScriptedTools.initialized)
            case "POST tools/list":
                ScriptedTools.json(asked, ScriptedTools.tools(["a", "b"], schemas: ["b"]))
            default: ScriptedTools.http(202, [], "")
            }
        }
        let schemas = ToolSchemas()
        _ = try Self.survey(server, schemas: schemas, Self.config(server))
        func declares(_ tool: String, _ upstream: String) -> Bool {
            Array(tool.utf8).withUnsafeBytes { schemas.declares($0, of: upstream) }
        }
        #expect(declares("b", "helpdesk") && !declares("a", "helpdesk") && !declares("b", "other"))
    }

    struct Failure: Error {
        let what: String

        init(_ what: String) { self.what = what }
    }
}
