import Bytes
import Chains
import EventLoop
import JSON
import OnChain
import Synchronization
import Testing

@testable import Gateway

/// The command has a loop of its own: the node answers on a thread of its own.
@Suite struct WalletCheckTests {
    private static let key = "0x0101010101010101010101010101010101010101010101010101010101010101"
    private static let relayer = Address.parse("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")!.address
    private static let payee = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
    private static let usdc = Network.named("base-sepolia")!.usdc

    /// A chain where all is well, but for what is given; members of the reply by method, or by a call's data.
    private static func reply(_ call: ScriptedNode.Call, _ changes: [String: String]) -> String {
        func word(_ value: UInt64) -> String { "\"result\":\"\(UInt256(value).bytes.hex)\"" }
        func string(_ text: String) -> String {
            let bytes = Array(text.utf8)
            let words = [32, UInt64(bytes.count)].flatMap { UInt256($0).bytes.array }
            return
                "\"result\":\"\(Hex.encodePrefixed(words + bytes + [UInt8](repeating: 0, count: 32 - bytes.count)))\""
        }
        for (key, value) in changes where call.method == key || call.params.contains(key) { return value }
        let separator = EIP712.domainSeparator(
            name: usdc.name, version: usdc.version, chainID: 84532, verifyingContract: usdc.address)
        switch call.method {
        case "eth_chainId": return "\"result\":\"0x14a34\""
        case "eth_blockNumber": return "\"result\":\"0x10\""
        case "eth_maxPriorityFeePerGas": return "\"result\":\"0x3b9aca00\""
        case "eth_getBalance": return "\"result\":\"0x2386f26fc10000\""
        case "eth_getTransactionCount":
            return call.params.contains("pending") ? "\"result\":\"0x7\"" : "\"result\":\"0x5\""
        case "eth_getCode":
            return call.params.contains(usdc.address.bytes.hex) ? "\"result\":\"0x6080\"" : "\"result\":\"0x\""
        case "eth_getBlockByNumber":
            let hash = "0x" + String(repeating: "ab", count: 32)
            return
                "\"result\":{\"number\":\"0x10\",\"hash\":\"\(hash)\",\"parentHash\":\"\(hash)\",\"timestamp\":\"0x1\","
                + "\"baseFeePerGas\":\"0x3b9aca00\"}"
        case "eth_call":
            if call.params.contains(Hex.encode(ContractReads.name)) { return string(usdc.name) }
            if call.params.contains(Hex.encode(ContractReads.version)) { return string(usdc.version) }
            if call.params.contains(Hex.encode(ContractReads.decimals)) { return word(6) }
            return "\"result\":\"\(separator.hex)\""
        default: return "\"error\":{\"code\":-32601,\"message\":\"no such method\"}"
        }
    }

    private func check(
        _ changes: [String: String] = [:], json: Bool = false, payTo: String = payee, relayer: String = ""
    ) throws -> ConfigReport {
        let port = try ServerPort()
        let directory = ConfigDirectory([
            "10.yaml": """
            ledger: /nonexistent/farebox.db
            public_url: https://api.example.com
            networks:
              base-sepolia: {rpc: "http://127.0.0.1:\(port.port)/secret-path"}
            relayer: {key: {env: KEY}\(relayer)}
            payments:
              usdc: {network: base-sepolia, asset: USDC, pay_to: "\(payTo)", facilitator: self}
            upstreams:
              api: {url: "http://127.0.0.1:9000"}
            routes:
              - {match: GET /a, upstream: api, price: $0.02, accept: [usdc]}
              - {match: GET /b, upstream: api, price: $0.5, accept: [usdc]}
            """
        ])
        let answers = NodeThread(port) { WalletCheckTests.reply($0, changes) }
        defer { answers.stop() }
        return WalletCheck.run(directory.loader(environment: ["KEY": Self.key]), json: json, now: 0)
    }

    @Test func allIsWell() throws {
        let report = try check()
        #expect(report.exitCode == 0, "\(report)")
        for part in [
            "base-sepolia (chain 84532)", "at block 16", "\(Self.relayer) (env KEY)  0.01 coins",
            "next nonce 7, 2 waiting", "base 1 gwei, tip 1 gwei, at most 5 gwei",
            // 90,000 gas at 2 gwei, and 0.02 / 0.00018 dollars.
            "about 0.00018 coins; the cheapest price, $0.02, covers it while a coin is worth less than $111",
            "usdc: USDC \(Self.usdc.address) as configured, paid to \(Self.payee)\n",
        ] { #expect(report.output.contains(part), "\(part)\n\(report.output)") }
        #expect(!report.output.contains("secret"))
    }

    @Test(arguments: [
        (["eth_getBalance": "\"result\":\"0x1\""], "below low_balance"),
        (["eth_getBalance": "\"error\":{\"code\":1,\"message\":\"m\"}"], "balance could not be read"),
        (["eth_blockNumber": "\"result\":\"x\""], "nonsense"),
        (["eth_getBlockByNumber": "\"result\":null"], "base fee could not be read"),
        (["06fdde03": "\"result\":\"0x\"", "3644e515": "\"result\":\"0x\""], "tells neither"),
        (
            ["313ce567": "\"result\":\"\(UInt256(UInt64(18)).bytes.hex)\""],
            "10.yaml:7: payments.usdc.asset: the token's decimals()"
        ),
        (["eth_chainId": "\"result\":\"0x1\""], "chain 1, not 84532"),
    ])
    func aProblem(changes: [String: String], said: String) throws {
        for json in [false, true] {
            let report = try check(changes, json: json)
            #expect(report.exitCode == 1)
            #expect(report.output.contains(said), "\(report.output)")
            #expect(!report.output.contains("secret"))
        }
    }

    @Test func thePayee() throws {
        let contract = try check([Self.payee.lowercased(): "\"result\":\"0x60\""])
        #expect(contract.exitCode == 0 && contract.output.contains("\(Self.payee) (a contract)"), "\(contract)")
    }

    /// The configuration refuses most of these; what it cannot see is told here.
    @Test func whoIsPaid() {
        let other = Address.parse(Self.payee)!.address
        for (payee, said) in [
            (Self.usdc.address, "is a token's contract"), (Self.relayer, "is a relayer"), (other, nil),
        ]
            as [(Address, String?)]
        {
            var facts = WalletCheckFacts(
                network: "n", chainID: 1, baseFeeWei: 1, priorityFeeWei: 1, maxFeeWei: 10, lowBalanceWei: 0)
            facts.accounts = [.init(address: Self.relayer, source: "env KEY", balanceWei: 1)]
            facts.payments = [.init(name: "p", asset: "USDC", token: Self.usdc.address, check: .match, payee: payee)]
            #expect(facts.problems.count == (said == nil ? 0 : 1))
            #expect(said.map { facts.problems[0].contains($0) } ?? true)
        }
    }

    @Test func hugeNumbersOfANode() {
        var facts = WalletCheckFacts(
            network: "n", chainID: 1, baseFeeWei: .max, priorityFeeWei: .max, maxFeeWei: 10, lowBalanceWei: 0)
        facts.cheapest = .init(text: "$1", amountAtomic: .max, decimals: 200)
        #expect(facts.settlementCostWei == nil && facts.breakEvenDollars == nil)
        facts.baseFeeWei = 1
        facts.priorityFeeWei = 1
        #expect(facts.breakEvenDollars == nil)
        #expect(WalletCheckText.coins(.max) == "340282366920938463463.374607431768211455 coins")
        #expect(WalletCheckText.gwei(0) == "0" && WalletCheckText.gwei(1_500_000_000) == "1.5")
    }

    @Test func feesAboveTheCap() throws {
        let report = try check(relayer: ", max_fee_gwei: 1")
        #expect(report.exitCode == 1 && report.output.contains("leaves no room below max_fee_gwei"), "\(report)")
    }

    @Test func forPrograms() throws {
        let report = try check(json: true)
        let bytes = Array(report.output.utf8)
        try bytes.withUnsafeBytes { raw in
            let root = try JSONTape(raw).root(over: raw)
            #expect(root["ok"]?.bool == true)
            let network = try #require(root["networks"]?.elements.first { _ in true })
            #expect(network["settlement_cost_wei"]?.string == "180000000000000")
            #expect(network["relayers"]?.elements.first { _ in true }?["balance_wei"]?.string == "10000000000000000")
            #expect(network["payments"]?.elements.first { _ in true }?["token_is_sound"]?.bool == true)
        }
    }

    @Test func withoutAConfigOrAnythingToCheck() throws {
        let broken = ConfigDirectory(["10.yaml": "nonsense: 1\n"])
        #expect(WalletCheck.run(broken.loader(), json: false, now: 0).exitCode == 2)
        let sandbox = ConfigDirectory([
            "10.yaml": moneyAndUpstream + "routes: [{match: GET /a, upstream: legacy, free: true}]\n"
        ])
        let report = WalletCheck.run(sandbox.loader(), json: false, now: 0)
        #expect(report.exitCode == 0 && report.diagnostics.contains("facilitator: self"), "\(report)")
    }
}
