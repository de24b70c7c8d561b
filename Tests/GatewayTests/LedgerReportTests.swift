import Bytes
import Foundation
import Testing

@testable import Gateway
@testable import Ledger

@Suite struct LedgerReportTests {
    static func claim(
        _ state: ClaimState, chain: String = "eip155:84532", asset: String = "036cbd53842c5426634e7929541ec2318f3dcf7e",
        request: String = "GET /v1/reports/7", transaction: String? = nil, reason: String? = nil
    ) -> ClaimRecord {
        ClaimRecord(
            id: ClaimID(row: 7, ledger: 0xA1),
            key: ClaimKey(
                chain: chain, asset: Bytes20(Hex.decode(asset)!)!,
                payer: Bytes20(Hex.decode("7e5f4552091a69125d5dfcb7b8c2659029395bdf")!)!, nonce: .zero),
            binding: .zero, bind: .body,
            machine: ClaimMachine(state: state, order: .after, isPaid: transaction != nil)!,
            facilitator: .sandbox, amountAtomic: 20_000, assetDecimals: 6,
            payTo: Bytes20(Hex.decode("209693bc6afc0c5328ba36faf03c514ef312287c")!)!, route: "GET /v1/reports/*",
            revision: 3, request: request, validBefore: .max, createdAt: 1_795_224_932, updatedAt: 1_795_224_933,
            countedAt: 1_795_224_932,
            owedAt: state == .owed ? 1_795_224_933 : nil, attempts: 1, reruns: 0, requestBytesWritten: true,
            transaction: transaction, reason: reason)
    }

    @Test func aTable() {
        let table = LedgerReport.table([
            LedgerEntry(Self.claim(.delivered, transaction: "sandbox-1")),
            LedgerEntry(
                Self.claim(.void, chain: "eip155:77", request: "GET /a\u{1b}[2J", reason: "upstream_timeout")),
        ])
        #expect(
            table == """
                TIME                  STATE      ORDER  PRICE         NETWORK       PAYER                                       REQUEST            TRANSACTION       CLAIM
                2026-11-21T01:35:33Z  delivered  after  $0.02         base-sepolia  0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf  GET /v1/reports/7  sandbox-1         fb_000000a1_7
                2026-11-21T01:35:33Z  void       after  20000 atomic  eip155:77     0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf  GET /a\\u001b[2J    upstream_timeout  fb_000000a1_7

                """)
        #expect(LedgerReport.table([]) == "")
    }

    /// A claim of the chain's, sent twice, settled, and taken back.
    static func onChain() -> LedgerEntry {
        var claim = claim(.delivered, transaction: "0xab")
        claim.facilitator = .chain
        claim.isWatched = true
        claim.evidenceBlock = 105
        claim.reorganizedAt = 1_795_224_935
        let sent = SentTransaction(
            hash: .zero, relayer: claim.payTo, nonce: 7, to: claim.key.asset, call: [1], gasLimit: 120_000,
            maxFeeWei: 2_500_000_000, priorityFeeWei: 1, raw: [2], headBlock: 100)
        var replacement = sent
        replacement.maxFeeWei = 3_000_000_000_000
        replacement.priorityFeeWei = 100_000_000
        return LedgerEntry(
            claim,
            transactions: [
                RecordedTransaction(transaction: sent, number: 0, recordedAt: 1_795_224_932),
                RecordedTransaction(transaction: replacement, number: 1, recordedAt: 1_795_224_933),
            ])
    }

    @Test func whatIsKnownFromTheChain() throws {
        let zero = "0x" + String(repeating: "0", count: 64)
        let lines = LedgerReport.table([Self.onChain(), LedgerEntry(Self.claim(.void, reason: "x"))])
            .split(separator: "\n").map(String.init)
        #expect(lines.count == 7)
        #expect(
            Array(lines[2...5]) == [
                "    sent 2026-11-21T01:35:32Z by \(zero): nonce 7 of 0x209693Bc6afc0C5328bA36FaF03C514EF312287C, "
                    + "at most 2.5 gwei, tip 0.000000001, gas limit 120000, after block 100",
                "    replaced 2026-11-21T01:35:33Z by \(zero): nonce 7 of 0x209693Bc6afc0C5328bA36FaF03C514EF312287C, "
                    + "at most 3000 gwei, tip 0.1, gas limit 120000, after block 100",
                "    settled in block 105, which is not final yet", "    taken back by the chain 2026-11-21T01:35:35Z",
            ])
        let json = LedgerReport.lines([Self.onChain()])
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["facilitator"] as? String == "self" && object["watched"] as? Bool == true)
        #expect(object["block"] as? Int == 105 && object["reorganized"] as? String == "2026-11-21T01:35:35Z")
        let transactions = try #require(object["transactions"] as? [[String: String]])
        #expect(
            transactions.first == [
                "hash": zero, "relayer": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "nonce": "7",
                "to": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "gas_limit": "120000", "max_fee_wei": "2500000000",
                "priority_fee_wei": "1", "after_block": "100", "recorded": "2026-11-21T01:35:32Z",
            ])
        #expect(transactions.count == 2)
    }

    @Test func linesOfJSON() throws {
        let text = LedgerReport.lines([
            LedgerEntry(Self.claim(.owed, transaction: "sandbox-1")), LedgerEntry(Self.claim(.void, reason: "x")),
        ])
        let lines = text.split(separator: "\n")
        #expect(lines.count == 2 && text.hasSuffix("\n"))
        #expect(
            lines.first.map(String.init)
                == #"{"id":"fb_000000a1_7","state":"owed","order":"after","bind":"body","amount":"20000","#
                + #""network":"eip155:84532","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","#
                + #""payer":"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf","nonce":"0x"#
                + String(repeating: "0", count: 64)
                + #"","pay_to":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","facilitator":"sandbox","#
                + #""route":"GET /v1/reports/*","revision":3,"request":"GET /v1/reports/7","#
                + #""valid_before":"2262-04-11T23:47:15Z","created":"2026-11-21T01:35:32Z","updated":"2026-11-21T01:35:33Z","#
                + #""owed_since":"2026-11-21T01:35:33Z","attempts":1,"reruns":0,"transaction":"sandbox-1"}"#)
        for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        #expect(LedgerReport.lines([]) == "")
    }
}
