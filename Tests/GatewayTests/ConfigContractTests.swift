import Foundation
import Testing

@testable import Gateway

@Suite struct ConfigContractTests {
    /// The set in the repository, which README and demo use too.
    static let shipped: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent("gateway.conf.d").path
    }()

    @Test func theShippedSetLoads() throws {
        let revision = try ConfigLoader(directory: Self.shipped, purpose: .run).load(now: 7).get()
        let settings = revision.settings
        #expect(settings.listen.map(\.text) == ["127.0.0.1:8402"])
        #expect(settings.admin?.text == "127.0.0.1:9402")
        #expect(settings.publicURL == "http://127.0.0.1:8402")
        #expect(settings.threads == .auto)
        #expect(settings.ledgerPath == "./farebox.db")
        #expect(settings.accessLog == .stderr)
        #expect(settings.unmatched == .deny)
        #expect(settings.cors)
        #expect(LeaseKeys.strictest(revision.policies.map(\.lease)) == LeasePolicy())
        #expect(revision.customers.isEmpty)
        #expect(settings.limits == Limits())
        #expect(revision.payments.map(\.network) == ["eip155:84532"])
        #expect(revision.upstreams.map(\.url.authority) == ["127.0.0.1:9000"])
        #expect(revision.routes.map(\.matchText) == ["GET /v1/status", "GET /v1/reports/*", "POST /v1/emails"])
        #expect(revision.warnings.isEmpty)
        #expect(revision.loadedAt == 7)

        let reports = try #require(revision.routes[1].terms)
        #expect(reports.order == .after)
        #expect(reports.bind == .body)
        #expect(reports.redeliver == .safe)
        #expect(reports.maxTimeoutSeconds == 300)
        #expect(reports.neededSeconds == 126)
        #expect(reports.priceText == "$0.02")
        #expect(reports.description == "One report")
        #expect(reports.mimeType == "application/json")
        let offer = try #require(reports.offers.first)
        #expect(offer.amountAtomic == 20_000)
        #expect(offer.asset.checksummed == "0x036CbD53842c5426634e7929541eC2318f3dCF7e")
        #expect(offer.domainName == "USDC" && offer.domainVersion == "2")
        #expect(offer.networkV1Name == "base-sepolia")
        #expect(!offer.settlesFirst)

        let emails = try #require(revision.routes[2].terms)
        #expect(emails.order == .first)
        #expect(emails.redeliver == .never)
        #expect(emails.neededSeconds == 6)
        #expect(emails.offers[0].settlesFirst)
        #expect(emails.offers[0].amountAtomic == 50_000)
    }

    @Test func filesMergeInNameOrder() throws {
        let directory = ConfigDirectory([
            "10-a.yaml":
                "routes:\n  - {match: /a, upstream: legacy, free: true}\nupstreams:\n  legacy: {url: \"http://[::1]:9000/base/\"}\n",
            "20-b.yaml":
                "routes:\n  - {match: /b, upstream: other, free: true}\nupstreams:\n  other: {url: https://Example.com}\n",
            "30-empty.yaml": "# nothing yet\nroutes:\npayments:\n",
            "40-nothing.yaml": "",
            ".hidden.yaml": "nonsense: true\n",
            "notes.txt": "not read",
        ])
        let revision = try directory.loader().load(now: 0).get()
        #expect(revision.routes.map(\.matchText) == ["/a", "/b"])
        #expect(revision.upstreams.map(\.name) == ["legacy", "other"])
        let urls = revision.upstreams.map(\.url)
        #expect(urls.map(\.host) == ["::1", "example.com"])
        #expect(urls.map(\.port) == [9000, 443])
        #expect(urls.map(\.authority) == ["[::1]:9000", "example.com"])
        #expect(urls.map(\.basePath) == ["/base", ""])
        #expect(urls.map(\.isTLS) == [false, true])
    }

    @Test func everySettingIsRead() throws {
        let yaml = """
            listen: ["127.0.0.1:1", "[::1]:2", "localhost:3"]
            public_url: https://API.example.com:443/
            threads: 3
            access_log: /var/log/farebox.log
            unmatched: {free: other}
            cors: off
            ready_requires: [a]
            limits:
              head_bytes: 16KiB
              head_fields: 50
              target_bytes: 4096
              body_bytes: off
              max_priced_body: 2MiB
              mcp_body: 3MiB
              priced_body_memory: 10kB
              held_answer: 1GiB
              held_answer_memory: 1MB
              connections: 5
              head_timeout: 250ms
              body_timeout: 2m
              body_rate: 1KiB
              keep_alive: 1h
              drain: 5s
              upstream_keep_alive: 7
            timeouts: {connect: 1s, first_byte: 2s, idle: 3s, total: 4s}
            policies:
              default: {in_flight_per_wallet: 3, lease_wait: 0s, lease_queue: 0}
            payments:
              a:
                network: eip155:31337
                asset: {address: "0x036cbd53842c5426634e7929541ec2318f3dcf7e", name: Play Dollar, version: 1, decimals: 2}
                pay_to: 0x209693bc6afc0c5328ba36faf03c514ef312287c
                facilitator: sandbox
            upstreams:
              legacy: {url: "http://127.0.0.1:9000", timeouts: {idle: 9s}, keep_alive: 0, host: preserve}
              other: {url: "http://127.0.0.1:9001", host: api.internal, headers: {X-Team: a b, Authorization: {env: KEY}}}
            routes:
              - {match: "GET,POST Api.Example.com/x/{id}", upstream: other, price: $1.50, max_timeout_seconds: 60, redeliver_for: 2h, store_answers: 1MiB}
            """
        let directory = ConfigDirectory(["1.yaml": yaml])
        let revision = try directory.loader(.run, environment: ["KEY": "Bearer s3cret"]).load(now: 0).get()
        let settings = revision.settings
        #expect(settings.listen.map(\.text) == ["127.0.0.1:1", "[::1]:2", "127.0.0.1:3"])
        #expect(settings.admin == nil)
        #expect(settings.publicURL == "https://api.example.com")
        #expect(settings.threads == .count(3))
        #expect(settings.ledgerPath == "./farebox.db")
        #expect(settings.accessLog == .file("/var/log/farebox.log"))
        #expect(settings.unmatched == .free(upstream: 1))
        #expect(!settings.cors)
        #expect(settings.readyRequires == ["a"])
        var limits = Limits()
        limits.headBytes = 16_384
        limits.headFields = 50
        limits.targetBytes = 4_096
        limits.bodyBytes = nil
        limits.maxPricedBodyBytes = 2_097_152
        limits.mcpBodyBytes = 3_145_728
        limits.pricedBodyMemoryBytes = 10_000
        limits.heldAnswerBytes = 1_073_741_824
        limits.heldAnswerMemoryBytes = 1_000_000
        limits.connections = 5
        limits.headTimeoutMilliseconds = 250
        limits.bodyTimeoutMilliseconds = 120_000
        limits.bodyBytesPerSecond = 1_024
        limits.keepAliveMilliseconds = 3_600_000
        limits.drainMilliseconds = 5_000
        limits.upstreamKeepAliveConnections = 7
        #expect(settings.limits == limits)
        let shared = UpstreamTimeouts(
            connectMilliseconds: 1_000, firstByteMilliseconds: 2_000, idleMilliseconds: 3_000, totalMilliseconds: 4_000)
        #expect(settings.timeouts == shared)
        #expect(
            LeaseKeys.strictest(revision.policies.map(\.lease))
                == LeasePolicy(inFlightAfter: 3, inFlightFirst: 3, leaseWaitMilliseconds: 0, leaseQueue: 0))
        #expect(revision.upstreams[0].timeouts.idleMilliseconds == 9_000)
        #expect(revision.upstreams[0].timeouts.totalMilliseconds == 4_000)
        #expect(revision.upstreams.map(\.keepAliveConnections) == [0, 7])
        #expect(revision.upstreams.map(\.host) == [.preserve, .name("api.internal")])
        #expect(revision.upstreams[1].headers.map(\.name) == ["X-Team", "Authorization"])
        #expect(revision.upstreams[1].headers.map(\.value) == [Array("a b".utf8), Array("Bearer s3cret".utf8)])
        let offer = try #require(revision.routes[0].terms?.offers.first)
        #expect(offer.amountAtomic == 150)
        #expect(offer.networkV1Name == "eip155:31337")
        #expect(offer.domainVersion == "1")
        #expect(revision.routes[0].terms?.neededSeconds == 10)
        #expect(revision.routes[0].terms?.redeliverForSeconds == 7_200)
        #expect(revision.routes[0].terms?.storeAnswersBytes == 1_048_576)
        #expect(revision.routes[0].pattern.host == "api.example.com")
    }

    @Test func secretsAreNeverPrinted() throws {
        let header = UpstreamHeader(name: "Authorization", source: .literal, value: Array("s3cret".utf8))
        #expect(!"\(header)".contains("s3cret"))
        #expect(!String(reflecting: header).contains("115"))
    }

    @Test func unmatchedFreeNeedsNoNameWhereThereIsOneUpstream() throws {
        let one = try revision("unmatched: free\nupstreams: {legacy: {url: \"http://127.0.0.1:9000\"}}\n")
        #expect(one.settings.unmatched == .free(upstream: 0))
    }

    @Test func publicURLFollowsALoopbackListener() throws {
        let route = "routes: [{match: /x, upstream: legacy, price: $1}]\n"
        #expect(try revision(moneyAndUpstream + route).settings.publicURL == "http://127.0.0.1:8402")
        #expect(try revision(moneyAndUpstream + route + "listen: \"[::1]:9\"\n").settings.publicURL == "http://[::1]:9")
    }
}
