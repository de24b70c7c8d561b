import CSQLite
import CrashDisk
import Testing

@testable import Ledger

/// Power lost, writes failed and syncs failed anywhere in a life of payments, under the real SQLite code; at every single operation by
/// `make faults`.
@Suite struct CrashTests {
    @Test func theStoryReachesEveryState() throws {
        let desk = try Desk()
        let told = Told()
        Self.live(desk, told)
        let database = desk.core.store.database
        let statement = try database.prepare("SELECT DISTINCT settle || ' ' || state || paid FROM claims ORDER BY 1")
        var states: [String] = []
        while try statement.step() { states.append(statement.text(0)) }
        #expect(
            states == [
                "after delivered1", "after running0", "after settled1", "first claimed0", "first delivered1",
                "first owed1", "first running1", "first settled1",
            ])
        try Self.check(desk.disk, told, "no crash", seed: 1)
    }

    /// From the first byte of a new file on.
    @Test func powerLostAtAnyOperation() throws {
        let whole = CrashDisk()
        Self.live(try Desk(disk: whole), Told())
        #expect(whole.operations > 100)
        for point in stride(from: 1, through: whole.operations, by: FaultStride.every(3)) {
            let disk = CrashDisk()
            disk.powerFailsAt = point
            let told = Told()
            if let desk = try? Desk(disk: disk) { Self.live(desk, told) }
            #expect(disk.isDown)
            try Self.check(disk, told, "power lost at \(point)", seed: point)
        }
    }

    /// A disk whose log is about to be written back into the database.
    static func nearCheckpoint() throws -> CrashDisk {
        let desk = try Desk()
        var nonce = 1000
        while desk.disk.size("ledger.db-wal") < 985 * 4120 {
            nonce += 1
            if let ticket = desk.admit(Pay.admission(wallet: nonce, nonce: nonce)).ticket {
                desk.ended(ticket, .uncharged(reason: ""))
            }
        }
        desk.pass(milliseconds: 30)
        return desk.disk
    }

    @Test func powerLostAroundACheckpoint() throws {
        let start = try Self.nearCheckpoint()
        let whole = start.reboot(.all)
        let desk = try Desk(disk: whole)
        let opened = whole.operations
        Self.live(desk, Told())
        #expect(whole.files["ledger.db"]?.durable.count ?? 0 > 100_000, "the checkpoint has not been reached")
        for point in stride(from: opened + 1, through: whole.operations, by: FaultStride.every(10)) {
            let disk = start.reboot(.all)
            let told = Told()
            let desk = try Desk(disk: disk)
            disk.powerFailsAt = disk.operations + point - opened
            Self.live(desk, told)
            let next = try Desk(disk: disk.reboot(.some(seed: UInt64(point))))
            try Self.expectSound(next, told, "power lost at \(point)")
        }
    }

    static let faults: [(CrashDisk.Operation, Int32)] = [
        (.sync, SQLITE_IOERR | 4 << 8), (.write, SQLITE_FULL), (.write, SQLITE_IOERR | 3 << 8),
    ]

    /// A failed write or sync stops the ledger for good: everybody is told once, and nothing is tried again.
    @Test(arguments: faults.indices) func aFailedOperationStopsTheLedger(_ fault: Int) throws {
        let (operation, code) = Self.faults[fault]
        let disk = CrashDisk()
        let desk = try Desk(disk: disk)
        let told = Told()
        let ticket = try #require(told.claim(desk, Pay.admission(wallet: 1, nonce: 1)))
        let waiting = desk.admit(Pay.admission(wallet: 1, nonce: 2, binding: 2))
        let copy = desk.admit(Pay.admission(wallet: 1, nonce: 1))
        disk.failNext = (operation, code)
        let (settlement, admission) = desk.together {
            (desk.answered(ticket), desk.admit(Pay.admission(wallet: 2, nonce: 3)))
        }
        let operations = disk.operations
        #expect(desk.core.failure != nil)
        guard case .unavailable = try #require(settlement.value) else {
            Issue.record("\(String(describing: settlement.value))")
            return
        }
        #expect([waiting, copy, admission].map(\.text) == ["unavailable", "unavailable", "unavailable"])
        #expect(desk.admit(Pay.admission(wallet: 3, nonce: 4)).text == "unavailable")
        desk.ended(ticket, .delivered)
        #expect(desk.resolve(ticket.id, .failed).value != nil)
        desk.pass(milliseconds: 60_000)
        desk.core.stop()
        #expect(disk.operations == operations, "something was written after the failure")
        #expect(desk.core.nextDeadline == nil)
        try Self.check(disk, told, "failed \(operation)", seed: fault)
    }

    /// The same wherever in the story it happens: every answer comes once, and what was told stays true.
    @Test(arguments: faults.indices) func aFailureAnywhereIsToldToEverybodyOnce(_ fault: Int) throws {
        let whole = CrashDisk()
        let desk = try Desk(disk: whole)
        let opened = whole.operations
        Self.live(desk, Told())
        let count = whole.operations - opened
        let step = FaultStride.every(6)
        for skip in stride(from: fault % step, to: count, by: step) {
            let disk = CrashDisk()
            let desk = try Desk(disk: disk)
            let told = Told()
            disk.failAfter = (skip, Self.faults[fault].0, Self.faults[fault].1)
            Self.live(desk, told)
            if desk.core.failure != nil {
                #expect(told.open.allSatisfy { $0.value != nil }, "somebody waits for ever")
                let operations = disk.operations
                desk.core.stop()
                #expect(disk.operations == operations)
            }
            let next = try Desk(disk: disk.reboot(.some(seed: UInt64(skip))))
            try Self.expectSound(next, told, "fault \(fault) after \(skip)")
            try Self.expectHonoured(next, told, "fault \(fault) after \(skip)")
        }
    }

    /// Closing would write a last checkpoint.
    @Test func aFailedLedgerIsNotClosed() throws {
        let disk = CrashDisk()
        var operations = 0
        do {
            let store = try Store(path: "ledger.db", vfs: disk.name, now: Pay.now)
            let core = LedgerCore(store: store, clock: ManualClock(), mailbox: Mailbox())
            disk.failNext = (.sync, SQLITE_IOERR | 4 << 8)
            _ = core.run([.admit(Pay.admission(), AdmissionToken(number: 1), { _ in })])
            operations = disk.operations
            core.stop()
        }
        #expect(disk.operations == operations)
        #expect(disk.size("ledger.db-wal") > 0)
    }

    /// A row that cannot be read stops the ledger while a payment is looked at: it and all others are told once.
    @Test(arguments: [true, false]) func aFaultWhileReadingIsToldToEverybodyOnce(inTheQueue: Bool) throws {
        let desk = try Desk()
        let spoiled = Pay.admission(nonce: 1, binding: 1)
        desk.ended(try #require(desk.admit(spoiled).ticket), .uncharged(reason: ""))
        let running = try #require(desk.admit(Pay.admission(nonce: 2, binding: 2)).ticket)
        let queued = inTheQueue ? desk.admit(spoiled) : nil
        try desk.core.store.database.execute("UPDATE claims SET amount = '' WHERE state = 'void'")
        let answers = desk.together {
            if inTheQueue { desk.ended(running, .uncharged(reason: "")) }
            let direct = inTheQueue ? nil : desk.admit(spoiled)
            return [direct, queued, desk.admit(Pay.admission(wallet: 2, nonce: 3))].compactMap(\.self)
        }
        #expect(answers.map(\.text) == ["unavailable", "unavailable"])
        #expect(desk.core.failure?.contains("amount") == true)
    }

    /// SQLite itself passes over a checkpoint that fails.
    @Test(arguments: [CrashDisk.Operation.sync, .write]) func aFailedCheckpointStopsTheLedger(
        _ operation: CrashDisk.Operation
    ) throws {
        let desk = try Desk(disk: try Self.nearCheckpoint().reboot(.all))
        var nonce = 0
        while desk.core.failure == nil && nonce < 100 {
            nonce += 1
            let size = desk.disk.size("ledger.db")
            // The commit's own operations succeed, the database's fail.
            desk.disk.failNextOnDatabase = operation
            let answer = desk.admit(Pay.admission(wallet: nonce, nonce: nonce))
            #expect(answer.text == "claimed", "nobody waits for a checkpoint")
            desk.held.append(try #require(answer.ticket))
            #expect(desk.disk.size("ledger.db") == size || operation == .sync)
        }
        #expect(desk.core.failure != nil)
        let operations = desk.disk.operations
        #expect(desk.admit(Pay.admission(wallet: 500, nonce: 500)).text == "unavailable")
        desk.core.stop()
        #expect(desk.disk.operations == operations)
    }

    /// No answer that effects may follow leaves before a sync that came after its claim was written.
    @Test func everyDurableAnswerIsPrecededByASync() throws {
        let desk = try Desk()
        var syncs = desk.disk.syncs
        func expectSynced(_ what: String) {
            #expect(desk.disk.syncs > syncs, "\(what) was answered without a sync")
            syncs = desk.disk.syncs
        }
        var admission = Pay.admission(nonce: 1, order: .first)
        admission.isIdempotent = false
        let ticket = try #require(desk.admit(admission).ticket)
        expectSynced("claimed")
        #expect(desk.settle(ticket, forwardsLater: true).value != nil)
        expectSynced("settled")
        #expect(try desk.state(admission) == .settled)
        #expect(desk.forwarding(ticket).value != nil)
        expectSynced("running")
        #expect(try desk.state(admission) == .running)
        desk.ended(ticket, .undelivered(noRequestByteWritten: true))
        #expect(desk.disk.syncs == syncs, "nobody waits for an end")
        admission.key = Pay.admission(nonce: 2).key
        let rerun = try #require(desk.admit(admission).ticket)
        expectSynced("redeemed")
        desk.ended(rerun, .delivered)
        let lazyMilliseconds = Int(LedgerCore.lazyCommitNanoseconds / 1_000_000)
        desk.pass(milliseconds: lazyMilliseconds - 1)
        #expect(desk.disk.syncs == syncs)
        #expect(desk.core.nextDeadline == desk.clock.monotonicNanoseconds() + 1_000_000)
        desk.pass(milliseconds: 1)
        expectSynced("delivered")
        #expect(desk.core.nextDeadline == nil)
    }

    /// One commit for a batch, however large.
    @Test func aBatchIsOneCommit() throws {
        let desk = try Desk()
        let syncs = desk.disk.syncs
        let answers = desk.together { (1...200).map { desk.admit(Pay.admission(wallet: $0, nonce: $0)) } }
        #expect(answers.allSatisfy { $0.text == "claimed" })
        #expect(desk.disk.syncs == syncs + 1)
        let refused = desk.together { (1...200).map { desk.admit(Pay.admission(wallet: $0, nonce: $0, binding: 2)) } }
        #expect(refused.allSatisfy { $0.text == Pay.used })
        #expect(desk.disk.syncs == syncs + 1, "a refusal costs no sync")
    }
}
