import Bytes
import Chains
import Testing

@testable import Gateway
@testable import Ledger

@Suite struct WalletReportTests {
    static let payer = Address(Bytes20(Hex.decode("7e5f4552091a69125d5dfcb7b8c2659029395bdf")!)!)

    static func policy(_ name: String, denies: Bool = false) -> PolicySettings {
        PolicySettings(
            name: name, lease: LeaseKeys(), bounds: BoundPolicy(name: name), deny: denies ? [payer.bytes] : [],
            otherwise: .deny, place: ConfigPlace(file: "a.yaml", line: 1, column: 1))
    }

    static var standing: WalletStanding {
        var history = WalletHistory()
        history.add(isPaid: true, attodollars: Attodollars.dollar * 5 / 4, second: 1_795_224_932)
        history.add(isPaid: false, attodollars: 1, second: 1_795_224_933)
        return WalletStanding(
            wallet: Wallet(chain: "eip155:84532", payer: payer.bytes), isPlay: false, history: history,
            claims: [.failed: 1, .delivered: 1],
            bounds: [
                BoundStanding(
                    code: .walletRate, policy: "default", windowSeconds: 60, limitText: "60", usedText: "1",
                    leftText: "59"),
                BoundStanding(
                    code: .everyoneSpend, policy: "default", windowSeconds: 86_400, limitText: "$500.00",
                    usedText: "$1.25", leftText: "$498.75"),
            ],
            proven: [
                ProvenStanding(policy: "proven", missing: "4 more settled payments"),
                ProvenStanding(policy: "easy", missing: nil),
            ])
    }

    @Test func forPeople() {
        var report = WalletReport(
            payer: Self.payer, policies: [Self.policy("default"), Self.policy("bad", denies: true)])
        report.standings = [Self.standing]
        #expect(
            report.text == """
                DENIED by the policy bad
                0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf on base-sepolia
                  settled  1, $1.25, the first 2026-11-21T01:35:32Z; failed 1
                  claims   1 delivered, 1 failed
                  proven: not proven, needs 4 more settled payments
                  easy: proven
                  default: per_wallet rate 60 in 1m: 1 used, 59 left
                  default: everyone spend $500.00 in 1d: $1.25 used, $498.75 left

                """)
        #expect(
            WalletReport(payer: Self.payer, policies: []).text
                == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf has no claim in this ledger\n")
    }

    @Test func forPrograms() {
        var report = WalletReport(payer: Self.payer, policies: [Self.policy("bad", denies: true)])
        report.standings = [Self.standing]
        #expect(
            report.json == #"{"payer":"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf","denied_by":["bad"],"networks":["#
                + #"{"network":"eip155:84532","play_money":false,"settled":1,"failed":1,"spent":"1.25","#
                + #""first_settled":"2026-11-21T01:35:32Z","#
                + #""states":[{"state":"delivered","claims":1},{"state":"failed","claims":1}],"#
                + #""proven":[{"policy":"proven","is_proven":false,"missing":"4 more settled payments"},"#
                + #"{"policy":"easy","is_proven":true}],"#
                + #""bounds":[{"policy":"default","bound":"wallet_rate","window_seconds":60,"limit":"60","used":"1","#
                + #""left":"59"},{"policy":"default","bound":"everyone_spend","window_seconds":86400,"limit":"500.00","#
                + #""used":"1.25","left":"498.75"}]}],"claims":[]}"# + "\n")
    }
}
