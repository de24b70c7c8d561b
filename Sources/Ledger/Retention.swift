import Bytes

/// Lets go of what is old: claims at rest with all that belongs to them, then the journal's entries that only spoke of such.
///
/// In small steps, each within a commit. A claim goes when it is at rest, its chain is no longer watched, nothing of it has changed for
/// the time to keep, and its authorization has been invalid for as long. What is older and has to stay is journaled anew, whole,
/// so that the journal's beginning can be cut and every row still be compared with it.
final class Retention {
    /// Rows or entries of one step.
    static let stepRows = 200
    /// How often it is looked whether there is anything to do.
    static let lookNanoseconds: UInt64 = 3_600_000_000_000
    static let stepNanoseconds: UInt64 = 50_000_000
    /// The journal is cut behind this, for clocks that are set back.
    static let marginSeconds: Int64 = 86_400

    private enum Stage {
        case resting
        /// Looking at every claim after this row.
        case claims(after: Int64, keptSince: Int64)
        /// Dropping entries up to this one.
        case journal(upTo: Int64)
    }

    private let store: Store
    private let keepSeconds: Int64
    private var stage = Stage.resting
    private(set) var dueNanoseconds: UInt64

    init(_ store: Store, keepSeconds: Int64, now: UInt64) {
        self.store = store
        self.keepSeconds = keepSeconds
        dueNanoseconds = now
    }

    /// Does the next step if it is time. True where it has written something.
    func run(unixNow: Int64, monotonicNow: UInt64) throws(StoreFault) -> Bool {
        guard monotonicNow >= dueNanoseconds else { return false }
        dueNanoseconds = monotonicNow + Self.stepNanoseconds
        switch stage {
        case .resting:
            let keptSince = unixNow - keepSeconds
            guard try store.journal.hasEntry(before: keptSince - Self.marginSeconds) else {
                dueNanoseconds = monotonicNow + Self.lookNanoseconds
                return false
            }
            stage = .claims(after: 0, keptSince: keptSince)
            return false
        case .claims(let row, let keptSince):
            if let next = try store.retire(after: row, keptSince: keptSince, atMost: Self.stepRows) {
                stage = .claims(after: next, keptSince: keptSince)
            } else {
                stage = .journal(upTo: try store.journal.lastEntry(before: keptSince - Self.marginSeconds))
            }
            return true
        case .journal(let last):
            if try store.journal.cut(upTo: last, atMost: Self.stepRows) {
                stage = .resting
                dueNanoseconds = monotonicNow + Self.lookNanoseconds
            }
            return true
        }
    }
}

extension Store {
    /// Looks at the next claims after `row`: drops what may go, journals anew what is older than `keptSince` (Unix seconds) and stays.
    ///
    /// - Returns: the last row that was looked at; nil where there is no older claim.
    func retire(after row: Int64, keptSince: Int64, atMost limit: Int) throws(StoreFault) -> Int64? {
        let find = try database.prepare(
            "SELECT id, at_rest = 1 AND watched = 0 AND updated_at < ?2 AND valid_before < ?2"
                // Its transactions are those of others as long as these are there.
                + " AND NOT EXISTS (SELECT 1 FROM batch_members WHERE leader = claims.id) FROM claims"
                + " WHERE id > ?1 AND created_at < ?2 ORDER BY id LIMIT \(limit)")
        try find.bind(1, row)
        try find.bind(2, keptSince)
        var found: [(row: Int64, mayGo: Bool)] = []
        while try find.step() { found.append((find.integer(0), find.integer(1) != 0)) }
        find.reset()
        for claim in found {
            // The newest row stays: its number, part of the name that upstreams know, is never given again.
            try retire(claim.row, mayGo: claim.mayGo && claim.row < lastRow)
        }
        return found.last?.row
    }

    private func retire(_ row: Int64, mayGo: Bool) throws(StoreFault) {
        if mayGo {
            try reviews.delete(ofClaim: row)
        } else {
            try rejournal(.reviewURLs, where: "review", row, staysWhole: true)
        }
        for dependent in dependents {
            if let table = JournalTable.allCases.first(where: { $0.name == dependent.table }) {
                try rejournal(table, where: dependent.column, row, staysWhole: !mayGo)
            }
            if mayGo { try delete(dependent.table, dependent.column, row) }
        }
        try rejournal(.claims, where: "id", row, staysWhole: !mayGo)
        if mayGo { try delete("claims", "id", row) }
    }

    private func delete(_ table: String, _ column: String, _ row: Int64) throws(StoreFault) {
        let statement = try database.prepare("DELETE FROM \(table) WHERE \(column) = ?1")
        try statement.bind(1, row)
        try statement.run()
    }

    /// Journals every row whose `column` is `value`: whole, or that it is no more.
    private func rejournal(
        _ table: JournalTable, where column: String, _ value: Int64, staysWhole: Bool
    ) throws(StoreFault) {
        let columns = table.key + (staysWhole ? Array(table.groups.joined()) : [])
        let rows = try database.prepare(
            "SELECT \(columns.joined(separator: ", ")) FROM \(table.name) WHERE \(column) = ?1")
        try rows.bind(1, value)
        defer { rows.reset() }
        let groups = staysWhole ? JournalTable.Groups(rawValue: UInt8(1 << table.groups.count - 1)) : .none
        while try rows.step() {
            journal.begin(table, groups)
            for at in columns.indices { journal.append(rows, column: at) }
        }
    }

    /// Drops redemptions whose authorization is invalid since before `time`, in Unix seconds.
    func dropRedemptions(validBefore time: Int64) throws(StoreFault) {
        let rows = try database.prepare(
            "SELECT \(JournalTable.redemptions.key.joined(separator: ", ")) FROM redemptions WHERE valid_before < ?1")
        try rows.bind(1, time)
        while try rows.step() {
            journal.begin(.redemptions, .none)
            for at in JournalTable.redemptions.key.indices { journal.append(rows, column: at) }
        }
        try database.execute("DELETE FROM redemptions WHERE valid_before < \(time)")
    }
}

extension Journal {
    func append(_ statement: Statement, column: Int) { changes.append(statement, column: column) }

    /// Whether any kept entry is older than `time`, in Unix seconds.
    func hasEntry(before time: Int64) throws(StoreFault) -> Bool {
        let found = try database.value("SELECT recorded_at FROM journal ORDER BY sequence LIMIT 1")
        return found.flatMap { Int64($0) }.map { $0 < time } ?? false
    }

    /// The last entry before the first that is as young as `time`; never the newest.
    func lastEntry(before time: Int64) throws(StoreFault) -> Int64 {
        let first = try database.value(
            "SELECT sequence FROM journal WHERE recorded_at >= \(time) ORDER BY sequence LIMIT 1")
        return min(first.flatMap { Int64($0) } ?? head.sequence, head.sequence) - 1
    }

    /// Drops the oldest entries, at most `limit` of them, up to `last`, and says so in the next entry. True where none is left to drop.
    func cut(upTo last: Int64, atMost limit: Int) throws(StoreFault) -> Bool {
        let end = min(last, try Self.cut(database).sequence + Int64(limit))
        let find = try database.prepare("SELECT hash FROM journal WHERE sequence = ?1")
        try find.bind(1, end)
        guard try find.step(), let hash = Bytes32(find.blob(0)) else { return true }
        find.reset()
        begin(.cuts, .whole)
        append(Int64(1))
        append(end)
        append(hash)
        let put = try database.prepare("UPDATE ledger SET cut_sequence = ?2, cut_hash = ?3 WHERE only_row = ?1")
        try run(put)
        try database.execute("DELETE FROM journal WHERE sequence <= \(end)")
        return end == last
    }
}
