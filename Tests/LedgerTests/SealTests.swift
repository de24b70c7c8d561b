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
    enum Opened: Hashable { case same, refused(String), other }

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
        let places = stride(from: begin, through: size, by: unit).flatMap { [$0, $0 + 10, $0 + unit / 2, $0 + unit - 1] }
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

    @Test(arguments: [false, true], ["ledger.db", "ledger.db-wal"]) func aThousandBits(written: Bool, file: String) throws {
        let (disk, rows) = try Self.disk(written: written)
        var random = SplitMix(state: written ? 1 : 2)
        var counts: [String: Int] = [:]
        for _ in 0..<250 {
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
            (["ledger.db"], false), (["ledger.db-wal"], false), (["ledger.db", "ledger.db-wal"], false), (["ledger.db-seal"], true),
        ] {
            let copy = disk.reboot(.all)
            for name in names { copy.remove(name) }
            let opened = Self.open(copy, rows)
            if opens { #expect(opened == .same, "\(names)") } else { #expect(opened != .same && opened != .other, "\(names)") }
        }
        guard written else { return }
        let damaged = disk.reboot(.all)
        for place in Seal.places where place < damaged.size("ledger.db-seal") { damaged.flip("ledger.db-seal", at: place + 20, bit: 3) }
        guard case .refused(let text) = Self.open(damaged, rows) else {
            Issue.record("a seal without a record was passed over")
            return
        }
        #expect(text.contains("ledger.db-seal is damaged"))
    }
}
