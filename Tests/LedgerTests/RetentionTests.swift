import Testing

@testable import Ledger

/// What is old and at rest goes, everything else stays, and the books verify all along.
@Suite struct RetentionTests {
    let folder = ScratchFolder()
    static let keep: Int64 = 10 * 86_400

    func verify() throws -> LedgerVerification { try LedgerReader(path: folder.file("ledger.db")).verify() }

    /// Turns until the pass is over.
    static func pass(_ desk: FileDesk) {
        for _ in 0..<50 {
            desk.clock.pass(milliseconds: 60)
            _ = desk.core.run([])
        }
    }

    static func retaining(_ desk: FileDesk) {
        desk.core.retention = Retention(
            desk.core.store, keepSeconds: keep, now: desk.clock.monotonicNanoseconds())
    }

    @Test func onlyWhatIsAtRestAndOldGoes() throws {
        let path = folder.file("ledger.db")
        let desk = try FileDesk(path)
        // 1 and 2 delivered, 3 owed and redeemed, 4 and 5 owed, 7 and 8 sent on a chain.
        try LedgerVerificationTests.live(desk)
        Self.retaining(desk)
        Self.pass(desk)
        #expect(try verify().cut.sequence == 0, "nothing is old yet")
        desk.clock.pass(milliseconds: Int(Self.keep + 2 * 86_400) * 1000)
        // Young: stays, and with it the next number.
        let young = Pay.admission(wallet: 60, nonce: 60, validBefore: .max)
        let ticket = try #require(desk.admit(young))
        desk.run(.ended(ticket.here, .uncharged(reason: "")))
        let before = try verify().head
        Self.pass(desk)
        desk.core.stop()
        let after = try verify()
        #expect(after.findings == [] && after.cut.sequence > 0 && after.entries < after.head.sequence)
        let reader = try LedgerReader(path: path)
        let left = try reader.list(limit: 100).map { "\($0.state)" }.sorted()
        // What never came to rest stays as it was.
        #expect(left == ["sent", "sent", "void"], "\(left)")
        #expect(try LedgerReader(path: path).verify(expecting: before).isSound)
        // Another process goes on, and what stays is taken up.
        let next = try FileDesk(path, clock: desk.clock)
        #expect(try reader.list(limit: 100).map { "\($0.state)" }.sorted() == ["unknown", "unknown", "void"])
        #expect(try next.core.store.claim(young.key)?.id.row == next.core.store.lastRow)
        next.core.stop()
        #expect(try verify().isSound)
    }

    /// A number that was given to a claim names no other, even where all claims have gone.
    @Test func numbersAreNotGivenAgain() throws {
        let desk = try FileDesk(folder.file("ledger.db"))
        for number in 1...3 {
            let ticket = try #require(desk.admit(Pay.admission(wallet: number, nonce: number)))
            desk.run(.ended(ticket.here, .uncharged(reason: "")))
        }
        Self.retaining(desk)
        desk.clock.pass(milliseconds: Int(Self.keep + 3 * 86_400) * 1000)
        Self.pass(desk)
        desk.core.stop()
        let reader = try LedgerReader(path: folder.file("ledger.db"))
        #expect(try reader.list(limit: 10).map(\.id.row) == [3])
        let next = try FileDesk(folder.file("ledger.db"), clock: desk.clock)
        #expect(next.core.store.lastRow == 3)
        next.core.stop()
    }

    /// An authorization that can still be used is not forgotten, however old its claim is.
    @Test func whatCouldBePresentedAgainStays() throws {
        let desk = try FileDesk(folder.file("ledger.db"))
        for (number, validBefore) in [Int64.max, Pay.now + 300, Int64.max].enumerated() {
            let admission = Pay.admission(wallet: number, nonce: number, order: .first, validBefore: validBefore)
            let ticket = try #require(desk.admit(admission))
            desk.run(.settle(ticket.here, forwardsLater: false, { _ in }))
            desk.run(.ended(ticket.here, .delivered))
        }
        Self.retaining(desk)
        desk.clock.pass(milliseconds: Int(Self.keep + 3 * 86_400) * 1000)
        Self.pass(desk)
        desk.core.stop()
        let reader = try LedgerReader(path: folder.file("ledger.db"))
        #expect(try reader.list(limit: 10).map(\.id.row) == [3, 1])
        let books = try verify()
        #expect(books.findings == [] && books.cut.sequence > 0)
    }
}

extension Pay {
    static func admission(
        wallet: Int, nonce: Int, order: SettleOrder = .after, validBefore: Int64
    ) -> Admission {
        var admission = admission(wallet: wallet, nonce: nonce, order: order)
        admission.validBefore = validBefore
        return admission
    }
}
