import Testing

@testable import Gateway

@Suite struct ConfigReportTests {
    static let config =
        moneyAndUpstream + """
            routes:
              - {match: "GET /v1/status", upstream: legacy, free: true}
              - {match: "GET /v1/reports/*", upstream: legacy, price: $0.02}
              - {match: "GET /v1/**", upstream: legacy, price: $1, settle: first}
              - {match: "/v1/reports/{id}", upstream: legacy, price: $2}
              - {match: "GET api.example.com/v1/reports/*", upstream: legacy, price: $3}

            """

    @Test func checkPrintsEveryRoute() {
        let directory = ConfigDirectory(["1.yaml": Self.config])
        let report = ConfigReport.check(directory.loader(), now: 0)
        #expect(report.exitCode == 0)
        #expect(report.diagnostics == "")
        #expect(
            report.output == """
                ROUTE                             UPSTREAM  PRICE  SETTLE  WINDOW  ATOMIC AMOUNTS
                GET /v1/status                    legacy    free
                GET /v1/reports/*                 legacy    $0.02  after   300s    test-usdc 20000
                GET /v1/**                        legacy    $1     first   300s    test-usdc 1000000
                /v1/reports/{id}                  legacy    $2     after   300s    test-usdc 2000000
                GET api.example.com/v1/reports/*  legacy    $3     after   300s    test-usdc 3000000
                everything else is answered 404

                PAYMENT    NETWORK                      ASSET  PAY TO                                      FACILITATOR  CONFIRMATIONS
                test-usdc  base-sepolia (eip155:84532)  USDC   0x209693Bc6afc0C5328bA36FaF03C514EF312287C  sandbox

                Sandbox: test-usdc settles inside the ledger. Signatures and balances are real, money is not; each new wallet starts with $10.

                """)
    }

    @Test func checkPrintsEveryError() {
        let directory = ConfigDirectory(["1.yaml": "cors: 5\nlisen: x\n", "2.yml": ""])
        let report = ConfigReport.check(directory.loader(), now: 0)
        #expect(report.exitCode == 1)
        #expect(report.output == "")
        #expect(
            directory.strip(report.diagnostics) == """
                error: 1.yaml:1:7: cors: expected on or off, found "5"
                error: 1.yaml:2:1: lisen: unknown key; did you mean "listen"?
                warning: 2.yml: is not read; only names that end in .yaml are
                warning: DIR: routes: there are no routes; every path is unmatched
                2 errors

                """)
    }

    static let explanations: [(String, String, String)] = [
        (
            "GET", "https://x/v1/./%72eports/7?q=1",
            """
            GET x/v1/reports/7
              route     GET /v1/reports/*  (1.yaml:7)
              upstream  legacy  http://127.0.0.1:9000
              price     $0.02, settle after: run, then charged if the answer is 2xx
              pay       test-usdc: 20000 atomic units of USDC on base-sepolia (eip155:84532) to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C
                        test-usdc is the sandbox: no money moves
              window    300 s, of which 126 s must be left when the payment arrives
              kept      answers up to 64KiB, for 10m
              why       GET /v1/** (1.yaml:8) lost: "reports" is more specific than **
                        /v1/reports/{id} (1.yaml:9) lost: it lists the method

            """
        ),
        (
            "HEAD", "http://API.example.com:8402/v1/reports/7",
            """
            HEAD API.example.com:8402/v1/reports/7
              route     GET api.example.com/v1/reports/*  (1.yaml:10)
              upstream  legacy  http://127.0.0.1:9000
              price     $3, settle after: run, then charged if the answer is 2xx
              pay       test-usdc: 3000000 atomic units of USDC on base-sepolia (eip155:84532) to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C
                        test-usdc is the sandbox: no money moves
              window    300 s, of which 126 s must be left when the payment arrives
              kept      answers up to 64KiB, for 10m
              why       GET /v1/reports/* (1.yaml:7) lost: it names the host
                        GET /v1/** (1.yaml:8) lost: it names the host
                        /v1/reports/{id} (1.yaml:9) lost: it names the host

            """
        ),
        (
            "GET", "/v1/status",
            """
            GET /v1/status
              route     GET /v1/status  (1.yaml:6)
              upstream  legacy  http://127.0.0.1:9000
              price     free
              why       GET /v1/** (1.yaml:8) lost: "status" is more specific than **

            """
        ),
        (
            "POST", "/v1/status",
            """
            POST /v1/status
              answer  405; the path takes GET, HEAD
              why     GET /v1/status (1.yaml:6) does not take POST
                      GET /v1/** (1.yaml:8) does not take POST

            """
        ),
        (
            "OPTIONS", "/v1/reports/1",
            """
            OPTIONS /v1/reports/1
              answer  by the gateway itself, free: OPTIONS is never charged
              why     GET /v1/reports/* (1.yaml:7) does not take OPTIONS
                      GET /v1/** (1.yaml:8) does not take OPTIONS

            """
        ),
        (
            "GET", "https://h/V1/reports/1#top",
            """
            GET h/V1/reports/1
              answer  404; it is another spelling of GET /v1/reports/* (1.yaml:7), which asks $0.02

            """
        ),
        ("GET", "https://h", "GET h/\n  answer  404; no route matches, and unmatched is deny\n"),
    ]

    @Test(arguments: explanations)
    func explanationsNameRouteReasonAndPrice(_ method: String, _ url: String, _ text: String) {
        let directory = ConfigDirectory(["1.yaml": Self.config])
        let report = ConfigReport.explain(directory.loader(), method: method, url: url, now: 0)
        #expect(directory.strip(report.output) == text)
        #expect(report.exitCode == 0)
    }

    @Test(arguments: [
        ("GET", "v1/x", "error: \"v1/x\" is no URL; write https://host/path or /path\n"),
        ("GET", "ftp://h/x", "error: \"ftp://h/x\" is neither http nor https\n"),
        ("GET", "https://h:port/x", "error: \"h:port\" is no host\n"),
        (
            "GET", "/a%2Fb",
            "error: the gateway answers 400 to this path: The path holds an escaped slash, which has two readings.\n"
        ),
        ("G T", "/x", "error: \"G T\" is no method; write GET\n"),
    ])
    func usageErrors(_ method: String, _ url: String, _ text: String) {
        let report = ConfigReport.explain(ConfigDirectory().loader(), method: method, url: url, now: 0)
        #expect(report == ConfigReport(exitCode: 64, output: "", diagnostics: text))
    }
}
