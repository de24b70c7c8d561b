import Testing

@testable import Ledger

/// Steps 3, 4 and 8: what is known, what the terms say, what is written.
@Suite struct AdmissionTests {
    @Test func aClaimIsWrittenWhole() throws {
        let desk = try Desk()
        let admission = Pay.admission(wallet: 3, nonce: 4, binding: 5)
        let answer = desk.admit(admission)
        let ticket = try #require(answer.ticket)
        let claim = try #require(try desk.claim(admission))
        #expect(answer.text == "claimed")
        #expect(claim.id == ticket.id)
        #expect(claim.state == .running && ticket.mayForward)
        #expect(claim.key == admission.key && claim.binding == admission.binding && claim.bind == .body)
        #expect(claim.amountAtomic == 1 && claim.payTo == admission.payTo && claim.route == admission.route)
        #expect(
            claim.request == "GET /v1/reports/5" && claim.revision == 1 && claim.validBefore == admission.validBefore)
        #expect(claim.createdAt == Pay.now && claim.updatedAt == Pay.now && claim.owedAt == nil)
        #expect(claim.attempts == 1 && claim.reruns == 0 && !claim.requestBytesWritten)
        #expect(claim.transaction == nil && claim.reason == nil)
        #expect(ClaimID(idempotencyKey: ticket.idempotencyKey) == ticket.id)
    }

    @Test func underFirstTheClaimWaitsForItsMoney() throws {
        let desk = try Desk()
        let admission = Pay.admission(order: .first)
        let ticket = try #require(desk.admit(admission).ticket)
        #expect(!ticket.mayForward)
        #expect(try desk.state(admission) == .claimed)
        if case .go = try #require(desk.forwarding(ticket).value) { Issue.record("unpaid, and forwarded") }
        #expect(try desk.state(admission) == .claimed)
    }

    /// Brings a claim of this admission into a state, by what exchanges do.
    static func bring(_ desk: Desk, _ admission: Admission, to state: ClaimState) throws {
        let ticket = try #require(desk.admit(admission).ticket)
        switch state {
        case .claimed: #expect(admission.order == .first)
        case .running:
            if admission.order == .first { _ = desk.settle(ticket) }
        case .settled: _ = desk.answered(ticket)
        case .delivered:
            _ = desk.answered(ticket)
            desk.ended(ticket, .delivered)
        case .owed:
            _ = desk.answered(ticket)
            desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        case .void: desk.ended(ticket, .uncharged(reason: "upstream_down"))
        case .failed:
            desk.clock.pass(milliseconds: 400_000)
            _ = desk.answered(ticket)
        case .waiting, .answered, .sent, .unknown:
            var claim = try #require(try desk.claim(admission))
            desk.ended(ticket, .uncharged(reason: ""))
            claim.machine = try #require(ClaimMachine(state: state, order: admission.order, isPaid: false))
            claim.transaction = "0xhash"
            try desk.core.store.beginIfNeeded()
            try desk.core.store.update(claim, wasAtRest: true)
            try desk.core.store.commit(at: Pay.now)
        }
        desk.pass(milliseconds: 50)
        // Held, so that the ticket's end does not end the claim.
        if state.isInFlight { desk.held.append(ticket) }
        #expect(try desk.state(admission) == state)
    }

    static let known: [(ClaimState, SettleOrder, same: String, foreign: String)] = [
        (.waiting, .after, "review in_review", Pay.used), (.claimed, .first, "waits", Pay.used),
        (.running, .after, "waits", Pay.used), (.running, .first, "waits", Pay.used),
        (.settled, .after, "waits", Pay.used), (.delivered, .after, Pay.used, Pay.used),
        (.owed, .after, Pay.used, Pay.used), (.failed, .after, Pay.used, Pay.used),
        (.unknown, .after, "pending 0xhash", Pay.used), (.void, .after, "claimed", Pay.used),
    ]

    @Test(arguments: known.indices) func aKnownKeyIsAnsweredByTheTable(_ row: Int) throws {
        let (state, order, same, foreign) = Self.known[row]
        let desk = try Desk()
        let admission = Pay.admission(order: order)
        try Self.bring(desk, admission, to: state)
        var other = admission
        other.binding = Pay.bytes32(2)
        #expect(desk.admit(other).text == foreign)
        var late = admission
        late.validBefore = Pay.now + 10_000
        #expect(desk.admit(late).text == same)
    }

    /// Step 3 before 4: a fault in the terms matters only where the key is not known (or void).
    @Test(arguments: known.indices) func aKnownKeyIsAnsweredBeforeTheTerms(_ row: Int) throws {
        let (state, order, same, _) = Self.known[row]
        let desk = try Desk()
        let admission = Pay.admission(order: order)
        try Self.bring(desk, admission, to: state)
        var faulty = admission
        faulty.termsFault = "mismatch"
        #expect(desk.admit(faulty).text == (state == .void ? "refused mismatch" : same))
    }

    /// Step 4 before 5: a fault in the terms touches no lease, and needs none.
    @Test func aFaultyPaymentTouchesNoLease() throws {
        let desk = try Desk()
        var faulty = Pay.admission(nonce: 2)
        faulty.termsFault = "mismatch"
        #expect(desk.admit(faulty).text == "refused mismatch")
        desk.expectIdle()
        #expect(try desk.claim(faulty) == nil)
        let running = desk.admit(Pay.admission(nonce: 1))
        #expect(desk.admit(faulty).text == "refused mismatch")
        #expect(running.text == "claimed")
    }

    @Test func aVoidClaimIsTakenUpAgainForTheSameBindingOnly() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let ticket = try #require(desk.admit(admission).ticket)
        desk.ended(ticket, .uncharged(reason: "upstream_503"))
        #expect(try desk.claim(admission)?.reason == "upstream_503")
        var other = admission
        other.binding = Pay.bytes32(2)
        #expect(desk.admit(other).text == Pay.used)
        var dearer = admission
        dearer.route = "another route"
        let second = try #require(desk.admit(dearer).ticket)
        let claim = try #require(try desk.claim(admission))
        #expect(second.id == ticket.id && second.attempt == 2 && second.idempotencyKey == ticket.idempotencyKey)
        #expect(claim.state == .running && claim.attempts == 2 && claim.reason == nil && claim.route == "another route")
    }

    /// Waiting uses up the window: what was long enough at the door may be too short at the claim.
    @Test func theWindowIsLookedAtAgainAfterWaiting() throws {
        let desk = try Desk()
        let first = try #require(desk.admit(Pay.admission(nonce: 1)).ticket)
        var tight = Pay.admission(nonce: 2, binding: 2)
        tight.validBefore = Pay.now + 62
        let waiting = desk.admit(tight)
        desk.pass(milliseconds: 5000)
        desk.ended(first, .uncharged(reason: ""))
        #expect(waiting.text == Pay.late)
        #expect(try desk.claim(tight) == nil)
        desk.expectIdle()
    }

    @Test func theWindowsEdges() throws {
        let desk = try Desk()
        var admission = Pay.admission()
        admission.validBefore = Pay.now + 59
        #expect(desk.admit(admission).text == Pay.late)
        admission.validBefore = Pay.now + 60
        #expect(desk.admit(admission).text == "claimed")
        var endless = Pay.admission(wallet: 2)
        endless.validBefore = .max
        #expect(desk.admit(endless).text == "claimed")
    }

    @Test func aLateAnswerIsWithheldAndFails() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let ticket = try #require(desk.admit(admission).ticket)
        desk.clock.pass(milliseconds: 300_000)
        let settlement = desk.answered(ticket)
        guard case .refused(let code) = try #require(settlement.value) else {
            Issue.record("\(String(describing: settlement.value))")
            return
        }
        #expect("refused \(code)" == Pay.late)
        #expect(try desk.state(admission) == .failed)
        #expect(try desk.balance(admission) == 10)
        desk.expectIdle()
    }

    @Test func longTargetsAreCutNotRefused() throws {
        let desk = try Desk()
        var admission = Pay.admission()
        admission.request = "GET /" + String(repeating: "ä", count: 4000)
        #expect(desk.admit(admission).text == "claimed")
        let count = try #require(try desk.claim(admission)).request.utf8.count
        #expect(count > 1000 && count < 1030)
    }
}
