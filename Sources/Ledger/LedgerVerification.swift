import Bytes
import Digests

/// What `LedgerReader.verify` found.
public struct LedgerVerification: Sendable {
    /// The newest entry of the journal.
    public internal(set) var head: JournalHead
    /// The entry before the oldest that is kept.
    public internal(set) var cut: JournalHead
    public internal(set) var entries: Int64 = 0
    /// Rows that were compared with the journal.
    public internal(set) var rows: Int64 = 0
    /// What is not as it was written, for people; the first `findingsAtMost` of them.
    public internal(set) var findings: [String] = []
    /// All of them.
    public internal(set) var findingsCount = 0

    static let findingsAtMost = 200

    public var isSound: Bool { findingsCount == 0 }

    mutating func find(_ finding: String) {
        findingsCount += 1
        if findingsCount <= Self.findingsAtMost { findings.append(finding) }
    }
}

/// Reads the journal from its oldest entry to its newest, then every row that it speaks of.
struct LedgerVerifier {
    private let database: Database
    private let mark: UInt32
    private let expected: JournalHead?
    private var result: LedgerVerification
    private var replay = JournalReplay()
    private let findEntry: Statement

    /// `expected`: the head of a former day.
    init(_ database: Database, mark: UInt32, expecting expected: JournalHead?) throws(StoreFault) {
        self.database = database
        self.mark = mark
        self.expected = expected
        result = LedgerVerification(head: try Journal.head(database), cut: try Journal.cut(database))
        findEntry = try database.prepare("SELECT changes FROM journal WHERE sequence = ?1")
    }

    /// In one read transaction, so that a running gateway changes nothing under it.
    static func run(
        _ database: Database, mark: UInt32, expecting expected: JournalHead?, seal: Seal? = nil
    ) throws(StoreFault) -> LedgerVerification {
        try database.execute("BEGIN")
        defer { try? database.execute("COMMIT") }
        var verifier = try LedgerVerifier(database, mark: mark, expecting: expected)
        try verifier.readChain()
        if let seal { try verifier.check(seal) }
        for table in JournalTable.allCases where table != .cuts { try verifier.compare(table) }
        try verifier.checkStructure()
        return verifier.result
    }

    private mutating func readChain() throws(StoreFault) {
        let createdAt = Int64(try database.value("SELECT created_at FROM ledger") ?? "") ?? 0
        let genesis = JournalHead(sequence: 0, hash: Journal.genesis(mark: mark, createdAt: createdAt))
        if result.cut.sequence == 0 && result.cut != genesis {
            result.find("the ledger's mark or time of making was changed")
        }
        let entries = try database.prepare("SELECT sequence, recorded_at, changes, hash FROM journal ORDER BY sequence")
        var hasher = SHA256()
        var last = result.cut
        check(last)
        while try entries.step() {
            let sequence = entries.integer(0)
            result.entries += 1
            if sequence <= last.sequence {
                result.find("entry \(sequence) lies before the journal's beginning, entry \(result.cut.sequence + 1)")
                continue
            }
            if sequence > last.sequence + 1 {
                let (first, end) = (last.sequence + 1, sequence - 1)
                result.find(first == end ? "entry \(first) is missing" : "entries \(first) to \(end) are missing")
            }
            let changes = entries.blob(2)
            let hash = Journal.hash(
                after: last.hash, sequence: sequence, time: entries.integer(1), changes: changes, with: &hasher)
            let stored = Bytes32(entries.blob(3)) ?? .zero
            if sequence == last.sequence + 1 && hash != stored {
                result.find("entry \(sequence) was changed, or does not follow entry \(last.sequence)")
            }
            if !replay.apply(changes, sequence: sequence) { result.find("entry \(sequence) holds no valid changes") }
            last = JournalHead(sequence: sequence, hash: stored)
            check(last)
        }
        checkExpectedWasSeen(last)
        checkCut(genesis)
    }

    /// Within the transaction: pages that no frame of the log stands for stay as they are until it ends.
    private mutating func check(_ seal: Seal) throws(StoreFault) {
        if let record = seal.record {
            if let text = try StoreOpening.lag(database, behind: record.head) { result.find(text) }
            let log = try StoreOpening.log(of: database.path, vfs: nil)
            if case .damaged(let text) = try SealCheck.pages(database.file(), log: log, seal: seal) {
                result.find(text)
            }
        } else if seal.isDamaged {
            result.find("\(Seal.path(of: database.path)) holds no whole record")
        }
    }

    private mutating func check(_ entry: JournalHead) {
        guard let expected, entry.sequence == expected.sequence, entry != expected else { return }
        result.find("entry \(entry.sequence) is not the one that was noted: something up to it was changed")
    }

    private mutating func checkExpectedWasSeen(_ last: JournalHead) {
        guard let expected else { return }
        if expected.sequence > last.sequence {
            result.find(
                "the journal ends at entry \(last.sequence), before the noted entry \(expected.sequence): its end is cut off"
            )
        } else if expected.sequence < result.cut.sequence {
            result.find(
                "the noted entry \(expected.sequence) is no longer kept (the oldest is \(result.cut.sequence + 1)): "
                    + "take a later head from the log")
        }
    }

    /// Entries are dropped from the beginning by the journal's own word alone.
    private mutating func checkCut(_ genesis: JournalHead) {
        var buffer = ChangeBuffer()
        buffer.append(Int64(1))
        let place = replay.take(buffer.bytes(), of: .cuts)
        buffer.removeAll()
        buffer.append(result.cut.sequence)
        buffer.append(result.cut.hash)
        let digest = JournalReplay.digest(buffer.bytes(), salt: 0)
        let isSaid = place.map { replay.rows[.cuts]?[$0, 0].digest == digest } ?? (result.cut.sequence == 0)
        if !isSaid { result.find("entries up to \(result.cut.sequence) were dropped, and the journal does not say so") }
    }

    private mutating func compare(_ table: JournalTable) throws(StoreFault) {
        let columns = table.key + table.groups.joined()
        let rows = try database.prepare("SELECT \(columns.joined(separator: ", ")) FROM \(table.name)")
        var buffer = ChangeBuffer()
        while try rows.step() {
            result.rows += 1
            buffer.removeAll()
            for column in table.key.indices { buffer.append(rows, column: column) }
            guard let place = replay.take(buffer.bytes(), of: table) else {
                result.find("\(name(table, key: buffer.bytes())) is not in the journal")
                continue
            }
            let keyEnd = buffer.count
            var column = table.key.count
            for (number, names) in table.groups.enumerated() {
                let start = buffer.count
                for _ in names {
                    buffer.append(rows, column: column)
                    column += 1
                }
                guard let group = replay.rows[table]?[place, number] else { continue }
                if group.digest == JournalReplay.digest(buffer.bytes(from: start), salt: 0) { continue }
                let key = UnsafeRawBufferPointer(rebasing: buffer.bytes()[..<keyEnd])
                let differences = try difference(
                    table, number, key: key, values: buffer.bytes(from: start), entry: group.sequence)
                result.find("\(name(table, key: key)): \(differences)")
            }
        }
        try findMissing(table)
    }

    /// Which columns differ from what the journal says, and how.
    private func difference(
        _ table: JournalTable, _ group: Int, key: UnsafeRawBufferPointer, values: UnsafeRawBufferPointer, entry: Int64
    ) throws(StoreFault) -> String {
        try findEntry.bind(1, entry)
        defer { findEntry.reset() }
        var journaled: UnsafeRawBufferPointer?
        if try findEntry.step() {
            var reader = ChangeReader(findEntry.blob(0))
            while let change = JournalReplay.next(&reader) {
                guard change.table == table, change.key.elementsEqual(key) else { continue }
                journaled = change.groups.first { $0.number == group }?.values ?? journaled
            }
        }
        guard let journaled else { return "\(table.groups[group].joined(separator: ", ")) are not in the journal" }
        var here = ChangeReader(values)
        var there = ChangeReader(journaled)
        var texts: [String] = []
        for column in table.groups[group] {
            guard let stored = here.value()?.text, let said = there.value()?.text else { break }
            if stored != said { texts.append("\(column) is \(stored), entry \(entry) says \(said)") }
        }
        return texts.joined(separator: "; ")
    }

    private mutating func findMissing(_ table: JournalTable) throws(StoreFault) {
        guard let left = replay.rows[table] else { return }
        let missing = left.places.map { (sequence: left.sequence(of: $0.value), key: $0.key) }
        for (sequence, key) in missing.sorted(by: { $0.sequence < $1.sequence }) {
            try findEntry.bind(1, sequence)
            defer { findEntry.reset() }
            var text = "a row of \(table.name)"
            if try findEntry.step() {
                var reader = ChangeReader(findEntry.blob(0))
                while let change = JournalReplay.next(&reader) {
                    guard change.table == table, JournalReplay.RowKey(change.key) == key else { continue }
                    text = name(table, key: change.key)
                }
            }
            result.find("\(text) is missing; entry \(sequence) speaks of it")
        }
    }

    /// What SQLite itself finds wrong with the file.
    private mutating func checkStructure() throws(StoreFault) {
        let check = try database.prepare("PRAGMA integrity_check(100)")
        while try check.step() {
            if check.text(0) != "ok" { result.find("the file: \(check.text(0))") }
        }
    }

    private func name(_ table: JournalTable, key: UnsafeRawBufferPointer) -> String {
        var reader = ChangeReader(key)
        if table == .claims, case .integer(let row) = reader.value() {
            return "claim \(ClaimID(row: row, ledger: mark).idempotencyKey)"
        }
        reader = ChangeReader(key)
        let parts = table.key.map { column in "\(column) \(reader.value()?.text ?? "-")" }
        return "\(table.name): \(parts.joined(separator: ", "))"
    }
}

extension ChangeReader.Value {
    /// For people.
    var text: String {
        switch self {
        case .null: "empty"
        case .integer(let number): "\(number)"
        case .text(let text): "\"\(String(decoding: text, as: UTF8.self))\""
        case .blob(let blob): Hex.encodePrefixed(blob)
        }
    }
}

extension ChangeBuffer {
    /// The value under `statement`, as it was bound.
    mutating func append(_ statement: Statement, column: Int) {
        let column = Int32(column)
        switch statement.kind(column) {
        case .null: appendNull()
        case .integer: append(statement.integer(column))
        case .text: append(.text, statement.utf8(column))
        case .blob: append(.blob, statement.blob(column))
        }
    }
}
