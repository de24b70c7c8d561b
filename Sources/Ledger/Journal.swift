import Bytes
import Digests

/// The ledger's hash chain: one entry per commit, with every change that it brings. Used by the ledger's thread alone.
///
/// An entry's hash is SHA-256(hash of the one before ‖ sequence ‖ time in Unix seconds, both in 8 bytes, the highest first ‖ changes).
final class Journal {
    private(set) var head: JournalHead
    var changes = ChangeBuffer()
    let database: Database
    /// Where the change that is being written begins, and where its values do.
    private var changeStart = 0
    private var valuesStart = 0
    private var hasher = SHA256()
    private let insert: Statement

    /// Continues the journal of `database`, whose tables are up to date.
    init(_ database: Database) throws(StoreFault) {
        self.database = database
        head = try Self.head(database)
        insert = try database.prepare("INSERT INTO journal VALUES (?1, ?2, ?3, ?4)")
    }

    /// The hash before the first entry.
    static func genesis(mark: UInt32, createdAt: Int64) -> Bytes32 {
        var hasher = SHA256()
        Array("farebox ledger".utf8).withUnsafeBytes { hasher.update($0) }
        withUnsafeBytes(of: mark.bigEndian) { hasher.update($0) }
        withUnsafeBytes(of: createdAt.bigEndian) { hasher.update($0) }
        return hasher.finish()
    }

    /// The newest entry, or the one before the oldest that is kept.
    static func head(_ database: Database) throws(StoreFault) -> JournalHead {
        let last = try database.prepare("SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1")
        defer { last.reset() }
        guard try last.step() else { return try cut(database) }
        return JournalHead(sequence: last.integer(0), hash: Bytes32(last.blob(1)) ?? .zero)
    }

    /// The hash of an entry, if there is one.
    static func entry(_ sequence: Int64, _ database: Database) throws(StoreFault) -> Bytes32? {
        let statement = try database.prepare("SELECT hash FROM journal WHERE sequence = ?1")
        try statement.bind(1, sequence)
        defer { statement.reset() }
        return try statement.step() ? Bytes32(statement.blob(0)) : nil
    }

    /// The entry before the oldest that is kept.
    static func cut(_ database: Database) throws(StoreFault) -> JournalHead {
        let statement = try database.prepare("SELECT cut_sequence, cut_hash FROM ledger")
        defer { statement.reset() }
        guard try statement.step(), let hash = Bytes32(statement.blob(1)) else {
            throw StoreFault(code: 0, description: "the ledger's place in its journal is missing")
        }
        return JournalHead(sequence: statement.integer(0), hash: hash)
    }

    /// The hash of an entry that follows `head`.
    static func hash(
        after head: Bytes32, sequence: Int64, time: Int64, changes: UnsafeRawBufferPointer, with hasher: inout SHA256
    ) -> Bytes32 {
        head.withBytes { hasher.update($0) }
        withUnsafeBytes(of: (sequence.bigEndian, time.bigEndian)) { hasher.update($0) }
        hasher.update(changes)
        return hasher.finish()
    }

    /// Begins a change; its key's values follow, then those of `groups`, in their orders.
    func begin(_ table: JournalTable, _ groups: JournalTable.Groups) {
        changeStart = changes.count
        changes.append(byte: table.rawValue)
        changes.append(byte: groups.rawValue)
        valuesStart = changes.count
    }

    func append(_ value: Int64) { changes.append(value) }
    func append(_ value: Int64?) { changes.append(value) }
    func append(_ value: Bool) { changes.append(value) }
    func append(_ value: String) { changes.append(value) }
    func append(_ value: String?) { changes.append(value) }
    func append(_ value: [UInt8]) { changes.append(value) }
    func append(_ value: Bytes20) { changes.append(value) }
    func append(_ value: Bytes32) { changes.append(value) }

    /// Runs `statement` with the change's values, key first, as its parameters from 1 on.
    func run(_ statement: Statement) throws(StoreFault) {
        try statement.bind(valuesOf: changes.bytes(from: valuesStart))
        try statement.run()
    }

    /// The change has not been made after all.
    func withdraw() { changes.truncate(to: changeStart) }

    /// Adds the entry of all changes since the last one, if there are any: part of the commit that brings them.
    func write(at time: Int64) throws(StoreFault) {
        if changes.count == 0 { return }
        let sequence = head.sequence + 1
        let bytes = changes.bytes()
        let next = JournalHead(
            sequence: sequence,
            hash: Self.hash(after: head.hash, sequence: sequence, time: time, changes: bytes, with: &hasher))
        try insert.bind(1, sequence)
        try insert.bind(2, time)
        try insert.bindInPlace(3, bytes)
        try insert.bind(4, next.hash)
        try insert.run()
        changes.removeAll()
        head = next
    }
}
