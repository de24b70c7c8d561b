import CSQLite
import Testing

@testable import Ledger

/// Power lost, writes failed and syncs failed at every single operation of a life of payments, under the real SQLite code.
@Suite struct CrashTests {
    /// What callers were told, which no crash may make untrue.
    final class Told {
        var claimed: Set<ClaimKey> = []
        var paid: [ClaimKey: String] = [:]
        var open: [Answer<Admitted>] = []

        func claim(_ desk: Desk, _ admission: Admission) -> Ticket? {
            let answer = desk.admit(admission)
            if case .claimed = answer.value { claimed.insert(admission.key) }
            return answer.ticket
        }

        func settled(_ answer: Answer<Settlement>, _ admission: Admission) {
            if case .settled(let transaction, _) = answer.value { paid[admission.key] = transaction }
        }

        func pay(_ desk: Desk, _ admission: Admission, _ end: ExchangeEnd?) {
            guard let ticket = claim(desk, admission) else { return }
            if admission.order == .after {
                settled(desk.answered(ticket), admission)
            } else {
                settled(desk.settle(ticket, forwardsLater: !admission.isIdempotent), admission)
                _ = desk.forwarding(ticket)
            }
            if let end { desk.ended(ticket, end) } else { desk.held.append(ticket) }
        }
    }

    static let owed = ExchangeEnd.undelivered(noRequestByteWritten: false)

    /// A bit of everything; leaves claims in flight in every state that the sandbox has.
    static func live(_ desk: Desk, _ told: Told, from base: Int = 0) {
        func admission(_ number: Int, wallet: Int, _ order: SettleOrder = .after) -> Admission {
            var admission = Pay.admission(
                wallet: base + wallet, nonce: base + number, binding: base + number, order: order)
            admission.isIdempotent = number % 2 == 0
            return admission
        }
        told.pay(desk, admission(1, wallet: 1), .delivered)
        let void = admission(2, wallet: 1)
        if let ticket = told.claim(desk, void) { desk.ended(ticket, .uncharged(reason: "upstream_500")) }
        told.pay(desk, void, owed)
        var retry = void
        retry.key = admission(3, wallet: 1).key
        if let rerun = desk.admit(retry).ticket { desk.ended(rerun, .delivered) }
        told.pay(desk, admission(4, wallet: 2, .first), owed)
        told.pay(desk, admission(5, wallet: 2, .first), .delivered)
        desk.pass(milliseconds: 30)
        desk.together {
            told.open.append(desk.admit(admission(6, wallet: 3)))
            told.open.append(desk.admit(admission(7, wallet: 3)))
            told.open.append(desk.admit(admission(8, wallet: 4, .first)))
        }
        told.pay(desk, admission(9, wallet: 5), nil)
        told.pay(desk, admission(10, wallet: 5, .first), nil)
        told.pay(desk, admission(11, wallet: 5, .first), nil)
        var again = admission(4, wallet: 2, .first)
        again.key = admission(12, wallet: 2).key
        if let rerun = desk.admit(again).ticket { desk.held.append(rerun) }
        told.pay(desk, admission(14, wallet: 7, .first), owed)
        let late = admission(13, wallet: 6, .first)
        if let ticket = told.claim(desk, late) { desk.held.append(ticket) }
        let paid = admission(15, wallet: 8, .first)
        if let ticket = told.claim(desk, paid) {
            told.settled(desk.settle(ticket, forwardsLater: true), paid)
            desk.held.append(ticket)
        }
    }

    /// What must hold on a disk that a new process opened.
    static func expectSound(_ desk: Desk, _ told: Told, _ place: String) throws {
        let database = desk.core.store.database
        #expect(try database.value("PRAGMA integrity_check") == "ok", "\(place)")
        #expect(try desk.core.store.openClaims().isEmpty, "\(place): something was left in flight")
        for key in told.claimed {
            #expect(try desk.core.store.claim(key) != nil, "\(place): a claim is lost")
        }
        for (key, transaction) in told.paid {
            let claim = try desk.core.store.claim(key)
            #expect(claim?.transaction == transaction, "\(place): a payment is lost")
            #expect(
                claim?.state == .owed || claim?.state == .delivered, "\(place): \(String(describing: claim?.state))")
        }
        try expectConserved(database, place)
    }

    /// Σ balances + Σ settled = Σ grants, for every wallet.
    static func expectConserved(_ database: Database, _ place: String) throws {
        let statement = try database.prepare(
            """
            SELECT b.granted - b.balance - (SELECT coalesce(sum(c.amount), 0) FROM claims c
                WHERE c.paid AND c.payer = b.payer AND c.asset = b.asset AND c.chain = b.chain)
            FROM sandbox_balances b
            """)
        while try statement.step() { #expect(statement.integer(0) == 0, "\(place): money was made or lost") }
        #expect(
            try database.value(
                "SELECT count(*) FROM claims WHERE paid AND payer NOT IN (SELECT payer FROM sandbox_balances)") == "0",
            "\(place): paid by nobody")
    }

    /// Life goes on: paid nonces stay used, owed requests are redeemed and not charged again.
    static func expectHonoured(_ desk: Desk, _ told: Told, _ place: String) throws {
        for (key, _) in told.paid {
            let claim = try #require(try desk.core.store.claim(key))
            var admission = Pay.admission(order: claim.order)
            admission.key = key
            admission.binding = claim.binding
            #expect(desk.admit(admission).text == Pay.used, "\(place): a paid nonce was taken again")
            guard claim.state == .owed, claim.reruns < 3 else { continue }
            let before = try desk.balance(admission)
            admission.key = ClaimKey(
                chain: key.chain, asset: key.asset, payer: key.payer, nonce: Pay.bytes32(1_000_000 + Int(claim.id.row)))
            let answer = desk.admit(admission)
            #expect(answer.text == "redeemed sandbox-", "\(place): what is owed was not honoured")
            if let ticket = answer.ticket { desk.ended(ticket, .delivered) }
            #expect(try desk.balance(admission) == before, "\(place): charged twice")
        }
    }

    /// Opens what is left: nothing unsynced, and one of many mixtures.
    static func check(_ old: CrashDisk, _ told: Told, _ place: String, seed: Int) throws {
        let survivals: [CrashDisk.Survival] = [seed % 5 == 0 ? .all : .none, .some(seed: UInt64(seed) &* 7919)]
        for survival in survivals {
            let desk = try Desk(disk: old.reboot(survival))
            try expectSound(desk, told, "\(place), \(survival)")
            try expectHonoured(desk, told, "\(place), \(survival)")
        }
    }

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
    @Test func powerLostAtEveryOperation() throws {
        let whole = CrashDisk()
        Self.live(try Desk(disk: whole), Told())
        #expect(whole.operations > 100)
        for point in 1...whole.operations {
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
        for point in stride(from: opened + 1, through: whole.operations, by: 5) {
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
        for skip in 0..<min(count, 90) {
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
        desk.pass(milliseconds: 19)
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
