import Foundation
import Synchronization
import Testing

@testable import Gateway

@Suite struct ConfigReloadTests {
    static func routes(_ price: String, extra: String = "") -> String {
        "routes:\n  - {match: GET /paid, upstream: legacy, price: \(price), max_timeout_seconds: 200}\n\(extra)"
    }

    private static func former(_ revision: Revision, _ method: String, _ path: String, now: Int64) -> [FormerTerms] {
        ExplainedRequest(method: method, host: "", path: Array(path.utf8)).withBytes {
            revision.formerTerms(method: $0, host: $1, path: $2, now: now)
        }
    }

    @Test func formerTermsAreHonouredForTheirWindow() throws {
        let first = try revision(moneyAndUpstream + Self.routes("$0.02"), number: 1, now: 1_000)
        let second = try revision(moneyAndUpstream + Self.routes("$0.03"), number: 2, now: 2_000, former: first)
        let third = try revision(moneyAndUpstream + Self.routes("$0.04"), number: 3, now: 2_100, former: second)

        #expect(Self.former(first, "GET", "/paid", now: 1_000).isEmpty)
        for now in [2_000, 2_200] as [Int64] {
            let terms = Self.former(second, "GET", "/paid", now: now)
            #expect(terms.map(\.terms.priceText) == ["$0.02"])
            #expect(terms.map(\.honouredUntil) == [2_200])
            #expect(terms.map(\.revision) == [1])
        }
        #expect(Self.former(second, "GET", "/paid", now: 2_201).isEmpty)
        #expect(Self.former(third, "GET", "/paid", now: 2_150).map(\.terms.priceText) == ["$0.03", "$0.02"])
        #expect(Self.former(third, "HEAD", "/paid", now: 2_250).map(\.terms.priceText) == ["$0.03"])
        #expect(Self.former(third, "POST", "/paid", now: 2_150).isEmpty)
        #expect(Self.former(third, "GET", "/other", now: 2_150).isEmpty)

        // Over terms are dropped by the next load.
        let fourth = try revision(moneyAndUpstream + Self.routes("$0.05"), number: 4, now: 2_250, former: third)
        #expect(fourth.former.map(\.number) == [3, 2])
    }

    /// A 402 was given by the route that matched then, so its payment counts for what that route took, and for no more.
    @Test func formerTermsFollowTheRouteThatMatchedThen() throws {
        let first = try revision(
            moneyAndUpstream + """
                routes:
                  - {match: "GET /v1/**", upstream: legacy, price: $0.01}
                  - {match: "GET /v1/big", upstream: legacy, price: $9}

                """)
        let second = try revision(
            moneyAndUpstream + """
                routes:
                  - {match: "GET /v1/new", upstream: legacy, price: $5}
                  - {match: "GET /v1/big", upstream: legacy, price: $10}

                """, number: 2, now: 10, former: first)
        #expect(Self.former(second, "GET", "/v1/new", now: 10).map(\.terms.priceText) == ["$0.01"])
        #expect(Self.former(second, "GET", "/v1/big", now: 10).map(\.terms.priceText) == ["$9"])
    }

    @Test func whatCannotChangeLiveStays() throws {
        let before = "listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\nthreads: 2\nledger: a.db\naccess_log: off\ncors: off\n"
        let after = "listen: 127.0.0.1:3\nledger: b.db\naccess_log: stdout\ncors: on\n"
        let first = try revision(before)
        let second = try revision(after, number: 2, former: first)
        #expect(
            second.needsRestart == [
                "listen: 127.0.0.1:3 needs a restart; 127.0.0.1:1 stays",
                "admin: off needs a restart; 127.0.0.1:2 stays",
                "threads: auto needs a restart; 2 stays", "ledger: b.db needs a restart; a.db stays",
                "access_log: stdout needs a restart; off stays",
            ])
        #expect(second.settings.listen.map(\.text) == ["127.0.0.1:1"])
        #expect(second.settings.threads == .count(2))
        #expect(second.settings.ledgerPath == "a.db")
        #expect(second.settings.accessLog == .off)
        #expect(second.settings.cors)
        let diff = RevisionDiff(from: first, to: second)
        #expect(diff.needsRestart.count == 5)
        #expect(diff.changes.contains("cors: off → on"))
    }

    @Test func everyChangeIsALine() throws {
        let first = try revision(
            moneyAndUpstream + """
                limits: {drain: 1s}
                unmatched: free
                routes:
                  - {match: "GET /a", upstream: legacy, price: $0.02}
                  - {match: "GET,POST /b/{id}", upstream: legacy, price: $0.02}
                  - {match: "GET /c", upstream: legacy, free: true}
                  - {match: "GET /d", upstream: legacy, price: $1}
                  - {match: "GET /gone", upstream: legacy, price: $7}
                  - {match: "GET /same", upstream: legacy, price: $0.020}

                """)
        let second = try revision(
            """
            public_url: https://api.example.com
            payments:
              other: {network: avalanche-fuji, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
              test-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x036cbd53842c5426634e7929541ec2318f3dcf7f", facilitator: sandbox}
            upstreams:
              legacy: {url: "http://127.0.0.1:9001", headers: {X-Secret: hush}}
              spare: {url: "http://127.0.0.1:9002"}
            routes:
              - {match: "GET /a", upstream: legacy, price: $0.03, accept: test-usdc}
              - match: "POST,GET /b/*"
                upstream: spare
                price: $0.02
                accept: [test-usdc, other]
                settle: first
                bind: head
                redeliver: rerun
                redeliver_for: 1h
                store_answers: off
                max_timeout_seconds: 60
                description: B
                mime_type: a/b
              - {match: "GET /c", upstream: legacy, price: $5, accept: test-usdc}
              - {match: "GET /d", upstream: legacy, free: true}
              - {match: "GET /new", upstream: legacy, price: $0.5}
              - {match: "GET /same", upstream: legacy, price: $0.02, accept: test-usdc}

            """, number: 2, former: first)
        #expect(
            RevisionDiff(from: first, to: second).changes == [
                "GET /a: price $0.02 → $0.03",
                "POST,GET /b/*: upstream legacy → spare; settle after → first; accept test-usdc → test-usdc, other; "
                    + "max_timeout_seconds 300 → 60; bind body → head; redeliver safe → rerun; redeliver_for 600s → 3600s; "
                    + "store_answers 64KiB → off; description changed; mime_type changed",
                "GET /c: price free → $5", "GET /d: price $1 → free", "GET /new: added, $0.5",
                "GET /gone: removed, was $7",
                "payment other: added",
                "payment test-usdc: pay_to 0x209693Bc6afc0C5328bA36FaF03C514EF312287C → 0x036CbD53842c5426634e7929541EC2318f3dCF7F",
                "upstream legacy: url http://127.0.0.1:9000 → http://127.0.0.1:9001; headers changed",
                "upstream spare: added",
                "public_url: http://127.0.0.1:8402 → https://api.example.com", "unmatched: free, to legacy → deny",
                "limits: changed",
            ])
        #expect(RevisionDiff(from: second, to: second).isEmpty)
    }

    /// Collects what the watcher says; a test waits for the n-th event, however long the machine takes.
    final class Events: Sendable {
        private let events = Mutex<[ConfigWatcher.Event]>([])
        private let arrived = DispatchSemaphore(value: 0)

        func add(_ event: ConfigWatcher.Event) {
            events.withLock { $0.append(event) }
            arrived.signal()
        }

        /// The next event; nil after half a minute without one.
        func next() -> ConfigWatcher.Event? {
            guard arrived.wait(timeout: .now() + 30) == .success else { return nil }
            return events.withLock { $0.removeFirst() }
        }

        var isEmpty: Bool { events.withLock { $0.isEmpty } }
    }

    private static func price(_ event: ConfigWatcher.Event?) -> String? {
        guard case .reloaded(let revision, _)? = event else { return nil }
        return revision.routes.first?.terms?.priceText
    }

    @Test func editsAreTakenUpAndBrokenOnesAreNot() throws {
        let directory = ConfigDirectory(["10.yaml": moneyAndUpstream, "30.yaml": Self.routes("$0.02")])
        let loader = directory.loader(.run)
        let events = Events()
        let clock: @Sendable () -> Int64 = { 500 }
        let first = try loader.load(now: 0).get()
        let watcher = ConfigWatcher(loader: loader, current: first, now: clock) { events.add($0) }
        #expect(watcher.start() == nil)
        defer { watcher.stop() }

        directory.write("30.yaml", Self.routes("$0.03"))
        guard case .reloaded(let second, let diff)? = events.next() else { return #expect(Bool(false)) }
        #expect(diff.changes == ["GET /paid: price $0.02 → $0.03"])
        #expect(second.number == 2)
        #expect(second.former.map(\.number) == [1])
        #expect(second.loadedAt == 500)

        // All or nothing: a good file beside a broken one changes nothing.
        directory.write("20.yaml", "routes: [{match: GET /more, upstream: legacy, free: true}]\nlimits: {drian: 1s}\n")
        guard case .failed(let errors)? = events.next() else { return #expect(Bool(false)) }
        #expect(
            errors.problems.map { directory.strip($0.description) } == [
                "20.yaml:2:10: limits.drian: unknown key; did you mean \"drain\"?"
            ])

        directory.remove("20.yaml")
        guard case .reloaded(let third, let none)? = events.next() else { return #expect(Bool(false)) }
        #expect(third.number == 3)
        #expect(none.isEmpty)

        // The same bytes again are no edit; SIGHUP loads them all the same.
        directory.write("30.yaml", Self.routes("$0.03"))
        watcher.requestReload()
        guard case .reloaded(let fourth, _)? = events.next() else { return #expect(Bool(false)) }
        #expect(fourth.number == 4)

        directory.write("30.yaml", Self.routes("$0.04"))
        #expect(Self.price(events.next()) == "$0.04")
        #expect(events.isEmpty)
    }

    @Test func aDirectoryPutInItsPlaceIsFollowed() throws {
        let parent = ConfigDirectory()
        let path = "\(parent.path)/conf.d"
        func make(_ name: String, _ price: String) throws {
            try FileManager.default.createDirectory(
                atPath: "\(parent.path)/\(name)", withIntermediateDirectories: false)
            try (moneyAndUpstream + Self.routes(price)).write(
                toFile: "\(parent.path)/\(name)/1.yaml", atomically: true, encoding: .utf8)
        }
        try make("one", "$0.01")
        try make("two", "$0.02")
        symlink("one", path)
        let loader = ConfigLoader(directory: path, purpose: .run)
        let events = Events()
        let watcher = ConfigWatcher(loader: loader, current: try loader.load(now: 0).get()) { events.add($0) }
        #expect(watcher.start() == nil)
        defer { watcher.stop() }
        symlink("two", path + ".new")
        #expect(rename(path + ".new", path) == 0)
        #expect(Self.price(events.next()) == "$0.02")
        try (moneyAndUpstream + Self.routes("$0.03")).write(
            toFile: "\(parent.path)/two/1.yaml", atomically: true, encoding: .utf8)
        #expect(Self.price(events.next()) == "$0.03")
    }

    @Test func whatChangedBeforeTheWatchIsTakenUp() throws {
        let directory = ConfigDirectory(["10.yaml": moneyAndUpstream + Self.routes("$0.02")])
        let loader = directory.loader(.run)
        let first = try loader.load(now: 0).get()
        directory.write("10.yaml", moneyAndUpstream + Self.routes("$0.06"))
        let events = Events()
        let watcher = ConfigWatcher(loader: loader, current: first) { events.add($0) }
        #expect(watcher.start() == nil)
        #expect(Self.price(events.next()) == "$0.06")
        watcher.stop()
    }

    @Test func theSameFilesAreReportedOnce() throws {
        let directory = ConfigDirectory(["10.yaml": moneyAndUpstream + Self.routes("$0.02")])
        let loader = directory.loader(.run)
        let count = Mutex(0)
        let watcher = ConfigWatcher(loader: loader, current: try loader.load(now: 0).get()) { _ in
            count.withLock { $0 += 1 }
        }
        func events(_ isForced: Bool) -> Int {
            watcher.reload(isForced: isForced)
            return count.withLock { $0 }
        }
        #expect(events(false) == 0)
        directory.write("20.yaml", "lisen: x\n")
        #expect(events(false) == 1)
        #expect(events(false) == 1)
        #expect(events(true) == 2)
        directory.remove("20.yaml")
        #expect(events(false) == 3)
        #expect(events(false) == 3)
    }
}
