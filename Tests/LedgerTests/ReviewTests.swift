import Bytes
import Testing

@testable import Ledger

/// What a wallet may not do at once waits for a person; nothing of it runs and nothing is charged before.
@Suite struct ReviewTests {
    static let answer = StoredAnswer(status: 200, head: Array("Content-Type: text/plain\r\n".utf8), body: [1, 2, 3])

    @Test func whatWaitsHoldsNothing() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        #expect(desk.enter(payment, url: 1) == "waiting 1")
        #expect(try desk.state(payment) == .waiting)
        #expect(try desk.balance(payment) == 10)
        desk.expectIdle()
        #expect(desk.standing(url: 1).text == "waiting")
        #expect(desk.standing(url: 2).text == "unknown")
        #expect(desk.takeApproved().isEmpty, "nobody has decided")
        // Another payment of the wallet goes on beside it.
        #expect(desk.admit(Pay.admission(nonce: 2, binding: 2)).text == "claimed")
    }

    @Test func aRestartKeepsWhatWaits() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(try next.state(payment) == .waiting)
        #expect(next.standing(url: 1).text == "waiting")
        #expect(try next.decide(payment, .approve) == .approved(runs: true))
        let last = try Desk(disk: next.disk.reboot(.none))
        let run = try #require(last.takeApproved().first)
        #expect(run.request == .sample && run.claim.key == payment.key)
    }

    /// The request as it waited, in both orders; the answer is given at the URL, once as its delivery and then again.
    @Test(arguments: SettleOrder.allCases) func anApprovedRequestRunsOnce(order: SettleOrder) throws {
        let desk = try Desk()
        let payment = Pay.reviewed(order: order, amount: 4)
        _ = desk.enter(payment, url: 1)
        #expect(try desk.decide(payment, .approve) == .approved(runs: true))
        #expect(desk.standing(url: 1).text == "running")
        let run = try #require(desk.takeApproved().first)
        #expect(desk.takeApproved().isEmpty, "it is given to one")
        let admitted = desk.admit(Pay.passing(payment, .stored(run.id)))
        let ticket = try #require(admitted.ticket)
        #expect(desk.standing(url: 1).text == "running")
        if order == .first { _ = desk.settle(ticket) }
        desk.keep(Self.answer, ticket)
        if order == .after { _ = desk.answered(ticket) }
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        desk.ended(run)
        #expect(try desk.balance(payment) == 6)
        #expect(try desk.state(payment) == .owed)
        #expect(desk.takeApproved().isEmpty, "it has run")
        let first = desk.standing(url: 1)
        #expect(first.text == "answered 200")
        #expect(desk.standing(url: 1).text == "running", "it is on its way to one")
        desk.ended(try #require(first.ticket), .delivered)
        #expect(try desk.state(payment) == .delivered)
        #expect(desk.standing(url: 1).text == "answered 200 again")
        #expect(try desk.balance(payment) == 6)
        #expect(desk.admit(payment).text == Pay.used)
        desk.expectIdle()
    }

    @Test func anAnswerThatDoesNotArriveStaysAtTheURL() throws {
        let desk = try Desk()
        let payment = try desk.runApproved(Pay.reviewed())
        for _ in 0..<5 {
            let standing = desk.standing(url: 1)
            #expect(standing.text == "answered 200")
            desk.ended(try #require(standing.ticket), .undelivered(noRequestByteWritten: true))
        }
        #expect(try desk.claim(payment)?.reruns == 0)
        // A day later still, though what is owed is honoured for ten minutes elsewhere.
        desk.pass(milliseconds: 86_400_000)
        #expect(desk.standing(url: 1).text == "answered 200")
    }

    @Test func rejectedIsVoidForGood() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        #expect(try desk.decide(payment, .reject(remark: "no spam")) == .rejected)
        #expect(try desk.state(payment) == .void)
        #expect(try desk.claim(payment)?.reason == "review_rejected")
        #expect(desk.standing(url: 1).text == "rejected no spam")
        #expect(desk.enter(payment, url: 2) == "rejected no spam", "the same authorization does not wait again")
        #expect(desk.standing(url: 2).text == "unknown")
        #expect(try desk.decide(payment, .approve) == .already(.rejected))
        #expect(desk.takeApproved().isEmpty)
        #expect(desk.admit(Pay.passing(payment, .stored(try #require(try desk.claim(payment)).id))).text != "claimed")
    }

    @Test func aDecisionIsMadeOnce() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        #expect(try desk.decide(payment, .approve) == .notFound)
        _ = desk.enter(payment, url: 1)
        let decided = try desk.together { try (0..<3).map { _ in try desk.decideLater(payment, .approve) } }
        #expect(decided.map(\.value) == [.approved(runs: true), .already(.approved), .already(.approved)])
        #expect(try desk.decide(payment, .reject(remark: nil)) == .already(.approved))
        #expect(desk.takeApproved().count == 1)
    }

    @Test func approvedTooLateItIsPaidAtTheURL() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        desk.pass(milliseconds: 301_000)
        #expect(desk.standing(url: 1).text == "waiting")
        #expect(try desk.decide(payment, .approve) == .approved(runs: false))
        #expect(try desk.state(payment) == .void)
        #expect(desk.takeApproved().isEmpty)
        guard case .needsPayment(let id, .sample, _) = desk.standing(url: 1) else {
            Issue.record("\(desk.standing(url: 1).text)")
            return
        }
        #expect(desk.standing(url: 1).text == Pay.late402)
        func fresh(wallet: Int = 1, nonce: Int, binding: Int = 1) -> Admission {
            var admission = Pay.reviewed(wallet: wallet, nonce: nonce, binding: binding)
            admission.validBefore += 1000
            return Pay.passing(admission, .paid(id))
        }
        let mismatch = "refused review_wallet_mismatch"
        #expect(desk.admit(fresh(wallet: 2, nonce: 2)).text == mismatch, "the approval is another wallet's")
        #expect(desk.admit(fresh(nonce: 2, binding: 2)).text == mismatch, "and for another request")
        let paid = fresh(nonce: 3)
        let ticket = try #require(desk.admit(paid).ticket)
        #expect(desk.standing(url: 1).text == "running")
        #expect(desk.admit(fresh(nonce: 4)).text == "waits", "for the lease")
        _ = desk.answered(ticket)
        desk.ended(ticket, .delivered)
        #expect(try desk.state(paid) == .delivered)
        #expect(try desk.balance(paid) == 9, "the one that waited for the lease is not charged")
        #expect(desk.standing(url: 1).text == "erased")
        #expect(desk.admit(fresh(nonce: 5)).text == "stillInFlight", "an approval lets one request run once")
        #expect(desk.admit(Pay.passing(payment, .stored(id))).text == Pay.used)
    }

    /// The authorization runs out between the approval and its run.
    @Test func aRunThatIsRefusedAsksForAPayment() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        let run = try #require(desk.takeApproved().first)
        desk.pass(milliseconds: 250_000)
        #expect(desk.admit(Pay.passing(payment, .stored(run.id))).text == Pay.late)
        desk.ended(run, refusal: "invalid_exact_evm_payload_authorization_valid_before")
        #expect(try desk.state(payment) == .void)
        #expect(desk.standing(url: 1).text == Pay.late402)
        #expect(desk.takeApproved().isEmpty)
    }

    @Test func aRunThatIsLetGoIsGivenAgain() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        do { #expect(desk.takeApproved().count == 1) }
        desk.turn()
        var run = desk.takeApproved().first
        #expect(run != nil)
        desk.ended(try #require(run))
        run = desk.takeApproved().first
        #expect(run != nil, "what time may mend is tried again")
    }

    /// Its window closes while nobody runs it.
    @Test func anApprovalWithoutARunLapsesToAPayment() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        desk.pass(milliseconds: 300_000)
        #expect(desk.takeApproved().isEmpty)
        #expect(desk.standing(url: 1).text == Pay.late402)
    }

    @Test func whatRanAndWasNotChargedIsPaidAgainAtTheURL() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        let run = try #require(desk.takeApproved().first)
        desk.ended(
            try #require(desk.admit(Pay.passing(payment, .stored(run.id))).ticket),
            .uncharged(reason: "the upstream answered 500"))
        desk.ended(run)
        #expect(desk.takeApproved().isEmpty, "nobody asked for a second run")
        #expect(desk.standing(url: 1).text == "needs payment: review_run_uncharged")
        // The same authorization is good still.
        #expect(desk.admit(Pay.passing(payment, .paid(run.id))).text == "claimed")
    }

    /// Killed while it ran, unpaid: it is not run again behind its caller's back.
    @Test(arguments: SettleOrder.allCases) func aCrashWhileItRuns(order: SettleOrder) throws {
        let desk = try Desk()
        let payment = Pay.reviewed(order: order)
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        let run = try #require(desk.takeApproved().first)
        desk.held.append(try #require(desk.admit(Pay.passing(payment, .stored(run.id))).ticket))
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(try next.state(payment) == .void)
        #expect(next.takeApproved().isEmpty)
        #expect(next.standing(url: 1).text == "needs payment: review_run_uncharged")
        #expect(try next.balance(payment) == 10)
    }

    /// Paid for under `first`, and the upstream failed: a new authorization redeems it, and is not charged.
    @Test func whatIsOwedWithoutAnAnswerIsRedeemedAtTheURL() throws {
        let desk = try Desk()
        let payment = Pay.reviewed(order: .first, amount: 4)
        _ = desk.enter(payment, url: 1)
        _ = try desk.decide(payment, .approve)
        let run = try #require(desk.takeApproved().first)
        let ticket = try #require(desk.admit(Pay.passing(payment, .stored(run.id))).ticket)
        _ = desk.settle(ticket)
        desk.ended(ticket, .undelivered(noRequestByteWritten: true))
        desk.ended(run)
        #expect(desk.standing(url: 1).text == "needs payment: invalid_exact_evm_nonce_already_used")
        var fresh = Pay.passing(Pay.reviewed(nonce: 2, order: .first, amount: 4), .paid(run.id))
        let redeemed = desk.admit(fresh)
        #expect(redeemed.text == "redeemed sandbox-")
        desk.ended(try #require(redeemed.ticket), .undelivered(noRequestByteWritten: false))
        // Too often, or too late: a person has to see to it, and nothing more is charged.
        fresh.redeliver = .never
        fresh.key = Pay.reviewed(nonce: 3).key
        #expect(desk.admit(fresh).text == "outcomeUnknown")
        fresh.redeliverForSeconds = -1
        #expect(desk.admit(fresh).text == "outcomeUnknown")
        #expect(try desk.balance(payment) == 6)
    }
}

extension Desk {
    func decideLater(_ admission: Admission, _ decision: ReviewDecision) throws -> Answer<ReviewDecided> {
        let id = try #require(try claim(admission)).id
        let answer = Answer<ReviewDecided>()
        post(.review(.decide(id, decision, answer.callback)))
        return answer
    }

    func keep(_ stored: StoredAnswer, _ ticket: Ticket) { post(.store(ticket.here, stored)) }

    /// A payment that waited, was approved, and ran well.
    func runApproved(_ payment: Admission, url: Int = 1) throws -> Admission {
        _ = enter(payment, url: url)
        _ = try decide(payment, .approve)
        let run = try #require(takeApproved().first)
        let ticket = try #require(admit(Pay.passing(payment, .stored(run.id))).ticket)
        keep(ReviewTests.answer, ticket)
        _ = answered(ticket)
        ended(ticket, .undelivered(noRequestByteWritten: false))
        ended(run)
        return payment
    }
}
