import CSQLite
import CrashDisk
import Testing

@testable import Ledger

/// A disk that fails at any operation of a story of all that a ledger writes: payments stop at once, nothing is said that is not on disk,
/// nothing is tried again, and what is on the disk then are sound books.
@Suite struct FaultTests {
    /// Beside the life of payments in the sandbox: a batch, a replacement, evidence, reviews that are approved, rejected and asked for again.
    static func live(_ desk: Desk, _ told: CrashTests.Told) throws {
        CrashTests.live(desk, told)
        var tickets: [Ticket] = []
        for number in 700...702 {
            let admission = VerificationTests.chain(wallet: number, nonce: number, binding: number, order: .first)
            if let hold = desk.admit(admission).hold, let ticket = desk.claim(hold, balance: 10).ticket {
                told.claimed.insert(admission.key)
                tickets.append(ticket)
            }
        }
        if tickets.count == 3, desk.sending(tickets, together: Pay.transaction(70)).text == "go" {
            _ = desk.learn(.settled(transaction: Pay.transaction(70).hash.hex, block: 5, gasWei: 41), of: tickets[0].id)
            _ = desk.learn(.refused(code: "reverted", gasWei: 40), of: tickets[1].id)
            desk.ended(tickets[0], .delivered)
        }
        desk.held += tickets
        for number in 800...802 {
            let payment = Pay.reviewed(wallet: number, nonce: number, binding: number)
            if desk.enter(payment, url: number).hasPrefix("waiting") { told.claimed.insert(payment.key) }
        }
        let ids = [800, 801].map { Pay.reviewed(wallet: $0, nonce: $0, binding: $0) }
        if desk.core.failure == nil { _ = try? desk.decide(ids[0], .approve) }
        if desk.core.failure == nil { _ = try? desk.decide(ids[1], .reject(remark: "no")) }
        desk.pass(milliseconds: 30)
    }

    struct Fault: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let operation: CrashDisk.Operation
        let code: Int32
        var halves = false
    }

    static let faults = [
        Fault(testDescription: "fsync fails", operation: .sync, code: SQLITE_IOERR | 4 << 8),
        Fault(testDescription: "no space", operation: .write, code: SQLITE_FULL),
        Fault(testDescription: "EIO", operation: .write, code: SQLITE_IOERR | 3 << 8),
        Fault(testDescription: "short write", operation: .write, code: SQLITE_IOERR | 3 << 8, halves: true),
    ]

    @Test(arguments: faults.indices) func anyFaultStopsPaymentsAndLeavesSoundBooks(_ number: Int) throws {
        let fault = Self.faults[number]
        let whole = try Desk()
        let opened = whole.disk.operations
        try Self.live(whole, CrashTests.Told())
        #expect(whole.core.failure == nil)
        let count = whole.disk.operations - opened
        #expect(count > 100)
        // Every fault in places of its own.
        let step = FaultStride.every(12)
        for skip in stride(from: number * 3 % step, to: count, by: step) {
            let place = "\(fault.testDescription) after \(skip)"
            let disk = CrashDisk()
            let desk = try Desk(disk: disk)
            let told = CrashTests.Told()
            disk.failAfter = (skip, fault.operation, fault.code)
            disk.halvesFailedWrites = fault.halves
            try Self.live(desk, told)
            guard desk.core.failure != nil else { continue }
            let operations = disk.operations
            #expect(desk.admit(Pay.admission(wallet: 3000, nonce: 3000)).text == "unavailable", "\(place)")
            desk.core.stop()
            #expect(disk.operations == operations, "\(place): something was written after the failure")
            for survival in [CrashDisk.Survival.all, .none, .some(seed: UInt64(skip))] {
                let next = try Desk(disk: disk.reboot(survival))
                let database = next.core.store.database
                for key in told.claimed {
                    #expect(try next.core.store.claim(key) != nil, "\(place), \(survival): a claim is lost")
                }
                for (key, transaction) in told.paid {
                    #expect(try next.core.store.claim(key)?.transaction == transaction, "\(place): a payment is lost")
                }
                try CrashTests.expectConserved(database, place)
                let books = try LedgerVerifier.run(database, mark: next.core.store.mark, expecting: nil)
                #expect(books.isSound, "\(place), \(survival): \(books.findings)")
            }
        }
    }

    static let tamperings: [(sql: String, finding: String)] = [
        ("UPDATE batch_members SET place = place + 10", "place is"),
        ("DELETE FROM batch_members", "batch_members: claim"),
        ("UPDATE batch_members SET leader = 1", "leader is 1"),
        ("UPDATE reviews SET state = 'approved' WHERE state = 'rejected'", "state is \"approved\""),
        ("UPDATE reviews SET remark = 'yes' WHERE remark = 'no'", "remark is \"yes\""),
        ("UPDATE reviews SET run = 1 WHERE state = 'approved'", "run is 1"),
        ("UPDATE reviews SET expires_at = expires_at + 1", "expires_at is"),
        ("UPDATE reviews SET binding = zeroblob(32)", "binding is"),
        ("DELETE FROM review_urls", "review_urls: hash"),
        ("UPDATE review_urls SET review = (SELECT min(claim) FROM reviews)", "review is"),
    ]

    @Test(arguments: tamperings.indices) func editedBatchesAndReviewsAreFound(_ number: Int) throws {
        let desk = try Desk()
        try Self.live(desk, CrashTests.Told())
        let (sql, finding) = Self.tamperings[number]
        let store = desk.core.store
        #expect(try LedgerVerifier.run(store.database, mark: store.mark, expecting: nil).findings == [])
        try store.database.execute("PRAGMA foreign_keys = OFF; " + sql)
        let found = try LedgerVerifier.run(store.database, mark: store.mark, expecting: nil)
        #expect(found.findings.contains { $0.contains(finding) }, "\(found.findings)")
    }

    /// What goes by itself, goes by the journal's word.
    @Test func forgottenReviewsLeaveSoundBooks() throws {
        let desk = try Desk()
        try Self.live(desk, CrashTests.Told())
        let store = desk.core.store
        let rows = Int(try store.database.value("SELECT count(*) FROM reviews") ?? "") ?? 0
        try store.beginIfNeeded()
        for row in try store.reviews.over(now: .max) { try store.reviews.delete(row.claim) }
        try store.commit(at: Pay.now)
        #expect(rows == 3)
        #expect(try store.database.value("SELECT count(*) FROM review_urls") == "0")
        #expect(try LedgerVerifier.run(store.database, mark: store.mark, expecting: nil).findings == [])
    }
}
