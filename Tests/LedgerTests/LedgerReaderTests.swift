import CrashDisk
import Glibc
import Testing

@testable import Ledger

/// Looking at a ledger, and changing it by hand, from outside.
@Suite struct LedgerReaderTests {
    let folder = ScratchFolder()

    /// One claim delivered, one owed, one void, by two wallets.
    func fill(_ path: String) throws {
        let lock = ProcessLock.tryLock(ledger: path)
        let store = try Store(path: path, now: Pay.now)
        let core = LedgerCore(store: store, clock: ManualClock(), mailbox: Mailbox())
        let ends: [ExchangeEnd] = [
            .delivered, .undelivered(noRequestByteWritten: false), .uncharged(reason: "upstream_500"),
        ]
        for (index, end) in ends.enumerated() {
            let answer = Answer<Admitted>()
            let admission = Pay.admission(
                wallet: 1 + index / 2, nonce: index, binding: index, order: .first, amount: UInt128(index + 1))
            _ = core.run([.admit(admission, AdmissionToken(number: UInt64(index)), answer.callback)])
            let ticket = try #require(answer.ticket)
            if index < 2 { _ = core.run([.settle(ticket.here, forwardsLater: false, { _ in })]) }
            _ = core.run([.ended(ticket.here, end)])
        }
        core.stop()
        withExtendedLifetime(lock) {}
    }

    @Test func listsFiltersAndSums() throws {
        let path = folder.file("ledger.db")
        try fill(path)
        let reader = try LedgerReader(path: path)
        #expect(try reader.list(limit: 10).map(\.state) == [.void, .owed, .delivered])
        #expect(try reader.list(limit: 2).map(\.state) == [.void, .owed])
        #expect(
            try reader.list(ClaimFilter(states: [.owed, .delivered]), limit: 10).map(\.state) == [.owed, .delivered])
        #expect(try reader.list(ClaimFilter(payer: Pay.bytes20(2)), limit: 10).map(\.state) == [.void])
        #expect(try reader.list(ClaimFilter(chain: "eip155:1"), limit: 10).isEmpty)
        #expect(try reader.list(ClaimFilter(states: []), limit: 10).isEmpty)
        #expect(try reader.owed(limit: 10).map(\.state) == [.owed])
        let sums = try reader.summary().map { "\($0.state) \($0.count) \($0.amountAtomic)" }
        #expect(sums == ["delivered 1 1", "owed 1 2", "void 1 3"])
        let owed = try #require(try reader.owed(limit: 1).first)
        #expect(try reader.claim(owed.id) == owed)
        #expect(try reader.claim(ClaimID(row: owed.id.row, ledger: owed.id.ledger ^ 1)) == nil)
        #expect(try reader.claim(ClaimID(row: 99, ledger: owed.id.ledger)) == nil)
    }

    @Test func readsWhileTheGatewayRunsAndWhatACrashLeft() throws {
        let path = folder.file("ledger.db")
        let ledger = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { ledger.health == .ready })
        let reader = try LedgerReader(path: path)
        var admission = Pay.admission()
        admission.validBefore = .max
        let answer = Answer<Admitted>()
        ledger.admit(admission, reply: answer.callback)
        #expect(eventually { answer.value != nil })
        #expect(try reader.list(limit: 10).map(\.state) == [.running])
        // The log and the database as a crash at this moment would leave them.
        for suffix in ["", "-wal"] {
            let command = "cp '\(path)\(suffix)' '\(folder.file("crashed.db"))\(suffix)'"
            // By another process: a descriptor closed here would drop SQLite's locks.
            #expect(system(command) == 0)
        }
        #expect(try LedgerReader(path: folder.file("crashed.db")).list(limit: 10).map(\.state) == [.running])
        ledger.stop()
    }

    @Test func whatWasSentIsPending() throws {
        let path = folder.file("ledger.db")
        let lock = ProcessLock.tryLock(ledger: path)
        let core = LedgerCore(
            store: try Store(path: path, now: Pay.now), clock: ManualClock(), mailbox: Mailbox())
        var tickets: [Ticket] = []
        for number in 1...3 {
            let (verified, claimed, sent) = (Answer<Admitted>(), Answer<Admitted>(), Answer<Sending>())
            let admission = VerificationTests.chain(wallet: number, nonce: number, order: .first)
            _ = core.run([.admit(admission, AdmissionToken(number: UInt64(number)), verified.callback)])
            let hold = try #require(verified.hold)
            hold.didEnd()
            _ = core.run([.claim(hold.name, balanceAtomic: 10, claimed.callback)])
            let ticket = try #require(claimed.ticket)
            _ = core.run([.sending(ticket.here, Pay.transaction(number), sent.callback)])
            tickets.append(ticket)
        }
        _ = core.run([
            .evidence(tickets[0].id, .settled(transaction: "0x1", block: 5), { _ in }),
            .evidence(tickets[1].id, .unknown(transaction: nil), { _ in }),
            .replacing(tickets[1].id, Pay.transaction(2, replacement: 1), { _ in }),
        ])
        core.stop()
        withExtendedLifetime(lock) {}
        let reader = try LedgerReader(path: path)
        #expect(try reader.pending(limit: 10).map(\.state) == [.unknown, .sent])
        #expect(try reader.pending(limit: 1).map(\.state) == [.unknown])
        let transactions = try reader.transactions(of: tickets[1].id)
        #expect(transactions.map(\.transaction) == [Pay.transaction(2), Pay.transaction(2, replacement: 1)])
        #expect(transactions.map(\.number) == [0, 1] && transactions.map(\.recordedAt) == [Pay.now, Pay.now])
        #expect(try reader.transactions(of: ClaimID(row: tickets[1].id.row, ledger: 1)).isEmpty)
        #expect(try reader.list(limit: 10).last?.evidenceBlock == 5)
    }

    @Test func whatIsNotThereIsNotMade() {
        let path = folder.file("none.db")
        #expect(throws: LedgerFault.self) { try LedgerReader(path: path) }
        #expect(throws: LedgerFault.self) {
            try LedgerRepair.resolve(ClaimID(row: 1, ledger: 1), as: .delivered, path: path, now: Pay.now)
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func tablesOfAnotherVersionAreNotRead() throws {
        let path = folder.file("ledger.db")
        try fill(path)
        for version in [0, 99] {
            let database = try Database(path: path)
            try database.execute("PRAGMA user_version = \(version)")
            database.close()
            #expect(throws: LedgerFault.self) { try LedgerReader(path: path) }
        }
    }

    @Test func aPersonsWordNeedsTheLock() throws {
        let path = folder.file("ledger.db")
        try fill(path)
        let owed = try #require(try LedgerReader(path: path).owed(limit: 1).first)
        let ledger = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { ledger.health == .ready })
        #expect(throws: LedgerFault.self) {
            try LedgerRepair.resolve(owed.id, as: .delivered, path: path, now: Pay.now)
        }
        ledger.stop()
        #expect(try LedgerRepair.resolve(owed.id, as: .failed, path: path, now: Pay.now) == .refused(.owed))
        #expect(try LedgerRepair.resolve(owed.id, as: .delivered, path: path, now: Pay.now) == .done)
        #expect(try LedgerReader(path: path).claim(owed.id)?.state == .delivered)
    }

    static let names: [(String, ClaimID?)] = [
        ("fb_0000000a_12", ClaimID(row: 12, ledger: 10)), ("fb_ffffffff_1", ClaimID(row: 1, ledger: .max)),
        ("fb_a_12", nil), ("fb_0000000A_12", nil), ("fb_0000000a_012", nil), ("fb_0000000a_+12", nil),
        ("fb_0000000a", nil), ("xx_0000000a_12", nil), ("", nil), ("fb_0000000a_12_", nil),
    ]

    @Test(arguments: names.indices) func claimNames(_ row: Int) {
        let (text, id) = Self.names[row]
        #expect(ClaimID(idempotencyKey: text) == id)
        if let id { #expect(id.idempotencyKey == text) }
    }

    /// A value in a row that cannot be meant is a fault, never a guess.
    @Test(arguments: [
        "state = 'paid'", "settle = 'later'", "paid = 0", "amount = '1e3'", "amount = ''", "bind = 'none'",
        "facilitator = 'x'",
    ])
    func aSpoiledRowIsAFault(change: String) throws {
        let path = folder.file("ledger.db")
        try fill(path)
        let database = try Database(path: path)
        try database.execute("PRAGMA ignore_check_constraints = ON; UPDATE claims SET \(change) WHERE state = 'owed'")
        database.close()
        let reader = try LedgerReader(path: path)
        #expect(throws: LedgerFault.self) { try reader.list(limit: 10) }
    }
}
