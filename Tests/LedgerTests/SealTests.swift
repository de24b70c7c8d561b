import CrashDisk
import Glibc
import Testing

@testable import Ledger

/// A ledger whose files were cut, changed or lost while nobody ran it: it opens with exactly what it held, or it does not open.
@Suite struct SealTests {
    /// Every row that must not be lost or changed, as text.
    static func rows(_ database: Database) throws -> [String] {
        var rows: [String] = []
        for table in JournalTable.allCases where table != .cuts {
            let columns = (table.key + table.groups.joined()).map { "quote(\($0))" }.joined(separator: " || ',' || ")
            let statement = try database.prepare("SELECT \(columns) FROM \(table.name) ORDER BY 1")
            while try statement.step() { rows.append("\(table.name) " + statement.text(0)) }
        }
        return rows
    }

    /// A story's disk, its process killed, with what it held. `written`: a part of it is in the database and sealed, the rest in the log.
    static func disk(written: Bool) throws -> (disk: CrashDisk, rows: [String]) {
        let disk = CrashDisk()
        let desk = try Desk(disk: disk)
        if written {
            CrashTests.live(desk, CrashTests.Told(), from: 500)
            desk.pass(milliseconds: 30)
            try desk.core.store.writeBack()
        }
        CrashTests.live(desk, CrashTests.Told())
        desk.pass(milliseconds: 30)
        let rows = try rows(desk.core.store.database)
        #expect(rows.count > (written ? 20 : 10))
        return (disk.reboot(.all), rows)
    }

    /// What came of opening `disk`.
    enum Opened: Hashable {
        case same
        case refused(String)
        case other
    }

    static func open(_ disk: CrashDisk, _ expected: [String]) -> Opened {
        do {
            let store = try Store(path: "ledger.db", vfs: disk.name, now: Pay.now)
            defer {
                disk.cutPower()
                store.database.close()
            }
            return try rows(store.database) == expected ? .same : .other
        } catch let fault as StoreFault {
            return .refused(fault.description)
        } catch {
            return .other
        }
    }

    @Test(arguments: [false, true]) func anUntouchedLedgerOpens(written: Bool) throws {
        let (disk, rows) = try Self.disk(written: written)
        #expect(Self.open(disk.reboot(.all), rows) == .same)
    }

    @Test(arguments: [false, true], ["ledger.db", "ledger.db-wal"]) func everyCut(written: Bool, file: String) throws {
        let (disk, rows) = try Self.disk(written: written)
        let size = disk.size(file)
        var refused = 0
        // Each page or frame, within its header, in its middle, and one byte less than all.
        let unit = file == "ledger.db" ? 4096 : 4120
        let begin = file == "ledger.db" ? 0 : 32
        let places = stride(from: begin, through: size, by: unit).flatMap {
            [$0, $0 + 10, $0 + unit / 2, $0 + unit - 1]
        }
        for place in [0, 1, 16, 31] + places where place < size {
            let copy = disk.reboot(.all)
            copy.cut(file, to: place)
            switch Self.open(copy, rows) {
            case .same: break
            case .refused(let text):
                refused += 1
                #expect(text.contains("ledger.db"), "cut at \(place): \(text)")
            case .other: Issue.record("\(file) cut at \(place): something else is there")
            }
        }
        #expect(refused > 0)
        if file == "ledger.db-wal" || written { #expect(refused > size / unit) }
    }

    @Test(arguments: [false, true], ["ledger.db", "ledger.db-wal"]) func aBitAnywhere(written: Bool, file: String)
        throws
    {
        let (disk, rows) = try Self.disk(written: written)
        var random = SplitMix(state: written ? 1 : 2)
        var counts: [String: Int] = [:]
        // A thousand in all by `make faults`.
        for _ in 0..<250 / FaultStride.every(4) {
            let place = Int.random(in: 0..<disk.size(file), using: &random)
            let bit = Int.random(in: 0..<8, using: &random)
            let copy = disk.reboot(.all)
            copy.flip(file, at: place, bit: bit)
            switch Self.open(copy, rows) {
            case .same: counts["same", default: 0] += 1
            case .refused(let text):
                counts["refused", default: 0] += 1
                #expect(text.contains("ledger.db"), "bit \(bit) at \(place): \(text)")
            case .other: Issue.record("\(file), bit \(bit) at \(place): something else is there")
            }
        }
        if written || file == "ledger.db-wal" { #expect(counts["refused", default: 0] > 0) }
    }

    /// The files of a former time in the place of the newest.
    @Test func aFormerCopyIsRefused() throws {
        let (old, _) = try Self.disk(written: true)
        let desk = try Desk(disk: old.reboot(.all))
        CrashTests.live(desk, CrashTests.Told(), from: 900)
        desk.pass(milliseconds: 30)
        let newer = desk.disk.reboot(.all)
        for names in [["ledger.db", "ledger.db-wal"], ["ledger.db-wal"]] {
            let mixed = newer.reboot(.all)
            for name in names { mixed.copy(name, from: old) }
            guard case .refused = Self.open(mixed, []) else {
                Issue.record("\(names) of a former time were taken")
                continue
            }
        }
    }

    /// Files that are not there any more.
    @Test(arguments: [false, true]) func lostFiles(written: Bool) throws {
        let (disk, rows) = try Self.disk(written: written)
        for (names, opens) in [
            (["ledger.db"], false), (["ledger.db-wal"], false), (["ledger.db", "ledger.db-wal"], false),
            (["ledger.db-seal"], true),
        ] {
            let copy = disk.reboot(.all)
            for name in names { copy.remove(name) }
            let opened = Self.open(copy, rows)
            if opens {
                #expect(opened == .same, "\(names)")
            } else {
                #expect(opened != .same && opened != .other, "\(names)")
            }
        }
        guard written else { return }
        let damaged = disk.reboot(.all)
        for place in Seal.places where place < damaged.size("ledger.db-seal") {
            damaged.flip("ledger.db-seal", at: place + 20, bit: 3)
        }
        guard case .refused(let text) = Self.open(damaged, rows) else {
            Issue.record("a seal without a record was passed over")
            return
        }
        #expect(text.contains("ledger.db-seal is damaged"))
    }
}

/// Ledgers in real files, and what other programs and people do to them.
@Suite struct SealedFileTests {
    let folder = ScratchFolder()

    private func live(_ path: String, stops: Bool) throws {
        let desk = try FileDesk(path)
        try LedgerVerificationTests.live(desk)
        if stops {
            desk.core.stop()
        } else {
            desk.run(.admit(Pay.admission(wallet: 60, nonce: 60), AdmissionToken(number: 9999), { _ in }))
        }
        // A connection that is let go of unclosed is a process that is no more.
    }

    private func open() -> String {
        do throws(StoreFault) {
            let store = try Store(path: folder.file("ledger.db"), now: Pay.now)
            try store.close()
            return "opened"
        } catch {
            return error.description
        }
    }

    /// Whoever looks into a stopped ledger with SQLite's own tools writes its log back: the journal proves the rows then.
    @Test func anotherProgramMayWriteTheLogBack() throws {
        try live(folder.file("ledger.db"), stops: false)
        let seal = try #require(try Seal(ledger: folder.file("ledger.db"), vfs: nil, makes: false)?.record)
        #expect(!seal.isWrittenBack && seal.logFrames > 0)
        let other = try Database(path: folder.file("ledger.db"))
        try other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        #expect(open() == "opened")
        let next = try #require(try Seal(ledger: folder.file("ledger.db"), vfs: nil, makes: false)?.record)
        #expect(next.isWrittenBack && next.sealedPages > 5)
    }

    /// And where they do not bear out the rows, nothing is taken.
    @Test func aChangeByAnotherProgramIsRefusedUntilItIsAccepted() throws {
        let path = folder.file("ledger.db")
        for stops in [true, false] {
            if stops { try live(path, stops: true) }
            let other = try Database(path: path)
            try other.execute("UPDATE claims SET amount = amount + 4 WHERE id = 1; PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
            #expect(open().contains(stops ? "another program wrote to it" : "not as"))
            let found = try LedgerRepair.acceptLoss(path: path, now: Pay.now)
            #expect(found.findings.contains { $0.contains("amount is") })
            #expect(open() == "opened")
        }
    }

    @Test func anEmptyFileIsNotTakenForANewLedger() throws {
        let path = folder.file("ledger.db")
        try live(path, stops: true)
        #expect(truncate(path, 0) == 0)
        #expect(open().contains("is empty, but entry"))
        #expect(throws: LedgerFault.self) { try LedgerRepair.acceptLoss(path: path, now: Pay.now) }
        #expect(unlink(Seal.path(of: path)) == 0)
        #expect(open() == "opened")
    }

    /// Under a running gateway: it goes on, and its pages are sealed again with the next log that is written back.
    @Test func aLogThatAnotherProgramWritesBackMeanwhile() throws {
        let path = folder.file("ledger.db")
        let desk = try FileDesk(path)
        try LedgerVerificationTests.live(desk)
        for goesOn in [true, false] {
            let other = try Database(path: path)
            try other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
            if goesOn { #expect(desk.admit(Pay.admission(wallet: 70, nonce: 70)) != nil) }
            try desk.core.store.writeBack()
            let record = try #require(try Seal(ledger: path, vfs: nil, makes: false)?.record)
            #expect(record.isWrittenBack && record.sealedPages > 5)
        }
        #expect(desk.core.failure == nil)
        desk.core.stop()
        #expect(open() == "opened")
    }

    /// By another name: the side files stand beside the real one.
    @Test func aLinkToALedger() throws {
        let path = folder.file("ledger.db")
        try live(path, stops: false)
        #expect(symlink(path, folder.file("link.db")) == 0)
        let log = LogFile.headerBytes + 100
        #expect(truncate(path + "-wal", log) == 0)
        #expect(throws: StoreFault.self) { try Store(path: folder.file("link.db"), now: Pay.now) }
        #expect(access(folder.file("link.db-seal"), F_OK) != 0)
    }

    @Test func theSealIsAsPrivateAsTheLedger() throws {
        let path = folder.file("ledger.db")
        _ = ProcessLock.tryLock(ledger: path)
        try live(path, stops: true)
        var status = stat()
        #expect(stat(Seal.path(of: path), &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
}
