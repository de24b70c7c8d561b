import Bytes
import CrashDisk
import Testing

@testable import Ledger

/// How much may wait, how long, and what a second presentation of it means.
@Suite struct ReviewLimitTests {
    @Test func perWalletAndInAll() throws {
        let desk = try Desk()
        let limits = ReviewLimits(perWallet: 2, total: 3, keepSeconds: 1000)
        func enter(_ wallet: Int, _ nonce: Int) -> String {
            desk.enter(Pay.reviewed(wallet: wallet, nonce: nonce, binding: nonce), url: nonce, limits: limits)
        }
        #expect(enter(1, 1) == "waiting 1")
        #expect(enter(1, 2) == "waiting 2")
        #expect(enter(1, 3) == "wallet full")
        #expect(enter(2, 4) == "waiting 3")
        #expect(enter(3, 5) == "full")
        #expect(try desk.claim(Pay.reviewed(wallet: 3, nonce: 5)) == nil, "nothing is taken of what may not wait")
        desk.expectIdle()
        #expect(try desk.decide(Pay.reviewed(wallet: 1, nonce: 1), .reject(remark: nil)) == .rejected)
        #expect(enter(3, 6) == "waiting 3")
        // Approved and not paid for still takes a place.
        #expect(try desk.decide(Pay.reviewed(wallet: 1, nonce: 2), .approve) == .approved(runs: true))
        #expect(enter(4, 7) == "full")
    }

    /// What was approved gives its place up when it is paid for.
    @Test func whatIsDoneGivesItsPlaceUp() throws {
        let desk = try Desk()
        _ = try desk.runApproved(Pay.reviewed(nonce: 1, binding: 1))
        let limits = ReviewLimits(perWallet: 1, total: 1, keepSeconds: 1000)
        #expect(desk.enter(Pay.reviewed(nonce: 2, binding: 2), url: 2, limits: limits) == "waiting 1")
    }

    /// A retry, with the same authorization or a fresh one, gets a URL of its own for the request that waits already.
    @Test func aRetryDoesNotWaitTwice() throws {
        let desk = try Desk()
        let payment = Pay.reviewed(nonce: 1)
        #expect(desk.enter(payment, url: 1) == "waiting 1")
        #expect(desk.enter(payment, url: 2) == "waiting 1")
        #expect(desk.enter(Pay.reviewed(nonce: 2), url: 3) == "waiting 1")
        #expect(try desk.claim(Pay.reviewed(nonce: 2)) == nil, "the fresh nonce is not taken")
        for url in 1...3 { #expect(desk.standing(url: url).text == "waiting") }
        #expect(desk.enter(Pay.reviewed(wallet: 2, nonce: 3), url: 4) == "waiting 2", "another wallet's is another")
        var foreign = payment
        foreign.binding = Pay.bytes32(5)
        #expect(desk.enter(foreign, url: 5) == Pay.used)
        for url in 10..<10 + ReviewTable.urlsPerReview - 3 { #expect(desk.enter(payment, url: url) == "waiting 2") }
        #expect(desk.enter(payment, url: 99) == "wallet full", "URLs are bounded too")
    }

    /// The gate has opened meanwhile: the same authorization is told of its review all the same, and is run by it alone.
    @Test func theSameAuthorizationRunsByItsReviewAlone() throws {
        let desk = try Desk()
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1)
        #expect(desk.admit(Pay.admission()).text == "review in_review")
        desk.turn()
        #expect(try desk.state(payment) == .waiting)
        // A fresh one is an ordinary payment then.
        #expect(desk.admit(Pay.admission(nonce: 2)).text == "claimed")
    }

    @Test func nobodyDecidesInTime() throws {
        let desk = try Desk()
        let limits = ReviewLimits(perWallet: 1, total: 1, keepSeconds: 100)
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1, limits: limits)
        desk.pass(milliseconds: 100_000)
        #expect(desk.standing(url: 1).text == "expired")
        #expect(try desk.state(payment) == .void)
        #expect(try desk.claim(payment)?.reason == "review_expired")
        #expect(try desk.decide(payment, .approve) == .already(.expired))
        #expect(desk.enter(Pay.reviewed(nonce: 2, binding: 2), url: 2, limits: limits) == "waiting 1")
        desk.pass(milliseconds: 100_000)
        #expect(desk.standing(url: 1).text == "unknown", "it is forgotten")
        #expect(try desk.claim(payment) != nil, "its claim is not")
    }

    @Test func anExpiredAuthorizationMayWaitAgain() throws {
        let desk = try Desk()
        let limits = ReviewLimits(perWallet: 1, total: 1, keepSeconds: 100)
        let payment = Pay.reviewed()
        _ = desk.enter(payment, url: 1, limits: limits)
        desk.pass(milliseconds: 100_000)
        #expect(desk.enter(payment, url: 2, limits: limits) == "waiting 1")
        #expect(try desk.state(payment) == .waiting)
        #expect(desk.standing(url: 2).text == "waiting")
    }

    /// What was decided is forgotten after as long again; what is owed stays in the ledger.
    @Test func decidedReviewsAreForgotten() throws {
        let desk = try Desk()
        let payment = try desk.runApproved(Pay.reviewed())
        desk.pass(milliseconds: 7 * 86_400_000)
        #expect(desk.standing(url: 1).text == "unknown")
        #expect(try desk.state(payment) == .owed)
        #expect(try desk.core.store.listReviews(limit: 10).isEmpty)
    }

    /// Owed for the same request by other ways: a new authorization, at the URL, redeems that first.
    @Test func whatIsOwedAlreadyIsNotPaidAgainByAnApproval() throws {
        let desk = try Desk()
        let payment = Pay.reviewed(nonce: 1)
        _ = desk.enter(payment, url: 1)
        try desk.owe(Pay.admission(nonce: 2))
        _ = try desk.decide(payment, .approve)
        let run = try #require(desk.takeApproved().first)
        #expect(desk.admit(Pay.passing(payment, .stored(run.id))).text == Pay.used)
        desk.ended(run, refusal: "invalid_exact_evm_nonce_already_used")
        #expect(try desk.state(payment) == .void)
        #expect(desk.standing(url: 1).text.hasPrefix("needs payment"))
        let fresh = Pay.passing(Pay.reviewed(nonce: 3), .paid(run.id))
        #expect(desk.admit(fresh).text == "redeemed sandbox-")
        #expect(try desk.balance(payment) == 9)
    }

    /// Power lost at every operation of the disk: whoever was told that it waits finds it waiting, and a decision that was told
    /// stands.
    @Test func powerLostAtEveryOperation() throws {
        func live(_ desk: Desk) throws -> (held: String, decided: ReviewDecided?) {
            let held = desk.enter(Pay.reviewed(), url: 1)
            return (held, held == "waiting 1" ? try desk.decide(Pay.reviewed(), .approve) : nil)
        }
        let whole = CrashDisk()
        _ = try live(try Desk(disk: whole))
        for point in 1...whole.operations {
            let disk = CrashDisk()
            disk.powerFailsAt = point
            guard let desk = try? Desk(disk: disk) else { continue }
            let told = (try? live(desk)) ?? (held: "", decided: nil)
            let next = try Desk(disk: disk.reboot(.none))
            let standing = next.standing(url: 1).text
            if told.decided == .approved(runs: true) {
                #expect(standing == "running" && next.takeApproved().count == 1, "power lost at \(point)")
            } else if told.held == "waiting 1" {
                #expect(standing == "waiting" || standing == "running", "power lost at \(point)")
            } else {
                #expect(standing == "unknown" || standing == "waiting", "power lost at \(point)")
            }
        }
    }
}
