import Bytes
import Testing

@testable import Gateway

/// A revision with two priced patterns at different prices.
private func priced(_ first: String = "$0.02", number: Int = 1) throws -> PreparedRevision {
    let text = """
        payments:
          test-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
        upstreams:
          api: {url: "http://127.0.0.1:9"}
        routes:
          - {match: GET /a/*, upstream: api, price: \(first)}
          - {match: GET /b/*, upstream: api, price: $0.07}

        """
    return PreparedRevision(try revision(text, number: number))
}

@Suite struct ChallengeMemoryTests {
    private func text(
        _ memory: ChallengeMemory, _ prepared: PreparedRevision, _ route: Int, _ target: String, code: String? = nil,
        withBody: Bool = true
    ) -> String {
        var out = ByteBuffer()
        Array(target.utf8).withUnsafeBytes {
            memory.append(
                prepared.revision.routes[route], of: prepared, target: $0, code: code, withBody: withBody, to: &out)
        }
        return out.text
    }

    /// What is remembered is what would be rendered: of targets that share slots, of two routes, revisions, and lengths.
    @Test func saysWhatAFreshOneSays() throws {
        let revisions = [try priced(), try priced("$0.03", number: 2)]
        let targets = (0..<300).map { "/a/\($0)" } + ["/a/" + String(repeating: "x", count: 400), "/a/1?q=2"]
        let memory = ChallengeMemory()
        for _ in 0..<2 {
            for target in targets {
                for (prepared, route) in [(revisions[0], 0), (revisions[1], 0), (revisions[0], 1)] {
                    let fresh = text(ChallengeMemory(), prepared, route, target)
                    #expect(text(memory, prepared, route, target) == fresh)
                    #expect(text(memory, prepared, route, target) == fresh)
                    #expect(fresh.contains(target))
                }
            }
        }
    }

    @Test func codesAreNotRemembered() throws {
        let prepared = try priced()
        let memory = ChallengeMemory()
        let unpaid = text(memory, prepared, 0, "/a/1")
        let refused = text(memory, prepared, 0, "/a/1", code: "invalid_payload")
        #expect(refused.contains("invalid_payload") && !unpaid.contains("invalid_payload"))
        #expect(text(memory, prepared, 0, "/a/1") == unpaid)
    }

    @Test func headHasTheFieldsAlone() throws {
        let prepared = try priced()
        let memory = ChallengeMemory()
        let whole = text(memory, prepared, 0, "/a/1")
        let fields = text(memory, prepared, 0, "/a/1", withBody: false)
        #expect(fields.hasSuffix("\r\n\r\n") && whole.hasPrefix(fields) && whole.utf8.count > fields.utf8.count)
    }
}

@Suite struct KeptRevisionsTests {
    @Test func holdsWhatALoopStillHasAndFreesTheRest() throws {
        var used: PreparedRevision? = try priced()
        weak let first = used
        let kept = KeptRevisions(try #require(used))
        kept.add(try priced(number: 2))
        kept.add(try priced(number: 3))
        #expect(first != nil && kept.count == 2)
        used = nil
        #expect(first != nil)
        kept.add(try priced(number: 4))
        #expect(first == nil && kept.count == 1)
    }
}
