import Bytes
import Ledger
import Testing

@testable import Gateway

@Suite struct ConfigDoorsTests {
    static let hash = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"
    static let yaml =
        moneyAndUpstream + """
            admin: 127.0.0.1:9402
            policies:
              default:
                in_flight_per_wallet: {after: 2}
                lease_wait: 5s
                per_wallet: {rate: 60/min, spend: $5/day}
                per_address: {unpaid: 120/min, free: 600/30s}
                everyone: {rate: 9/h, spend: $500.25/7d}
                deny: ["0x209693Bc6afc0C5328bA36FaF03C514EF312287C"]
              proven:
                requires: {settled: 5, age: 24h, spent: $1, failed_ratio: 10%}
                otherwise: review
                lease_wait: 1s
              breaker:
                trip: {header: "X-Bounced: 1", or_status: [422, 500-599], over: 5%, of_last: 200}
                then: deny
                for: 45m
            customers:
              acme: {api_key_sha256: \(hash), header: X-Key, rate: 600/min}
              beta: {api_key_sha256: [\(hash.uppercased())]}
            routes:
              - {match: POST /e, upstream: legacy, price: $0.05, settle: first, policies: [default, proven, breaker], customers: [acme, beta]}
              - match: GET /s
                upstream: legacy
                price: $0.01
                free_quota: {per_wallet_or_address: 10/day}
                charge_when: {status: [200, 203-204], json: {/ok: true, /n/0: -3}}
              - {match: GET /f, upstream: legacy, free: true}
              - {match: GET /g, upstream: legacy, free: true, policies: breaker}

            """

    @Test func everythingIsRead() throws {
        let revision = try revision(Self.yaml)
        let policies = revision.policies
        #expect(policies.map(\.name) == ["default", "proven", "breaker"])
        let dollar = Attodollars.dollar
        #expect(
            policies[0].bounds
                == BoundPolicy(
                    name: "default", walletRate: RateBound(count: 60, windowSeconds: 60),
                    walletSpend: SpendBound(attodollars: 5 * dollar, windowSeconds: 86_400),
                    everyoneRate: RateBound(count: 9, windowSeconds: 3_600),
                    everyoneSpend: SpendBound(attodollars: 500 * dollar + dollar / 4, windowSeconds: 7 * 86_400)))
        #expect(policies[0].unpaidPerAddress == RateBound(count: 120, windowSeconds: 60))
        #expect(policies[0].freePerAddress == RateBound(count: 600, windowSeconds: 30))
        #expect(policies[0].deny == [revision.payments[0].payTo.bytes])
        #expect(policies[0].proven == nil && policies[0].breaker == nil)
        #expect(
            policies[1].proven
                == ProvenRequirement(
                    name: "proven", settled: 5, ageSeconds: 86_400, spentAttodollars: dollar, failedPercent: 10))
        #expect(policies[1].otherwise == .review && policies[1].bounds == BoundPolicy(name: "proven"))
        #expect(
            policies[2].breaker
                == BreakerSettings(
                    header: AnswerField(name: "X-Bounced", value: "1"), statuses: StatusSet([422...422, 500...599]),
                    overPercent: 5, ofLast: 200, then: .deny, forSeconds: 2_700))
        let hash = try #require(Hex.decode(Self.hash).flatMap { Bytes32($0) })
        #expect(revision.customers.map(\.name) == ["acme", "beta"])
        #expect(revision.customers.map(\.header) == ["X-Key", "X-Api-Key"])
        #expect(revision.customers.map(\.rate) == [RateBound(count: 600, windowSeconds: 60), nil])
        #expect(revision.customers.map(\.keyHashes) == [[hash], [hash]])
        let doors = revision.routes.map(\.doors)
        #expect(doors.map(\.policies) == [[0, 1, 2], [0], [0], [2]])
        #expect(doors.map(\.customers) == [[0, 1], [], [], []])
        #expect(doors.map(\.freeQuota) == [nil, RateBound(count: 10, windowSeconds: 86_400), nil, nil])
        let charge = try #require(revision.routes[1].terms?.chargeWhen)
        #expect(charge.statuses == StatusSet([200...200, 203...204]))
        #expect(charge.json.map(\.pointer) == ["/ok", "/n/0"])
        #expect(charge.json.map(\.expected) == [.bool(true), .number("-3")])
        #expect(revision.routes[0].terms?.chargeWhen == nil)
        #expect(revision.warnings.isEmpty)
    }

    /// A route without `policies` has the default one only where there is one; several hold together.
    @Test func whatRoutesGet() throws {
        let revision = try revision(Self.yaml)
        let prepared = PreparedRevision(revision)
        let email = prepared.doors[revision.routes[0]]
        #expect(
            email.lists.lease
                == LeasePolicy(inFlightAfter: 2, inFlightFirst: 16, leaseWaitMilliseconds: 1_000, leaseQueue: 64))
        #expect(email.lists.bounds.map(\.name) == ["default", "proven", "breaker"])
        #expect(email.lists.proven?.otherwise == .review && email.breaker?.policy == "breaker")
        #expect(email.customers.map(\.settings.name) == ["acme", "beta"])
        #expect(prepared.doors[revision.routes[3]].breaker == nil, "a free route has no paid answers")
        #expect(prepared.doors.unmatched.lists.free.map(\.policy) == ["default"])
        let bare = try Self.withoutPolicies()
        #expect(bare.routes[0].doors == RouteDoors())
        #expect(PreparedRevision(bare).doors[bare.routes[0]].lists.lease == LeasePolicy())
    }

    private static func withoutPolicies() throws -> Revision {
        try revision(moneyAndUpstream + "routes: [{match: GET /x, upstream: legacy, price: $1}]\n")
    }

    @Test func reloadsKeepCountsAndBreakers() throws {
        let live = LiveBounds()
        func prepared(_ yaml: String) throws -> (doors: PreparedDoors, other: PreparedDoors) {
            let revision = try revision(yaml)
            let doors = PreparedRevision(revision, live: live).doors
            return (doors[revision.routes[0]], doors[revision.routes[1]])
        }
        let first = try prepared(Self.yaml)
        let same = try prepared(Self.yaml.replacing("unpaid: 120/min", with: "unpaid: 7/min"))
        #expect(same.doors.lists.unpaid[0].scope == first.doors.lists.unpaid[0].scope)
        #expect(same.doors.breaker?.breaker === first.doors.breaker?.breaker)
        #expect(same.other.quota?.scope == first.other.quota?.scope)
        let other = try prepared(
            Self.yaml.replacing("unpaid: 120/min", with: "unpaid: 120/h").replacing("of_last: 200", with: "of_last: 20")
        )
        #expect(other.doors.lists.unpaid[0].scope != first.doors.lists.unpaid[0].scope)
        #expect(other.doors.breaker?.breaker !== first.doors.breaker?.breaker)
        let scopes = first.doors.lists.unpaid + first.doors.lists.free + [first.other.quota!]
        #expect(Set(scopes.flatMap { [$0.scope, $0.paymentScope] }).count == 6)
    }

    @Test func changesAreLines() throws {
        let first = try revision(Self.yaml)
        let second = try revision(
            Self.yaml.replacing("rate: 60/min, spend: $5/day", with: "rate: 61/min")
                .replacing(
                    "deny: [\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\"]",
                    with: "deny: \"0x036CbD53842c5426634e7929541eC2318f3dCF7e\""
                )
                .replacing("settled: 5", with: "settled: 6").replacing("of_last: 200", with: "of_last: 9")
                .replacing("header: X-Key, rate: 600/min", with: "header: X-Other, rate: 5/s")
                .replacing("10/day", with: "11/day").replacing("/ok: true", with: "/ok: false")
                .replacing("policies: [default, proven, breaker], customers: [acme, beta]", with: "policies: [proven]"),
            number: 2, former: first)
        #expect(
            RevisionDiff(from: first, to: second).changes == [
                "POST /e: policies default, proven, breaker → proven; customers acme, beta → none",
                "GET /s: free_quota 10/day → 11/day; charge_when changed",
                "policy default: per_wallet.rate 60/min → 61/min; per_wallet.spend $5/day → none; deny changed",
                "policy proven: requires changed", "policy breaker: trip changed",
                "customer acme: header X-Key → X-Other; rate 600/min → 5/s",
            ])
    }

    @Test func checkAndExplainShowThem() throws {
        let revision = try revision(Self.yaml)
        let table = CheckTable.text(revision)
        for line in [
            "default  each wallet 60/min, $5/day; each address 120/min unpaid, 600/30s free; everyone 9/h, $500.25/7d; 1 denied; in flight 2 after",
            "proven   unproven wallets: review (5 settled, age 1d, $1 spent, at most 10% failed)",
            "breaker  over 5% of 200 answers with X-Bounced: 1 or 422, 500-599: deny for 45m",
            "acme      X-Key      600/min", "beta      X-Api-Key  any",
        ] { #expect(table.contains(line), "\(line)\n\(table)") }
        let request = try ExplainedRequest.parse(method: "GET", url: "/s").get()
        let text = Explanation(request, revision).text
        #expect(text.contains("10/day for each address, and for each wallet"))
        #expect(text.contains("when the status is 200, 203-204, /ok is true, /n/0 is -3"))
        let email = Explanation(try ExplainedRequest.parse(method: "POST", url: "/e").get(), revision).text
        #expect(email.contains("acme: passes unpaid by X-Key, 600/min"))
    }
}
