import Testing

@testable import Gateway

@Suite struct ConfigMenuReportTests {
    static let yaml =
        moneyAndUpstream + """
            policies:
              default: {per_wallet: {rate: 60/min}}
            routes:
              - match: /mcp
                upstream: legacy
                mcp:
                  tools:
                    search_kb: free
                    create_ticket: $0.02
                    send_reply: {price: $0.05, settle: first}
                    purge: deny
                  other_tools: $3
                  methods: {resources/read: $0.001, ping: deny}
              - {match: /mcp/status, upstream: legacy, free: true}

            """

    @Test func checkPrintsEveryTool() {
        let directory = ConfigDirectory(["1.yaml": Self.yaml])
        let report = ConfigReport.check(directory.loader(), now: 0)
        #expect(
            report.output.hasPrefix(
                """
                ROUTE                    UPSTREAM  PRICE    SETTLE  WINDOW  ATOMIC AMOUNTS
                /mcp                     legacy    by tool
                  search_kb                        free
                  create_ticket                    $0.02    after   300s    test-usdc 20000
                  send_reply                       $0.05    first   300s    test-usdc 50000
                  purge                            denied
                  other tools                      $3       after   300s    test-usdc 3000000
                  method resources/read            $0.001   after   300s    test-usdc 1000
                  method ping                      denied
                /mcp/status              legacy    free
                everything else is answered 404

                """), "\(report.output)")
    }

    private static let paid = """
          pay       test-usdc: 50000 atomic units of USDC on base-sepolia (eip155:84532) to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C
                    test-usdc is the sandbox: no money moves
          window    300 s, of which 6 s must be left when the payment arrives
          kept      answers up to 64KiB, for 10m
          policy    default: each wallet 60/min
          why       no other route takes this path

        """

    static let explanations: [(String, String?, String)] = [
        (
            "POST", nil,
            """
            POST /mcp
              route     /mcp  (1.yaml:8)
              upstream  legacy  http://127.0.0.1:9000
              price     the body decides; --tool NAME says more of one
                        search_kb: free
                        create_ticket: $0.02, settle after
                        send_reply: $0.05, settle first
                        purge: denied
                        other tools: $3, settle after
                        method resources/read: $0.001, settle after
                        method ping: denied
                        any other method: free
              policy    default: each wallet 60/min
              why       no other route takes this path

            """
        ),
        (
            "GET", nil,
            """
            GET /mcp
              route     /mcp  (1.yaml:8)
              upstream  legacy  http://127.0.0.1:9000
              price     free; what costs is POSTed
              policy    default: each wallet 60/min
              why       no other route takes this path

            """
        ),
        (
            "OPTIONS", nil,
            """
            OPTIONS /mcp
              route     /mcp  (1.yaml:8)
              upstream  legacy  http://127.0.0.1:9000
              price     free; what costs is POSTed
              policy    default: each wallet 60/min
              why       no other route takes this path

            """
        ),
        (
            "POST", "send_reply",
            """
            POST /mcp
              route     /mcp  (1.yaml:8)
              upstream  legacy  http://127.0.0.1:9000
              tool      send_reply  (1.yaml:14)
              price     $0.05, settle first: charged, then run

            """ + paid
        ),
        (
            "POST", "search_kb",
            """
            POST /mcp
              route     /mcp  (1.yaml:8)
              upstream  legacy  http://127.0.0.1:9000
              tool      search_kb
              price     free
              why       no other route takes this path

            """
        ),
    ]

    @Test(arguments: explanations)
    func explanationsNameTools(_ method: String, _ tool: String?, _ text: String) {
        let directory = ConfigDirectory(["1.yaml": Self.yaml])
        let report = ConfigReport.explain(directory.loader(), method: method, url: "/mcp", tool: tool, now: 0)
        #expect(directory.strip(report.output) == text)
    }

    private static func line(_ key: String, tool: String, url: String = "/mcp", _ yaml: String = yaml) -> String {
        let directory = ConfigDirectory(["1.yaml": yaml])
        let report = ConfigReport.explain(directory.loader(), method: "POST", url: url, tool: tool, now: 0)
        let lines = directory.strip(report.output).split(separator: "\n").map { $0.drop { $0 == " " } }
        return lines.first { $0.hasPrefix(key) }.map(String.init) ?? report.diagnostics
    }

    @Test func toolsThatAreNotOnTheMenu() {
        #expect(Self.line("tool", tool: "unheard") == "tool      unheard  (1.yaml:16, other_tools)")
        #expect(
            Self.line("price", tool: "unheard") == "price     $3, settle after: run, then charged if it gives a result")
        #expect(Self.line("answer", tool: "purge") == "answer    a JSON-RPC error: it is denied")
        #expect(
            Self.line("answer", tool: "Search_kb")
                == "answer    a JSON-RPC error: it is another spelling of a tool on the menu, or no plain name")
        let strict = Self.yaml.replacing("other_tools: $3", with: "other_tools: deny")
        #expect(
            Self.line("answer", tool: "create_tickets", strict)
                == "answer    a JSON-RPC error: it is not on the menu, and other tools are denied; did you mean \"create_ticket\"?"
        )
        #expect(
            Self.line("tool", tool: "x", url: "/mcp/status")
                == "tool      x: nobody looks for tools here, the route has no mcp")
        let report = ConfigReport.explain(ConfigDirectory().loader(), method: "GET", url: "/mcp", tool: "x", now: 0)
        #expect(report.exitCode == 64 && report.diagnostics == "error: tools are called by POST; write POST\n")
        #expect(Self.line("answer", tool: "x", url: "/MCP").contains("which asks a price for tools"))
    }

    /// Its prices are no routes that could have been matched.
    @Test func aMenuIsNamedOnceWhereItDoesNotMatch() {
        let directory = ConfigDirectory(["1.yaml": Self.yaml.replacing("match: /mcp\n", with: "match: POST /mcp\n")])
        let report = ConfigReport.explain(directory.loader(), method: "GET", url: "/mcp", now: 0)
        #expect(
            directory.strip(report.output) == """
                GET /mcp
                  answer  405; the path takes POST
                  why     POST /mcp (1.yaml:8) does not take GET

                """)
    }

    private static func changes(_ from: String, _ to: String) throws -> [String] {
        let first = try revision(from)
        return RevisionDiff(from: first, to: try revision(to, number: 2, former: first)).changes
    }

    @Test func everyChangeIsALine() throws {
        #expect(try Self.changes(Self.yaml, Self.yaml).isEmpty)
        let other = Self.yaml.replacing("search_kb: free", with: "search_kb: $0.1")
            .replacing("create_ticket: $0.02", with: "create_ticket: {price: $0.03, settle: first, description: T}")
            .replacing("        purge: deny\n", with: "        added: deny\n")
            .replacing("other_tools: $3", with: "other_tools: free")
            .replacing("ping: deny}", with: "prompts/get: $1}\n      challenge: http\n      annotate: none")
        #expect(
            try Self.changes(Self.yaml, other) == [
                "/mcp: challenge auto → http; annotate meta → none",
                "/mcp tools/call search_kb: price free → $0.1",
                "/mcp tools/call create_ticket: price $0.02 → $0.03; settle after → first; description changed",
                "/mcp tools/call added: price $3 → denied",
                "/mcp tools/call *: price $3 → free",
                "/mcp prompts/get: price free → $1",
                "/mcp tools/call purge: price denied → free",
                "/mcp ping: price denied → free",
            ])
        #expect(
            try Self.changes(
                Self.yaml,
                Self.yaml.replacing("/mcp\n", with: "/mcp\n    customers: c\n    accept: b\n")
                    .replacing(
                        "policies:\n", with: "customers: {c: {api_key_sha256: \(ConfigDoorsTests.hash)}}\npolicies:\n"
                    )
                    .replacing(
                        "upstreams:",
                        with:
                            "  b: {network: avalanche-fuji, asset: USDC, pay_to: \"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\", facilitator: sandbox}\nupstreams:"
                    )
            )
            .filter { $0.hasPrefix("/") } == [
                "/mcp: customers none → c",
                "/mcp tools/call create_ticket: accept test-usdc → b",
                "/mcp tools/call send_reply: accept test-usdc → b",
                "/mcp tools/call *: accept test-usdc → b",
                "/mcp resources/read: accept test-usdc → b",
            ])
    }

    @Test func menusThatComeAndGo() throws {
        func routes(_ entry: String) -> String {
            moneyAndUpstream + "routes: [{match: /mcp, upstream: legacy, \(entry)}]\n"
        }
        let menu = routes("mcp: {tools: {a: $1, b: free}}")
        for (from, to, lines) in [
            (routes("price: $2"), menu, ["/mcp: price $2 → by tool", "/mcp tools/call a: added, $1"]),
            (routes("free: true"), menu, ["/mcp: price free → by tool", "/mcp tools/call a: added, $1"]),
            (menu, routes("free: true"), ["/mcp: price by tool → free", "/mcp tools/call a: removed, was $1"]),
            (
                menu, moneyAndUpstream,
                ["/mcp: removed, was by tool", "/mcp tools/call a: removed, was $1"]
            ),
            (moneyAndUpstream, menu, ["/mcp: added, by tool", "/mcp tools/call a: added, $1"]),
        ] {
            let changes = try Self.changes(from, to).filter { $0.hasPrefix("/") }
            #expect(changes == lines)
        }
    }
}
