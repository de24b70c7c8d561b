import Bytes
import Testing

@testable import Ledger

/// What evidence does to a claim in every state: told at any time, in any order, any number of times.
@Suite struct EvidenceTests {
    static func record(_ column: String, _ order: SettleOrder) throws -> ClaimRecord {
        var claim = ClaimRecord(Pay.admission(order: order, facilitator: .chain), ledger: 1, now: Pay.now)
        claim.machine = try #require(ClaimMachineTests.machine(column, order))
        claim.transaction =
            ["claimed", "running", "answered"].contains(column) && !claim.machine.isPaid ? nil : "0xold"
        if claim.machine.isPaid { claim.evidenceBlock = 40 }
        claim.isWatched = ["sent", "failed", "unknown"].contains(column) || claim.machine.isPaid
        return claim
    }

    static let evidence: [String: Evidence] = [
        "settled": .settled(transaction: "0xnew", block: 50), "refused": .refused(code: "reverted"),
        "unknown": .unknown(transaction: "0xnew"), "reorganized": .reorganized, "final": .final,
    ]

    /// `column>state transaction@block flags`, w: watched, r: taken back; what is not listed does not fit.
    static let after: [String: String] = [
        "settled":
            "running>settled 0xnew@50 w|answered>settled 0xnew@50 w|sent>settled 0xnew@50 w|rerun>running 0xold@40 w|"
            + "settled>settled 0xold@40 w|delivered>delivered 0xold@40 w|owed>owed 0xold@40 w|void>owed 0xnew@50 w|"
            + "failed>owed 0xnew@50 w|unknown>owed 0xnew@50 w",
        "refused":
            "running>failed -@- w|answered>failed -@- w|sent>failed 0xold@- w|failed>failed 0xold@- w|"
            + "unknown>failed 0xold@- w",
        "unknown": "sent>unknown 0xnew@- w|unknown>unknown 0xnew@- w",
        "reorganized":
            "rerun>running 0xold@- wr|sent>sent 0xold@- w|settled>settled 0xold@- wr|delivered>delivered 0xold@- wr|"
            + "owed>owed 0xold@- wr|unknown>unknown 0xold@- w",
        "final":
            "rerun>running 0xold@40 |settled>settled 0xold@40 |delivered>delivered 0xold@40 |owed>owed 0xold@40 |"
            + "failed>failed 0xold@- ",
    ]
    static let first: [String: String] = [
        "settled":
            "claimed>running 0xnew@50 w|sent>running 0xnew@50 w|running>running 0xold@40 w|settled>settled 0xold@40 w|"
            + "delivered>delivered 0xold@40 w|owed>owed 0xold@40 w|void>owed 0xnew@50 w|failed>owed 0xnew@50 w|"
            + "unknown>owed 0xnew@50 w",
        "refused": "claimed>failed -@- w|sent>failed 0xold@- w|failed>failed 0xold@- w|unknown>failed 0xold@- w",
        "unknown": "sent>unknown 0xnew@- w|unknown>unknown 0xnew@- w",
        "reorganized":
            "running>running 0xold@- wr|sent>sent 0xold@- w|settled>settled 0xold@- wr|delivered>delivered 0xold@- wr|"
            + "owed>owed 0xold@- wr|unknown>unknown 0xold@- w",
        "final":
            "running>running 0xold@40 |settled>settled 0xold@40 |delivered>delivered 0xold@40 |owed>owed 0xold@40 |"
            + "failed>failed 0xold@- ",
    ]

    static func text(_ claim: ClaimRecord) -> String {
        "\(claim.state) \(claim.transaction ?? "-")@\(claim.evidenceBlock.map(String.init) ?? "-") "
            + (claim.isWatched ? "w" : "") + (claim.reorganizedAt == nil ? "" : "r")
    }

    @Test(arguments: SettleOrder.allCases, Array(evidence.keys).sorted())
    func everyStateAndEvidence(order: SettleOrder, name: String) throws {
        let evidence = try #require(Self.evidence[name])
        var expected: [String: String] = [:]
        for cell in (order == .after ? Self.after : Self.first)[name, default: ""].split(separator: "|") {
            let halves = cell.split(separator: ">", maxSplits: 1).map(String.init)
            expected[halves[0]] = halves[1]
        }
        let columns = try #require(ClaimMachineTests.columns[order])
        #expect(Set(expected.keys).isSubset(of: columns))
        for column in columns {
            var claim = try Self.record(column, order)
            let old = claim
            let fits = claim.learn(evidence, now: Pay.now + 9)
            #expect((fits ? Self.text(claim) : nil) == expected[column], "\(order) \(column) \(name)")
            if !fits { #expect(claim == old, "\(order) \(column) \(name) changed something") }
            #expect(claim.machine.isPaid || !old.machine.isPaid, "what is paid stays paid")
            // The same once more changes nothing.
            let once = claim
            _ = claim.learn(evidence, now: Pay.now + 99)
            #expect(claim == once, "\(order) \(column) \(name) twice")
        }
    }

    /// Whatever is said in whatever order: a claim that is paid stays paid, and one is told its transaction.
    @Test(arguments: SettleOrder.allCases) func contradictionsAreHarmless(order: SettleOrder) throws {
        for column in try #require(ClaimMachineTests.columns[order]) {
            for first in Self.evidence.values {
                for second in Self.evidence.values {
                    var claim = try Self.record(column, order)
                    _ = claim.learn(first, now: Pay.now)
                    let between = claim
                    _ = claim.learn(second, now: Pay.now)
                    #expect(claim.machine.isPaid || !between.machine.isPaid, "\(column) \(first) \(second)")
                    #expect(!claim.machine.isPaid || claim.transaction != nil, "\(column) \(first) \(second)")
                    #expect(
                        ClaimMachine(state: claim.state, order: claim.order, isPaid: claim.machine.isPaid) != nil)
                }
            }
        }
    }

    func expectTaken(
        _ evidence: Evidence, by claim: inout ClaimRecord, at now: Int64, _ location: SourceLocation = #_sourceLocation
    ) {
        let isTaken = claim.learn(evidence, now: now)
        #expect(isTaken, sourceLocation: location)
    }

    /// After a reorganization another transaction may hold the same authorization; before one, it is a second word on one payment.
    @Test func theTransactionIsTheOneOnTheChain() throws {
        var claim = try Self.record("delivered", .after)
        expectTaken(.settled(transaction: "0xother", block: 41), by: &claim, at: Pay.now)
        #expect(Self.text(claim) == "delivered 0xold@40 w")
        expectTaken(.settled(transaction: "0xold", block: 42), by: &claim, at: Pay.now)
        #expect(Self.text(claim) == "delivered 0xold@42 w", "the same in another block")
        expectTaken(.reorganized, by: &claim, at: Pay.now + 1)
        expectTaken(.reorganized, by: &claim, at: Pay.now + 2)
        #expect(claim.reorganizedAt == Pay.now + 1)
        expectTaken(.settled(transaction: "0xother", block: 43), by: &claim, at: Pay.now)
        #expect(Self.text(claim) == "delivered 0xother@43 w")
        expectTaken(.final, by: &claim, at: Pay.now)
        #expect(Self.text(claim) == "delivered 0xother@43 ")
        expectTaken(.settled(transaction: "0xother", block: 43), by: &claim, at: Pay.now)
        #expect(Self.text(claim) == "delivered 0xother@43 ", "what is final stays so")
    }

    /// The sandbox has no chain: nothing that a money loop says reaches its claims.
    @Test func aSandboxClaimTakesNoEvidence() throws {
        let desk = try Desk()
        let ticket = try #require(desk.admit(Pay.admission(order: .first)).ticket)
        for evidence in Self.evidence.values { #expect(desk.learn(evidence, of: ticket.id).text == "unfit") }
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "unavailable")
        #expect(desk.sending(ticket, nil).text == "unavailable")
        #expect(try desk.state(Pay.admission()) == .claimed)
        #expect(desk.watched().isEmpty)
    }

    @Test func aClaimThatIsNotThere() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Pay.admission(facilitator: .chain), nonce: 1)
        for id in [
            ClaimID(row: 77, ledger: ticket.id.ledger), ClaimID(row: ticket.id.row, ledger: ticket.id.ledger ^ 1),
        ] {
            for evidence in Self.evidence.values { #expect(desk.learn(evidence, of: id).text == "unfit") }
            #expect(desk.replacing(id, Pay.transaction(1, replacement: 1)).value == false)
        }
        #expect(try desk.state(Pay.admission()) == .sent)
    }
}
