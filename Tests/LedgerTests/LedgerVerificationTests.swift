import Bytes
import CrashDisk
import Digests
import Glibc
import Testing

@testable import Ledger

/// A ledger as it was written is found sound; changed behind its back, it is not.
@Suite struct LedgerVerificationTests {
    let folder = ScratchFolder()

    /// Claims at several places, a redemption, and transactions of a relayer.
    static func live(_ path: String) throws {
        let desk = try FileDesk(path)
        try live(desk)
        desk.core.stop()
    }

    static func live(_ desk: FileDesk) throws {
        for number in 1...5 {
            let ticket = try #require(desk.admit(Pay.admission(wallet: number, nonce: number, order: .first)))
            desk.run(.settle(ticket.here, forwardsLater: false, { _ in }))
            desk.run(.ended(ticket.here, number < 3 ? .delivered : .undelivered(noRequestByteWritten: false)))
        }
        let rerun = try #require(desk.admit(Pay.admission(wallet: 3, nonce: 6, order: .first)))
        desk.run(.ended(rerun.here, .delivered))
        for number in 0..<2 {
            let sent = try #require(
                desk.admit(Pay.admission(wallet: 7 + number, nonce: 7 + number, order: .first, facilitator: .chain)))
            desk.run(.sending(sent.here, Pay.transaction(number), { _ in }))
        }
    }

    func verify(expecting head: JournalHead? = nil) throws -> LedgerVerification {
        try LedgerReader(path: folder.file("ledger.db")).verify(expecting: head)
    }

    func tamper(_ sql: String) throws {
        let database = try Database(path: folder.file("ledger.db"))
        defer { database.close() }
        try database.execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; " + sql)
    }

    @Test func aLedgerAsItWasWrittenIsSound() throws {
        try Self.live(folder.file("ledger.db"))
        let first = try verify()
        #expect(first.findings == [])
        #expect(first.isSound && first.entries == first.head.sequence && first.rows == 10)
        #expect(try verify(expecting: first.head).isSound)
        #expect(try verify(expecting: first.cut).isSound)
        // Another day's work goes on from there.
        let desk = try FileDesk(folder.file("ledger.db"))
        _ = desk.admit(Pay.admission(wallet: 50, nonce: 50))
        desk.core.stop()
        #expect(try verify(expecting: first.head).isSound)
        #expect(try verify().head.sequence > first.head.sequence)
    }

    static let tamperings: [(sql: String, finding: String)] = [
        ("UPDATE claims SET amount = '5' WHERE id = 1", "amount is \"5\", entry 1 says \"1\""),
        ("UPDATE claims SET pay_to = payer WHERE id = 1", "pay_to is \(Pay.bytes20(1).hex)"),
        ("UPDATE claims SET state = 'delivered' WHERE state = 'owed'", "state is \"delivered\", entry"),
        ("UPDATE claims SET at_rest = 1 WHERE at_rest = 0", "at_rest is 1"),
        ("UPDATE claims SET gas_wei = '1' WHERE id = 6", "gas_wei is \"1\""),
        ("UPDATE claims SET binding = nonce WHERE id = 2", "binding is"),
        ("UPDATE claims SET reruns = 0 WHERE id = 3", "reruns is 0"),
        ("DELETE FROM claims WHERE id = 2", "is missing; entry"),
        ("DELETE FROM claims WHERE id = (SELECT max(id) FROM claims)", "is missing; entry"),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM claims WHERE id = 1; UPDATE t SET id = 99, nonce = zeroblob(32);"
                + " INSERT INTO claims SELECT * FROM t", "is not in the journal"
        ),
        ("DELETE FROM redemptions", "redemptions: chain \"eip155:84532\""),
        ("UPDATE redemptions SET claim = 1", "claim is 1"),
        ("DELETE FROM transactions", "transactions: hash 0x"),
        ("UPDATE transactions SET max_fee_wei = '0'", "max_fee_wei is \"0\""),
        ("UPDATE journal SET changes = CAST(changes || x'00' AS BLOB) WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE journal SET changes = substr(changes, 1, length(changes) - 1) WHERE sequence = 3", "no valid changes"),
        ("UPDATE journal SET recorded_at = recorded_at + 1 WHERE sequence = 4", "entry 4 was changed"),
        ("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 4", "entry 4 was changed"),
        (
            "UPDATE journal SET hash = zeroblob(32) WHERE sequence = 4",
            "entry 5 was changed, or does not follow entry 4"
        ),
        ("DELETE FROM journal WHERE sequence = 1", "entry 1 is missing"),
        ("DELETE FROM journal WHERE sequence BETWEEN 2 AND 4", "entries 2 to 4 are missing"),
        (
            "UPDATE journal SET sequence = -1 WHERE sequence = 2; UPDATE journal SET sequence = 2 WHERE sequence = 3;"
                + " UPDATE journal SET sequence = 3 WHERE sequence = -1", "entry 2 was changed"
        ),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM journal WHERE sequence IN (2, 3); UPDATE journal SET"
                + " (recorded_at, changes, hash) = (SELECT recorded_at, changes, hash FROM t WHERE t.sequence = 5 - journal.sequence)"
                + " WHERE sequence IN (2, 3)", "entry 2 was changed"
        ),
        ("DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)", "its end is cut off"),
        ("DELETE FROM journal WHERE sequence > 3", "is not in the journal"),
        ("DELETE FROM journal", "its end is cut off"),
        (
            "UPDATE journal SET hash = zeroblob(32) WHERE sequence = (SELECT max(sequence) FROM journal)",
            "is not the one that was on disk"
        ),
        ("UPDATE ledger SET created_at = created_at + 1", "mark or time of making"),
        ("UPDATE ledger SET mark = mark - 1", "mark or time of making"),
        (
            "UPDATE ledger SET cut_sequence = 2, cut_hash = (SELECT hash FROM journal WHERE sequence = 2);"
                + " DELETE FROM journal WHERE sequence <= 2", "the journal does not say so"
        ),
        ("INSERT INTO journal VALUES (0, 1, x'', zeroblob(32))", "lies before the journal's beginning"),
    ]

    @Test(arguments: tamperings.indices) func tamperingIsFound(_ number: Int) throws {
        try Self.live(folder.file("ledger.db"))
        let (sql, finding) = Self.tamperings[number]
        try tamper(sql)
        let result = try verify()
        #expect(!result.isSound)
        #expect(result.findings.contains { $0.contains(finding) }, "\(result.findings)")
    }

    /// Whoever writes the file can write a whole new chain: only a head that was noted elsewhere tells.
    @Test func aForgedChainIsFoundByTheNotedHead() throws {
        try Self.live(folder.file("ledger.db"))
        let noted = try verify().head
        // The last commit undone in every place, as if it had never been.
        try tamper(
            """
            DELETE FROM journal WHERE sequence > 1;
            DELETE FROM redemptions; DELETE FROM transactions; DELETE FROM claims WHERE id > 1;
            UPDATE claims SET state = 'claimed', at_rest = 0, paid = 0, transaction_id = NULL, settle = 'first'
            """)
        #expect(try !verify().isSound, "the seal tells")
        #expect(unlink(folder.file("ledger.db-seal")) == 0)
        #expect(try verify().isSound)
        let cut = try verify(expecting: noted)
        #expect(cut.findings.contains { $0.contains("before the noted entry \(noted.sequence): its end is cut off") })
        // The same length, another content.
        let other = try verify(expecting: JournalHead(sequence: 1, hash: noted.hash))
        #expect(other.findings.contains { $0.contains("entry 1 is not the one that was noted") })
    }

    /// A ledger whose journal and rows do not end together is not opened.
    @Test func aCutOffJournalIsNotContinued() throws {
        try Self.live(folder.file("ledger.db"))
        try tamper("DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)")
        #expect(throws: StoreFault.self) { try Store(path: folder.file("ledger.db"), now: Pay.now) }
    }

    /// What changes nothing is no entry.
    @Test func whatIsNotWrittenIsNotJournaled() throws {
        let desk = try FileDesk(folder.file("ledger.db"))
        _ = desk.admit(Pay.admission(nonce: 1))
        let head = desk.core.store.journal.head
        _ = desk.admit(Pay.admission(nonce: 1, binding: 2))
        desk.run(.watched { _ in })
        #expect(desk.core.store.journal.head == head)
        desk.core.stop()
    }
}

/// A ledger without its thread in a real file.
final class FileDesk {
    let core: LedgerCore
    let clock: ManualClock
    private var tokens: UInt64 = 0

    init(_ path: String, clock: ManualClock = ManualClock()) throws {
        self.clock = clock
        let store = try Store(path: path, now: clock.unixSeconds())
        _ = try Recovery.run(store, now: clock.unixSeconds())
        core = LedgerCore(store: store, clock: clock, mailbox: Mailbox())
    }

    func run(_ letter: Letter) { _ = core.run([letter]) }

    /// Claims, or redeems; a payment of the chain's is found good at once.
    func admit(_ admission: Admission) -> Ticket? {
        tokens += 1
        let answer = Answer<Admitted>()
        run(.admit(admission, AdmissionToken(number: tokens), answer.callback))
        guard let hold = answer.hold else { return answer.ticket }
        let claimed = Answer<Admitted>()
        hold.didEnd()
        run(.claim(hold.name, balanceAtomic: admission.amountAtomic, claimed.callback))
        return claimed.ticket
    }
}
