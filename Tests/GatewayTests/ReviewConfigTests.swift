import Ledger
import Testing

@testable import Gateway

/// `review:`, and what a route must be whose requests may have to wait.
@Suite struct ReviewConfigTests {
    static let base = """
        admin: 127.0.0.1:9402
        payments: {t: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}}
        upstreams: {legacy: {url: "http://127.0.0.1:9000"}}
        policies: {proven: {requires: {settled: 1}, otherwise: review}, breaker: {trip: {or_status: [422], over: 5%, of_last: 9}, then: review}}
        routes:
          - {match: "GET /a", upstream: legacy, price: $0.02, policies: [proven]}

        """

    @Test func everyKeyIsRead() throws {
        let review = try revision(Self.base + "review: {per_wallet: 2, total: 50, keep: 3h, body: 1KiB}\n").settings
            .review
        #expect(review.limits == ReviewLimits(perWallet: 2, total: 50, keepSeconds: 10_800))
        #expect(review.bodyBytes == 1024)
        let byDefault = try revision(Self.base).settings.review
        #expect(byDefault.limits == ReviewLimits(perWallet: 3, total: 1000, keepSeconds: 604_800))
        #expect(byDefault.bodyBytes == 65_536)
    }

    static let faults: [(String, String)] = [
        ("review: {per_wallet: 0}\n", "1.yaml:7:22: review.per_wallet: "),
        ("review: {total: 100001}\n", "1.yaml:7:17: review.total: "),
        ("review: {keep: 91d}\n", "1.yaml:7:16: review.keep: "),
        ("review: {keep: 500ms}\n", "1.yaml:7:16: review.keep: "),
        ("review: {body: 17MiB}\n", "1.yaml:7:16: review.body: "),
        ("review: {wallet: 1}\n", "1.yaml:7:10: review.wallet: unknown key"),
        (
            "  - {match: \"GET /b\", upstream: legacy, price: $0.02, policies: [breaker], bind: head}\n",
            "1.yaml:7:82: routes[1].bind: head does not go with the policy \"breaker\""
        ),
        (
            "  - {match: \"GET /b\", upstream: legacy, price: $0.02, policies: [proven], store_answers: off}\n",
            "1.yaml:7:90: routes[1].store_answers: off does not go with the policy \"proven\""
        ),
    ]

    @Test(arguments: faults.indices) func faultsAreNamed(_ row: Int) {
        let (more, text) = Self.faults[row]
        let errors = ConfigDirectory(["1.yaml": Self.base + more]).errors()
        #expect(errors.count == 1 && errors.first?.hasPrefix(text) == true, "\(errors)")
    }

    @Test func nobodyCanDecideWithoutAnAdminListener() throws {
        #expect(try revision(Self.base).warnings.isEmpty)
        let text = Self.base.split(separator: "\n").dropFirst().joined(separator: "\n")
        let warnings = try revision(text).warnings
        #expect(warnings.count == 1 && "\(warnings[0])".contains("admin: is missing: the policy \"proven\""))
    }

    @Test func aChangeIsALine() throws {
        let (before, after) = (try revision(Self.base), try revision(Self.base + "review: {total: 5}\n"))
        #expect(RevisionDiff(from: before, to: after).changes == ["review: changed"])
    }
}
