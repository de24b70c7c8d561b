import Chains
import Foundation
import Payments
import Testing

@testable import Gateway

/// Networks, the relayer and facilitators: what is read, what it needs, and what is never shown.
@Suite struct ConfigSettlementTests {
    /// The first accounts of every development chain, whose keys the whole world knows.
    static let key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    static let account = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    static let otherKey = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
    static let otherAccount = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

    /// As the issue that asked for it has it, with hosts in place of dots.
    static let issue = """
        networks:
          base-sepolia:
            rpc: ["https://one.example.com/v2/s3cret", "https://two.example.com"]  # tried in order of health
            confirmations: {default: 1, above $1: 3}
        relayer:
          key: {env: FAREBOX_RELAYER_KEY}    # or {file: path}, or a list; pays gas, holds dust, never holds revenue
          max_fee_gwei: 5
          low_balance: 0.002
        facilitators:
          hosted: {url: "https://facilitator.example.com/x402/", bearer: {env: TOKEN}}
        payments:
          usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: self}   # self | sandbox | a name under facilitators
        upstreams: {legacy: {url: "http://127.0.0.1:9000"}}
        routes: [{match: /a, upstream: legacy, price: $0.02}]

        """

    static let environment = ["FAREBOX_RELAYER_KEY": key, "TOKEN": "t0ken", "OTHER_KEY": otherKey]

    private func load(
        _ yaml: String, _ purpose: ConfigLoader.Purpose = .run, environment: [String: String] = environment,
        number: Int = 1, former: Revision? = nil
    ) -> Result<Revision, ConfigErrors> {
        let directory = ConfigDirectory(["1.yaml": yaml])
        return withExtendedLifetime(directory) {
            directory.loader(purpose, environment: environment).load(number: number, now: 0, former: former)
        }
    }

    private func errors(
        _ yaml: String, _ purpose: ConfigLoader.Purpose = .run, environment: [String: String] = environment,
        former: Revision? = nil
    ) -> [String] {
        guard case .failure(let errors) = load(yaml, purpose, environment: environment, former: former) else {
            return []
        }
        return errors.problems.map { "\($0.place.line):\($0.place.column): \($0.key): \($0.message)" }
    }

    @Test func theIssuesOwnSetLoads() throws {
        let revision = try load(Self.issue).get()
        #expect(revision.warnings.isEmpty)
        let network = try #require(revision.network(chainID: 84_532))
        #expect(network.name == "base-sepolia")
        #expect(network.rpc.map(\.origin) == ["https://one.example.com", "https://two.example.com"])
        #expect(network.rpc.map(\.target) == ["/v2/s3cret", "/"])
        #expect("\(network.confirmations)" == "1, above $1: 3")
        #expect(network.settleTimeoutMilliseconds == 30_000)
        #expect(network.maxFeeWei == nil)
        let relayer = try #require(revision.settings.relayer)
        #expect(relayer.keys.map(\.account?.address.checksummed) == [Self.account])
        #expect(relayer.maxFeeWei == 5_000_000_000)
        #expect(relayer.lowBalanceWei == 2_000_000_000_000_000)
        #expect(relayer.gasLimit == 500_000)
        let hosted = try #require(revision.facilitator(named: "hosted"))
        #expect(hosted.url.withTarget == "https://facilitator.example.com/x402")
        #expect(hosted.timeoutMilliseconds == 10_000)
        guard case .bearer(let token) = hosted.access else { return #expect(Bool(false)) }
        #expect(token.bytes == Array("t0ken".utf8))
        let payment = revision.payments[0]
        #expect(payment.facilitator == .chain)
        #expect(payment.settlementSeconds == 30)
        #expect(payment.confirmations == network.confirmations)
        let terms = try #require(revision.routes[0].terms)
        #expect(terms.neededSeconds == 150)
        #expect(terms.offers[0].facilitator == .chain)
    }

    @Test func everyKeyIsRead() throws {
        let secrets = ConfigDirectory(["key": Self.otherKey + "\n", "url": "http://127.0.0.1:8545\n"])
        for name in ["key", "url"] { chmod("\(secrets.path)/\(name)", 0o600) }
        let seed = Data(repeating: 7, count: 32).base64EncodedString()
        let yaml = """
            networks:
              eip155:31337:
                rpc: [{file: "\(secrets.path)/url"}, {env: RPC}]
                confirmations: 2
                settle_timeout: 2500ms
                max_fee_gwei: 31.000000001
              base: {confirmations: {above $0.5: 4, above $1000: 12}, rpc: "https://h"}
            relayer:
              key: [{env: FAREBOX_RELAYER_KEY}, {file: "\(secrets.path)/key"}]
              max_fee_gwei: 0.25
              low_balance: 0.000000000000000001
              gas_limit: 90000
              batch: 8
            facilitators:
              cdp: {url: "https://api.example.com/platform/v2/x402", coinbase: {key_id: "orgs/1/keys/2", secret: {env: CDP}}, timeout: 3s}
              open: {url: "http://127.0.0.1:4021"}
            payments:
              own:
                network: eip155:31337
                asset: {address: "0x036cbd53842c5426634e7929541ec2318f3dcf7e", name: Play, version: "1", decimals: 2}
                pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
                facilitator: self
                factories: ["0x209693bc6afc0c5328ba36faf03c514ef312287d"]
              main: {network: base, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: cdp}
              word: {network: polygon, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: open}
            upstreams: {legacy: {url: "http://127.0.0.1:9000", timeouts: {total: 10s}}}
            routes:
              - {match: /a, upstream: legacy, price: $0.75, accept: own, max_timeout_seconds: 14}
              - {match: /b, upstream: legacy, price: $2000, accept: [main, word], settle: first}

            """
        let environment = Self.environment.merging(["CDP": seed, "RPC": "https://rpc.example.com/?key=s3cret"]) { $1 }
        let revision = try load(yaml, environment: environment).get()
        let own = try #require(revision.network(chainID: 31_337))
        #expect(own.rpc.map(\.target) == ["/", "/?key=s3cret"])
        #expect(own.rpc.map(\.isTLS) == [false, true])
        #expect(own.confirmations.blocks(amountAtomic: .max, decimals: 2) == 2)
        #expect(own.settleTimeoutMilliseconds == 2_500)
        #expect(own.maxFeeWei == 31_000_000_001)
        let relayer = try #require(revision.settings.relayer)
        #expect(relayer.keys.map(\.account?.address.checksummed) == [Self.account, Self.otherAccount])
        #expect(relayer.maxFeeWei == 250_000_000)
        #expect(relayer.lowBalanceWei == 1)
        #expect(relayer.gasLimit == 90_000)
        #expect(relayer.batch == 8)
        #expect(revision.facilitators.map(\.name) == ["cdp", "open"])
        #expect(revision.facilitators.map(\.timeoutMilliseconds) == [3_000, 10_000])
        guard case .coinbase(let keyID, let secret) = revision.facilitators[0].access else {
            return #expect(Bool(false))
        }
        #expect(keyID == "orgs/1/keys/2" && secret.bytes == Array(seed.utf8))
        #expect(revision.facilitators[1].access == .open)
        #expect(revision.payments.map(\.facilitator) == [.chain, .remote("cdp"), .remote("open")])
        #expect(revision.payments.map(\.settlementSeconds) == [3, 30, 30])
        #expect(
            revision.payments.map { $0.confirmations.map { "\($0)" } } == [
                "2", "1, above $0.5: 4, above $1000: 12", nil,
            ])
        #expect(revision.payments[0].factories.map(\.checksummed) == ["0x209693Bc6Afc0C5328ba36FaF03c514Ef312287d"])
        #expect(revision.routes.map { $0.terms?.neededSeconds } == [13, 30])
        let offers = try #require(revision.routes[1].terms?.offers)
        #expect(offers.map(\.facilitator) == [.remote("cdp"), .remote("open")])
        #expect(revision.routes[0].terms?.offers[0].factories == revision.payments[0].factories)
        let warnings = revision.warnings.map { "\($0.key): \($0.message)" }.filter { !$0.contains("oldest clients") }
        #expect(
            warnings == [
                "payments.word.facilitator: \"open\" settles on polygon and there is no networks.polygon.rpc: after a time-out nothing "
                    + "shows whether money moved, and a person must resolve the claim (farebox ledger resolve)"
            ])
    }

    @Test(
        arguments: [
            (6, 1_000_000, 1), (6, 1_000_001, 3), (6, 9_999_999, 3), (6, 10_500_000, 3), (6, 10_500_001, 12), (0, 1, 1),
            // $10.5 of an asset without cents: 10 is below it, 11 above.
            (0, 10, 3), (0, 11, 12), (2, 100, 1), (2, 101, 3), (18, 1_000_000_000_000_000_001, 3),
        ] as [(Int, UInt128, Int)])
    func confirmationsGrowWithTheAmount(_ decimals: Int, _ amount: UInt128, _ blocks: Int) throws {
        let yaml = "networks: {base: {confirmations: {above $10.5: 12, default: 1, above $1: 3}}}\n"
        let confirmations = try load(yaml).get().networks[0].confirmations
        #expect(confirmations.blocks(amountAtomic: amount, decimals: decimals) == blocks)
    }

    @Test func aThresholdBeyondEveryAmountIsNeverReached() throws {
        let price = try DollarPrice("$340282366920938463463374607431768211456")
        let tiers = Confirmations(fewest: 1, tiers: [.init(above: price, blocks: 9)])
        #expect(tiers.blocks(amountAtomic: .max, decimals: 0) == 1)
    }

    @Test func missingSecretsStopRunAndWarnAtCheck() throws {
        let missing = [
            "6:14: relayer.key.env: the environment variable FAREBOX_RELAYER_KEY is not set",
            "10:72: facilitators.hosted.bearer.env: the environment variable TOKEN is not set",
        ]
        #expect(errors(Self.issue, environment: [:]) == missing)
        let revision = try load(Self.issue, .check, environment: [:]).get()
        #expect(
            revision.warnings.map { "\($0.place.line):\($0.place.column): \($0.key): \($0.message)" }
                == missing.map { $0 + "; run needs it" })
        #expect(revision.settings.relayer?.keys.map(\.account) == [nil])
        let directory = ConfigDirectory(["1.yaml": Self.issue])
        let report = withExtendedLifetime(directory) {
            ConfigReport.check(directory.loader(.check, environment: [:]), now: 0)
        }
        #expect(report.output.contains("self: settled by missing (env FAREBOX_RELAYER_KEY)"))
    }

    /// Each is no key: an error for `run`, a warning for `check`, and never repeated in a message.
    @Test(arguments: [
        ("FAREBOX_RELAYER_KEY", "0x1234"), ("FAREBOX_RELAYER_KEY", String(repeating: "0", count: 64)),
        ("FAREBOX_RELAYER_KEY", "zz0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
        ("TOKEN", "two words"), ("TOKEN", "evil\r\nX-Header: 1"),
    ])
    func secretsThatCannotBeTheirKindAreRefused(_ name: String, _ value: String) throws {
        let environment = Self.environment.merging([name: value]) { $1 }
        let told = errors(Self.issue, environment: environment)
        #expect(told.count == 1)
        #expect(told.allSatisfy { $0.contains("env \(name) holds no") && !$0.contains(value) })
        let warnings = try load(Self.issue, .check, environment: environment).get().warnings
        #expect(warnings.count == 1)
        #expect(warnings.allSatisfy { $0.message.hasSuffix("run will refuse it") && !$0.message.contains(value) })
    }

    @Test func signingKeysAreTriedAtLoad() {
        let yaml = """
            facilitators: {cdp: {url: "https://h", coinbase: {key_id: k, secret: {env: CDP}}}}

            """
        #expect(errors(yaml, environment: ["CDP": Data(repeating: 7, count: 32).base64EncodedString()]).isEmpty)
        for wrong in [
            "hush", Data(repeating: 7, count: 64).base64EncodedString(), "-----BEGIN EC PRIVATE KEY-----\nx\n",
        ] {
            let told = errors(yaml, environment: ["CDP": wrong])
            #expect(told.count == 1)
            #expect(told.allSatisfy { $0.contains("env CDP holds no signing key") && !$0.contains("hush") })
        }
    }

    @Test func openSecretFilesAreWarnedOf() throws {
        let secrets = ConfigDirectory(["key": Self.key])
        let path = "\(secrets.path)/key"
        let yaml = "relayer: {key: {file: \"\(path)\"}}\n"
        for (mode, isOpen) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            chmod(path, mode_t(mode))
            let warnings = try load(yaml).get().warnings.map(\.message)
            #expect(warnings.contains("\(path) is open to other users; run: chmod 600 \(path)") == isOpen)
        }
    }

    @Test func theRelayerIsNeverPaid() {
        let yaml = Self.issue.replacing("0x209693Bc6afc0C5328bA36FaF03C514EF312287C", with: Self.account)
        let message =
            "12:54: payments.usdc.pay_to: is the relayer's own account, whose key is on this machine; it pays gas and never holds revenue"
        #expect(errors(yaml) == [message])
        #expect(errors(yaml.replacing("facilitator: self", with: "facilitator: hosted")) == [message])
        #expect(errors(yaml, .check, environment: ["TOKEN": "x"]).isEmpty)
        #expect(errors(yaml.replacing("facilitator: self", with: "facilitator: sandbox")).isEmpty)
    }

    @Test func oneAccountIsOneRelayer() {
        let yaml = "relayer: {key: [{env: FAREBOX_RELAYER_KEY}, {env: SAME}]}\n"
        let environment = Self.environment.merging(["SAME": String(Self.key.dropFirst(2))]) { $1 }
        #expect(
            errors(yaml, environment: environment) == [
                "1:45: relayer.key[1]: opens \(Self.account), which is given twice"
            ])
    }

    @Test func theWindowHoldsTheSettlement() {
        let yaml = Self.issue.replacing("price: $0.02}", with: "price: $0.02, max_timeout_seconds: 150}")
        #expect(
            errors(yaml) == [
                "14:75: routes[0].max_timeout_seconds: a window of 150 s cannot hold 150 s: upstream \"legacy\" may take 120 s "
                    + "(timeouts: total) and settlement 30 s; lengthen the window, or shorten the time-out"
            ])
        let shorter = yaml.replacing("confirmations: {", with: "settle_timeout: 29s\n    confirmations: {")
        #expect(errors(shorter).isEmpty)
    }

    @Test func mainnetsAreForRealSettlement() {
        let yaml = Self.issue.replacing("base-sepolia", with: "base")
        #expect(errors(yaml).isEmpty)
        #expect(errors(yaml.replacing("facilitator: self", with: "facilitator: hosted")).isEmpty)
        #expect(errors(yaml.replacing("facilitator: self", with: "facilitator: sandbox")).count == 1)
    }

    /// Whatever is printed of a revision, no secret is in it.
    @Test func secretsAreNeverPrinted() throws {
        let revision = try load(Self.issue).get()
        var text = ""
        dump(revision.settings.relayer, to: &text)
        dump(revision.facilitators, to: &text)
        dump(Secret(source: .environment("X"), bytes: Array("t0ken".utf8)), to: &text)
        text += "\(revision.facilitators) \(String(reflecting: revision.facilitators)) \(revision.networks[0].rpc)"
        for secret in ["t0ken", "ac0974", "\(Array("t0ken".utf8))", "- 116", "s3cret"] {
            #expect(!text.contains(secret), "\(secret) is shown")
        }
        let other = Self.issue.replacing("v2/s3cret", with: "v2/oth3r").replacing(
            "{env: TOKEN}", with: "{env: OTHER_KEY}")
        let diff = RevisionDiff(from: revision, to: try load(other, number: 2, former: revision).get())
        #expect(diff.changes == ["network base-sepolia: rpc changed", "facilitator hosted: credentials changed"])
    }

    @Test func checkAndExplainSayWhoSettles() throws {
        let directory = ConfigDirectory([
            "1.yaml": Self.issue,
            "2.yaml": """
            networks: {polygon: {max_fee_gwei: 200}}
            payments:
              far: {network: base, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: hosted}

            """,
        ])
        let loader = directory.loader(.run, environment: Self.environment)
        let report = ConfigReport.check(loader, now: 0)
        #expect(report.exitCode == 0)
        #expect(
            report.output == """
                ROUTE  UPSTREAM  PRICE  SETTLE  WINDOW  ATOMIC AMOUNTS
                /a     legacy    $0.02  after   300s    usdc 20000, far 20000
                everything else is answered 404

                PAYMENT  NETWORK                      ASSET  PAY TO                                      FACILITATOR  CONFIRMATIONS
                usdc     base-sepolia (eip155:84532)  USDC   0x209693Bc6afc0C5328bA36FaF03C514EF312287C  self         1, above $1: 3
                far      base (eip155:8453)           USDC   0x209693Bc6afc0C5328bA36FaF03C514EF312287C  hosted       its word

                self: settled by 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 (env FAREBOX_RELAYER_KEY), at most 5 gwei a unit of gas, 200 on polygon

                hosted: https://facilitator.example.com/x402, bearer (env TOKEN)

                """)
        let explained = ConfigReport.explain(loader, method: "GET", url: "/a", now: 0)
        #expect(
            explained.output
                == """
                GET /a
                  route     /a  (1.yaml:14)
                  upstream  legacy  http://127.0.0.1:9000
                  price     $0.02, settle after: run, then charged if the answer is 2xx
                  pay       usdc: 20000 atomic units of USDC on base-sepolia (eip155:84532) to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C
                            settled by this gateway's relayer; counts after 1 block
                  pay       far: 20000 atomic units of USDC on base (eip155:8453) to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C
                            settled by the facilitator hosted; its word counts
                  window    300 s, of which 150 s must be left when the payment arrives
                  why       no other route takes this path

                """.replacing("1.yaml", with: "\(directory.path)/1.yaml"))
    }

    @Test func everyChangeIsALine() throws {
        let first = try load(Self.issue).get()
        let second = try load(
            """
            networks:
              base-sepolia: {rpc: "https://one.example.com/v2/s3cret", confirmations: 2, settle_timeout: 20s, max_fee_gwei: 0.5}
              base: {rpc: "https://h"}
            relayer: {key: {env: FAREBOX_RELAYER_KEY}, max_fee_gwei: 6, low_balance: 0.01, gas_limit: 100000, batch: 1}
            facilitators:
              hosted: {url: "https://facilitator.example.com", timeout: 5s}
              other: {url: "https://h"}
            payments:
              usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: hosted}
            upstreams: {legacy: {url: "http://127.0.0.1:9000"}}
            routes: [{match: /a, upstream: legacy, price: $0.02}]

            """, number: 2, former: first
        ).get()
        let diff = RevisionDiff(from: first, to: second)
        #expect(
            diff.changes == [
                "payment usdc: facilitator self → hosted",
                "network base-sepolia: rpc changed; confirmations 1, above $1: 3 → 2; settle_timeout 30s → 20s; "
                    + "max_fee_gwei the relayer's → 0.5", "network base: added",
                "facilitator hosted: url https://facilitator.example.com/x402 → https://facilitator.example.com; "
                    + "credentials changed; timeout changed", "facilitator other: added",
                "relayer.max_fee_gwei: 5 → 6", "relayer.low_balance: 0.002 → 0.01",
                "relayer.gas_limit: 500000 → 100000", "relayer.batch: 32 → 1",
            ])
        #expect(diff.needsRestart.isEmpty)
    }

    @Test func relayerKeysNeedARestart() throws {
        let first = try load(Self.issue).get()
        let other = Self.issue.replacing("{env: FAREBOX_RELAYER_KEY}", with: "{env: OTHER_KEY}")
        let second = try load(other.replacing("gwei: 5", with: "gwei: 7"), number: 2, former: first).get()
        #expect(
            second.needsRestart == [
                "relayer.key: \(Self.otherAccount) (env OTHER_KEY) needs a restart; \(Self.account) (env FAREBOX_RELAYER_KEY) stays"
            ])
        #expect(second.settings.relayer?.keys.map(\.account?.address.checksummed) == [Self.account])
        #expect(second.settings.relayer?.maxFeeWei == 7_000_000_000)
        // The one that signs now is not to be paid either.
        let paid = other.replacing("0x209693Bc6afc0C5328bA36FaF03C514EF312287C", with: Self.account)
        #expect(errors(paid, former: first).count == 1)

        // The same key from elsewhere is no change.
        let moved = Self.issue.replacing("FAREBOX_RELAYER_KEY", with: "MOVED")
        let same = try load(moved, environment: ["MOVED": Self.key, "TOKEN": "x"], number: 2, former: first).get()
        #expect(same.needsRestart.isEmpty)

        // A relayer that is written no more signs on, for what is under way, at the price that was asked for.
        let gone = try load(
            Self.issue.replacing("relayer:", with: "limits: {}\n#").replacing("  key:", with: "#").replacing(
                "  max_fee_gwei: 5", with: "#"
            ).replacing("  low_balance", with: "# low_balance").replacing(
                "facilitator: self", with: "facilitator: hosted"),
            number: 2, former: second
        ).get()
        #expect(gone.settings.relayer == second.settings.relayer)
        #expect(gone.needsRestart.count == 1)
    }

    @Test func theFirstRelayerComesWithARestart() throws {
        let sandbox = Self.issue.replacing("facilitator: self", with: "facilitator: sandbox")
        let none = try revision(moneyAndUpstream)
        let second = try load(sandbox, number: 2, former: none).get()
        #expect(
            second.needsRestart == [
                "relayer.key: \(Self.account) (env FAREBOX_RELAYER_KEY) needs a restart; none stays"
            ])
        #expect(second.settings.relayer?.keys.isEmpty == true)
        for running in [none, second] {
            #expect(
                errors(Self.issue, former: running) == [
                    "12:113: payments.usdc.facilitator: self needs relayer.key, which is taken up by a restart alone"
                ])
        }
    }

    @Test(
        arguments: [
            ("5", 9, 5_000_000_000), ("0.000000001", 9, 1), ("0.002", 18, 2_000_000_000_000_000), ("0", 18, 0),
            ("1.50", 9, 1_500_000_000), ("340282366920938463463374607431768211455", 0, UInt128.max),
            ("340282366920938463463374607431768211456", 0, nil), ("0.0000000001", 9, nil), ("1.", 9, nil),
            (".5", 9, nil), ("01", 9, nil), ("-1", 9, nil), ("1e3", 9, nil), ("", 9, nil), ("1.2.3", 9, nil),
            ("1 ", 9, nil), ("٥", 9, nil),
        ] as [(String, Int, UInt128?)])
    func decimalsAreExact(_ text: String, _ decimals: Int, _ value: UInt128?) {
        #expect(ConfigValue.scaled(text, decimals: decimals) == value)
    }

    @Test(
        arguments: [
            (5_000_000_000, 9, "5"), (1, 9, "0.000000001"), (0, 18, "0"), (1_500_000_000, 9, "1.5"), (120, 0, "120"),
            (31_000_000_001, 9, "31.000000001"),
        ] as [(UInt128, Int, String)])
    func decimalsAreWrittenAsRead(_ value: UInt128, _ decimals: Int, _ text: String) {
        #expect(ConfigValue.text(scaled: value, decimals: decimals) == text)
    }
}
