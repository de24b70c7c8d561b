import CrashDisk
import Testing

@testable import Ledger

/// Step 5: leases, queues, and how waiting ends.
@Suite struct LeaseTests {
    @Test func oneAfterAtATimeFirstComeFirstServed() throws {
        let desk = try Desk()
        var running = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let waiting = (1...5).map { desk.admit(Pay.admission(nonce: $0, binding: $0)) }
        for answer in waiting {
            #expect(waiting.filter { $0.value != nil }.count == waiting.firstIndex { $0 === answer })
            desk.ended(running, .uncharged(reason: ""))
            running = try #require(answer.ticket)
        }
        desk.ended(running, .uncharged(reason: ""))
        desk.expectIdle()
    }

    /// One that comes while others wait stands behind them, even at the moment a lease becomes free.
    @Test func nobodyOvertakesTheQueue() throws {
        let desk = try Desk()
        let running = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let early = desk.admit(Pay.admission(nonce: 1, binding: 1))
        let late = desk.together {
            desk.ended(running, .uncharged(reason: ""))
            return desk.admit(Pay.admission(nonce: 2, binding: 2))
        }
        #expect(early.text == "claimed" && late.text == "waits")
    }

    @Test func leasesAreCountedByOrderWalletAndChain() throws {
        let desk = try Desk()
        #expect(desk.admit(Pay.admission(nonce: 1, binding: 1)).text == "claimed")
        let kept = [
            desk.admit(Pay.admission(nonce: 2, binding: 2, order: .first)),
            desk.admit(Pay.admission(wallet: 2, nonce: 3, binding: 3)),
            desk.admit(Pay.admission(nonce: 4, binding: 4, chain: "eip155:8453")),
            desk.admit(Pay.admission(nonce: 5, binding: 5)),
        ]
        #expect(kept.map(\.text) == ["claimed", "claimed", "claimed", "waits"])
    }

    @Test func sixteenFirst() throws {
        let desk = try Desk()
        var admissions = (1...17).map { Pay.admission(nonce: $0, binding: $0, order: .first, amount: 0) }
        admissions[16].inFlightPerWallet = 16
        let answers = admissions.map { desk.admit($0) }
        #expect(answers.filter { $0.text == "claimed" }.count == 16)
        #expect(answers[16].text == "waits")
        desk.ended(try #require(answers[7].ticket), .uncharged(reason: ""))
        #expect(answers[16].text == "claimed")
    }

    @Test func theQueueHasAnEnd() throws {
        let desk = try Desk()
        let running = desk.admit(Pay.admission(nonce: 0, binding: 0))
        let answers = (1...65).map { desk.admit(Pay.admission(nonce: $0, binding: $0)) }
        #expect(answers[0..<64].allSatisfy { $0.value == nil })
        #expect(answers[64].text == "leaseBusy lease_queue_full")
        var none = Pay.admission(wallet: 2, nonce: 0, binding: 0)
        none.leaseQueue = 0
        let other = desk.admit(none)
        none.key = Pay.admission(wallet: 2, nonce: 1).key
        #expect(other.text == "claimed")
        #expect(desk.admit(none).text == "leaseBusy lease_queue_full")
        #expect(running.text == "claimed")
    }

    @Test func waitingEndsAfterLeaseWait() throws {
        let desk = try Desk()
        let running = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let admission = Pay.admission(nonce: 1, binding: 1)
        let waiting = desk.admit(admission)
        desk.pass(milliseconds: 9999)
        #expect(waiting.text == "waits")
        desk.pass(milliseconds: 1)
        #expect(waiting.text == "leaseBusy lease_timeout")
        desk.ended(running, .uncharged(reason: ""))
        #expect(try desk.claim(admission) == nil)
        desk.expectIdle()
    }

    /// "Not charged" has to be true: a copy of the payment that runs by now is told so.
    @Test func aCopyInTheQueueLearnsThatItsPaymentRuns() throws {
        let desk = try Desk()
        let running = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let admission = Pay.admission(nonce: 1, binding: 1)
        let copies = (0..<3).map { _ in desk.admit(admission) }
        desk.pass(milliseconds: 5000)
        desk.ended(running, .uncharged(reason: ""))
        #expect(copies.map(\.text) == ["claimed", "waits", "waits"])
        desk.pass(milliseconds: 5001)
        #expect(copies.map(\.text) == ["claimed", "waits", "waits"])
        let ticket = try #require(copies[0].ticket)
        _ = desk.answered(ticket)
        desk.ended(ticket, .delivered)
        #expect(copies[1].text == Pay.used && copies[2].text == Pay.used)
        desk.expectIdle()
    }

    /// Copies that reach the head of the queue together are still one payment.
    @Test func copiesInTheQueueAreClaimedOnce() throws {
        let desk = try Desk()
        let running = try (1...16).map {
            try #require(desk.admit(Pay.admission(nonce: $0, binding: $0, order: .first, amount: 0)).ticket)
        }
        let copies = (0..<3).map { _ in desk.admit(Pay.admission(nonce: 17, binding: 17, order: .first)) }
        desk.together { for ticket in running { desk.ended(ticket, .uncharged(reason: "")) } }
        #expect(copies.map(\.text) == ["claimed", "waits", "waits"])
        #expect(try desk.claim(Pay.admission(nonce: 17))?.attempts == 1)
        desk.pass(milliseconds: 29_999)
        #expect(copies[2].text == "waits", "the queue's time is over, the twin's is not")
        desk.pass(milliseconds: 1)
        #expect(copies[2].text == "stillInFlight")
    }

    @Test func deadlinesComeInOrder() {
        var heap = DeadlineHeap()
        var random = SplitMix(state: 7)
        var expected: [UInt64] = []
        for number in 0..<200 {
            let waiting = Presentation(Pay.admission(), AdmissionToken(number: UInt64(number)), { _ in })
            waiting.place = .queued
            waiting.deadline = UInt64.random(in: 1...50, using: &random)
            heap.insert(waiting)
            expected.append(waiting.deadline)
        }
        expected.sort()
        #expect(heap.earliest == expected[0])
        var due: [UInt64] = []
        while let next = heap.popDue(now: 40) { due.append(next.deadline) }
        #expect(due == expected.filter { $0 <= 40 })
        #expect(heap.earliest == expected.first { $0 > 40 })
    }

    @Test func whoGoesAwayLeavesTheQueueAndGetsNoReply() throws {
        let desk = try Desk()
        let running = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let gone = desk.admitted(Pay.admission(nonce: 1, binding: 1))
        let next = desk.admit(Pay.admission(nonce: 2, binding: 2))
        desk.callerGone(gone.token)
        desk.ended(running, .uncharged(reason: ""))
        #expect(gone.answer.text == "waits" && next.text == "claimed")
        #expect(try desk.claim(Pay.admission(nonce: 1)) == nil)
        desk.pass(milliseconds: 60_000)
        #expect(gone.answer.text == "waits")
    }

    @Test func aTicketLetGoGivesItsLeaseBack() throws {
        let desk = try Desk()
        var answer: Answer<Admitted>? = desk.admit(Pay.admission(nonce: 0, binding: 0))
        let waiting = desk.admit(Pay.admission(nonce: 1, binding: 1))
        #expect(answer?.text == "claimed")
        answer = nil
        desk.turn()
        #expect(waiting.text == "claimed")
        #expect(try desk.state(Pay.admission(nonce: 0)) == .void)
    }

    @Test func anEndSaidTwiceFreesOneLease() throws {
        let desk = try Desk()
        let first = try #require(desk.admit(Pay.admission(nonce: 0, binding: 0)).ticket)
        let waiting = (1...2).map { desk.admit(Pay.admission(nonce: $0, binding: $0)) }
        desk.ended(first, .uncharged(reason: ""))
        desk.ended(first, .uncharged(reason: ""))
        #expect(waiting.map(\.text) == ["claimed", "waits"])
    }

    /// An attempt that is over has no say in the next attempt at the same claim.
    @Test func anOldTicketOpensNothing() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let old = try #require(desk.admit(admission).ticket)
        desk.ended(old, .uncharged(reason: ""))
        let new = try #require(desk.admit(admission).ticket)
        guard case .unavailable = try #require(desk.answered(old).value) else {
            Issue.record("an old ticket settled")
            return
        }
        desk.ended(old, .delivered)
        #expect(try desk.state(admission) == .running)
        guard case .settled = try #require(desk.answered(new).value) else {
            Issue.record("the new ticket did not settle")
            return
        }
    }

    @Test func aPaymentWaitsForItsTwinAtMostThirtySeconds() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let running = try #require(desk.admit(admission).ticket)
        let copy = desk.admit(admission)
        desk.pass(milliseconds: 29_999)
        #expect(copy.text == "waits")
        desk.pass(milliseconds: 1)
        #expect(copy.text == "stillInFlight")
        desk.ended(running, .uncharged(reason: ""))
        desk.expectIdle()
    }

    /// The thirty seconds are for the whole of a copy's waiting, however many attempts it sees end.
    @Test func theThirtySecondsAreCountedOnce() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        var running = try #require(desk.admit(admission).ticket)
        let copies = (0..<3).map { _ in desk.admit(admission) }
        for turn in 0..<2 {
            desk.pass(milliseconds: 12_000)
            desk.ended(running, .uncharged(reason: ""))
            running = try #require(copies[turn].ticket)
        }
        desk.pass(milliseconds: 5999)
        #expect(copies[2].text == "waits")
        desk.pass(milliseconds: 1)
        #expect(copies[2].text == "stillInFlight")
    }

    @Test func copiesBeyondTheBoundAreToldAtOnce() throws {
        let desk = try Desk()
        let admission = Pay.admission()
        let running = desk.admit(admission)
        let copies = desk.together { (0...LedgerCore.copiesWaiting).map { _ in desk.admit(admission) } }
        #expect(copies.filter { $0.text == "waits" }.count == LedgerCore.copiesWaiting)
        #expect(copies.last?.text == "stillInFlight")
        #expect(running.text == "claimed")
    }
}
