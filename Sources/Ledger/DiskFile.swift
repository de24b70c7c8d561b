import CSQLite
import Glibc

/// A file read and written through one of SQLite's file systems, beside SQLite's own use of it: a disk that loses power in a test loses
/// this file too.
final class DiskFile {
    let path: String
    private let file: UnsafeMutablePointer<sqlite3_file>
    private let isOwned: Bool
    /// SQLite keeps the pointer for as long as the file is open.
    private let name: UnsafeMutablePointer<CChar>?

    /// Opens a file that stands beside the database; with the database's owner and mode where it is made. Nil where there is none.
    ///
    /// - Parameter vfs: a registered sqlite3_vfs; nil is the system's.
    init?(path: String, vfs: String?, makes: Bool) throws(StoreFault) {
        guard let system = sqlite3_vfs_find(vfs) else {
            throw StoreFault(code: 0, description: "no file system \(vfs ?? "")")
        }
        if !makes {
            var exists: Int32 = 0
            let code = system.pointee.xAccess(system, path, SQLITE_ACCESS_EXISTS, &exists)
            guard code == SQLITE_OK else { throw StoreFault(code: code, description: "cannot look for \(path)") }
            if exists == 0 { return nil }
        }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(Int(system.pointee.szOsFile), MemoryLayout<sqlite3_file>.size), alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(system.pointee.szOsFile))
        file = memory.bindMemory(to: sqlite3_file.self, capacity: 1)
        self.path = path
        isOwned = true
        // As a log: SQLite takes no locks on those, which closing would drop.
        let access = makes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        name = strdup(path)
        let code = system.pointee.xOpen(system, name, file, access | SQLITE_OPEN_WAL, nil)
        guard code == SQLITE_OK else {
            throw StoreFault(code: code, description: "cannot open \(path) (SQLite \(code))")
        }
    }

    /// The database itself, as long as its connection lives.
    init(borrowing file: UnsafeMutablePointer<sqlite3_file>, path: String) {
        self.file = file
        self.path = path
        isOwned = false
        name = nil
    }

    deinit {
        guard isOwned else { return }
        if let methods = file.pointee.pMethods { _ = methods.pointee.xClose(file) }
        UnsafeMutableRawPointer(file).deallocate()
        free(name)
    }

    private func check(_ code: Int32, _ what: String) throws(StoreFault) {
        if code != SQLITE_OK { throw StoreFault(code: code, description: "cannot \(what) \(path) (SQLite \(code))") }
    }

    /// In bytes.
    func size() throws(StoreFault) -> Int {
        var size: Int64 = 0
        try check(file.pointee.pMethods.pointee.xFileSize(file, &size), "read the size of")
        return Int(size)
    }

    /// All of `target`.
    func read(_ target: UnsafeMutableRawBufferPointer, at offset: Int) throws(StoreFault) {
        guard let base = target.baseAddress, !target.isEmpty else { return }
        try check(file.pointee.pMethods.pointee.xRead(file, base, Int32(target.count), Int64(offset)), "read")
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: Int) throws(StoreFault) {
        guard let base = source.baseAddress, !source.isEmpty else { return }
        try check(file.pointee.pMethods.pointee.xWrite(file, base, Int32(source.count), Int64(offset)), "write")
    }

    /// On disk when this returns.
    func sync() throws(StoreFault) { try check(file.pointee.pMethods.pointee.xSync(file, SQLITE_SYNC_NORMAL), "sync") }
}
