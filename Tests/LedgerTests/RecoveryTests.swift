import Testing

@testable import Ledger

/// Where a crash leaves a claim, and what its payer gets afterwards.
@Suite struct RecoveryTests {
    enum Progress: CaseIterable {
        case claimed, paidNotAsked, asked, answeredAndPaid, rerun
    }

    struct Case: Sendable {
        let order: SettleOrder
        let progress: Progress
        let isIdempotent: Bool
        let state: ClaimState
        /// The same payment again, and a fresh nonce for the same request.
        let same: String
        let fresh: String
    }

    static let owed = "redeemed sandbox-"
    static let cases = [
        Case(order: .after, progress: .asked, isIdempotent: true, state: .void, same: "claimed", fresh: "claimed"),
        Case(order: .after, progress: .asked, isIdempotent: false, state: .void, same: "claimed", fresh: "claimed"),
        Case(
            order: .after, progress: .answeredAndPaid, isIdempotent: true, state: .owed, same: Pay.used, fresh: owed),
        Case(
            order: .after, progress: .answeredAndPaid, isIdempotent: false, state: .owed, same: Pay.used,
            fresh: "outcomeUnknown"),
        Case(order: .after, progress: .rerun, isIdempotent: true, state: .owed, same: Pay.used, fresh: owed),
        Case(order: .first, progress: .claimed, isIdempotent: false, state: .void, same: "claimed", fresh: "claimed"),
        Case(order: .first, progress: .paidNotAsked, isIdempotent: false, state: .owed, same: Pay.used, fresh: owed),
        Case(
            order: .first, progress: .asked, isIdempotent: false, state: .owed, same: Pay.used, fresh: "outcomeUnknown"),
        Case(order: .first, progress: .asked, isIdempotent: true, state: .owed, same: Pay.used, fresh: owed),
        Case(order: .first, progress: .rerun, isIdempotent: true, state: .owed, same: Pay.used, fresh: owed),
    ]

    @Test(arguments: cases.indices, [true, false]) func aCrash(_ row: Int, wholeProcess: Bool) throws {
        let test = Self.cases[row]
        var desk = try Desk()
        var admission = Pay.admission(nonce: 1, order: test.order)
        admission.isIdempotent = test.isIdempotent
        var ticket = try #require(desk.admit(admission).ticket)
        switch test.progress {
        case .claimed: break
        case .paidNotAsked: #expect(desk.settle(ticket, forwardsLater: true).value != nil)
        case .asked: if test.order == .first { #expect(desk.settle(ticket).value != nil) }
        case .answeredAndPaid: #expect(desk.answered(ticket).value != nil)
        case .rerun:
            _ = test.order == .first ? desk.settle(ticket) : desk.answered(ticket)
            desk.ended(ticket, .undelivered(noRequestByteWritten: false))
            var retry = admission
            retry.key = Pay.admission(nonce: 2).key
            ticket = try #require(desk.admit(retry).ticket)
        }
        if wholeProcess {
            desk = try Desk(disk: desk.disk.reboot(.none))
        } else {
            desk.post(.lost(ticket.here))
        }
        #expect(try desk.state(admission) == test.state)
        #expect(try (desk.claim(admission)?.owedAt != nil) == (test.state == .owed))
        desk.expectIdle()
        let same = desk.admit(admission)
        #expect(same.text == test.same)
        if let ticket = same.ticket { desk.ended(ticket, .uncharged(reason: "")) }
        var retry = admission
        retry.key = Pay.admission(nonce: 3).key
        #expect(desk.admit(retry).text == test.fresh)
    }

    /// What waits for a reviewer or for evidence goes on waiting; what was sent is not known any more.
    @Test(arguments: [(ClaimState.waiting, ClaimState.waiting), (.unknown, .unknown), (.sent, .unknown)])
    func whatTheSandboxNeverLeaves(before: ClaimState, after: ClaimState) throws {
        let desk = try Desk()
        let admission = Pay.admission()
        try AdmissionTests.bring(desk, admission, to: before)
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(try next.state(admission) == after)
        #expect(next.recovered == Recovery.Report(void: 0, owed: 0, unknown: after == .unknown ? 1 : 0))
    }

    @Test func nothingIsOpenAfterAnOrderlyLife() throws {
        let desk = try Desk()
        let ticket = try #require(desk.admit(Pay.admission()).ticket)
        _ = desk.answered(ticket)
        desk.ended(ticket, .delivered)
        desk.pass(milliseconds: 20)
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(next.recovered == Recovery.Report())
        #expect(try next.state(Pay.admission()) == .delivered)
    }
}
