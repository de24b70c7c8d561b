import CSQLite

/// What SQLite said when it could not do something.
struct StoreFault: Error, Hashable, CustomStringConvertible {
    /// The extended result code; 0 where the fault is in what a row holds.
    let code: Int32
    let description: String

    /// Another process writes just now; nothing of ours has been written.
    var isBusy: Bool { code & 0xFF == SQLITE_BUSY }
}

/// One SQLite connection, used by one thread. The only place with SQLite's pointers beside `Statement`.
final class Database {
    private let handle: OpaquePointer
    /// The real one, beside which its side files stand.
    let path: String
    /// Once a process, before its first connection.
    private static let isSetUp = farebox_sqlite3_omit_memory_statistics() == SQLITE_OK
    /// Pages in the write-ahead log after the last commit.
    private(set) var logPages = 0
    /// Commits that wrote to the log.
    private(set) var logCommits = 0

    /// `vfs` names a registered sqlite3_vfs; nil is the system's.
    init(path: String, readOnly: Bool = false, vfs: String? = nil) throws(StoreFault) {
        // Where another user of SQLite in the process came first, its statistics stay: slower, and as good.
        _ = Database.isSetUp
        var opened: OpaquePointer?
        let access = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        guard let opened else { throw StoreFault(code: code, description: "no memory for a connection to \(path)") }
        guard code == SQLITE_OK else {
            let text = String(cString: sqlite3_errmsg(opened))
            sqlite3_close_v2(opened)
            throw StoreFault(code: code, description: "cannot open \(path): \(text)")
        }
        handle = opened
        self.path = sqlite3_db_filename(opened, "main").map { String(cString: $0) } ?? path
    }

    /// Closes the connection, which may write a last checkpoint. A connection that failed is never closed: the checkpoint would
    /// retry what must not be retried.
    func close() { sqlite3_close_v2(handle) }

    func fault(_ code: Int32) -> StoreFault {
        StoreFault(code: code, description: "\(String(cString: sqlite3_errmsg(handle))) (SQLite \(code))")
    }

    /// Runs every statement of `sql`.
    func execute(_ sql: String) throws(StoreFault) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw fault(code) }
    }

    func prepare(_ sql: String) throws(StoreFault) -> Statement {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw fault(code) }
        return Statement(prepared, of: self)
    }

    /// The first column of the first row, as text.
    func value(_ sql: String) throws(StoreFault) -> String? {
        let statement = try prepare(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : nil
    }

    /// Counts the log's pages, in the place of SQLite's own hook that checkpoints at a commit and passes over a failed sync.
    func countLogPages() {
        sqlite3_wal_hook(
            handle,
            { database, _, _, pages in
                let database = Unmanaged<Database>.fromOpaque(database!).takeUnretainedValue()
                database.logPages = Int(pages)
                database.logCommits += 1
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Writes the log back into the database as far as readers allow; true where that was all of it, and synced.
    func checkpoint() throws(StoreFault) -> Bool {
        var (inLog, written): (Int32, Int32) = (0, 0)
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, &inLog, &written)
        if code & 0xFF == SQLITE_BUSY { return false }
        guard code == SQLITE_OK else { throw fault(code) }
        return inLog == written
    }

    /// The database's own file.
    func file() throws(StoreFault) -> DiskFile { try file(SQLITE_FCNTL_FILE_POINTER, "") }

    /// The write-ahead log, once SQLite has opened it.
    func log() throws(StoreFault) -> DiskFile { try file(SQLITE_FCNTL_JOURNAL_POINTER, "-wal") }

    private func file(_ operation: Int32, _ suffix: String) throws(StoreFault) -> DiskFile {
        var pointer: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(handle, "main", operation, &pointer)
        guard code == SQLITE_OK, let pointer, pointer.pointee.pMethods != nil else { throw fault(code) }
        return DiskFile(borrowing: pointer, path: path + suffix)
    }

    func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Of the last statement that wrote.
    var changedRows: Int { Int(sqlite3_changes(handle)) }
}
