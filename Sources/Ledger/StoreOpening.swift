/// What has to hold of the files before a ledger is opened for writing.
struct StoreOpening {
    let path: String
    let database: Database
    let seal: Seal?
    /// The journal has to prove the rows, because the seal cannot.
    private(set) var isUnproven = false

    static let advice = "restore a copy of all its files, or see \"farebox ledger accept-loss --help\""

    /// Looks at the files themselves, before SQLite does: it would begin a new ledger in the place of an empty file, and forget the log.
    init(_ database: Database, vfs: String?) throws(StoreFault) {
        path = database.path
        self.database = database
        seal = try Seal(ledger: path, vfs: vfs, makes: false)
        guard let seal else {
            isUnproven = try database.file().size() > 0
            return
        }
        if seal.isDamaged {
            throw StoreFault(
                code: 0,
                description:
                    "\(Seal.path(of: path)) is damaged: it holds no whole record of how far the ledger had come; "
                    + Self.advice)
        }
        guard let record = seal.record else {
            isUnproven = try database.file().size() > 0
            return
        }
        let file = try database.file()
        if try file.size() == 0 {
            throw StoreFault(
                code: 0,
                description: "\(path) is empty, but entry \(record.head.sequence) of its journal was on disk; "
                    + Self.advice + ", or remove \(Seal.path(of: path)) to begin a new ledger")
        }
        let log = try Self.log(of: path, vfs: vfs)
        for finding in [
            SealCheck.log(log, record, ledger: path), try SealCheck.pages(file, log: log, seal: seal),
        ] {
            switch finding {
            case .sound: break
            case .unproven: isUnproven = true
            case .damaged(let text): throw StoreFault(code: 0, description: text + "; " + Self.advice)
            }
        }
    }

    static func log(of path: String, vfs: String?) throws(StoreFault) -> LogFile {
        guard let file = try DiskFile(path: path + "-wal", vfs: vfs, makes: false) else { return LogFile() }
        return try LogFile(file)
    }

    /// Whether the journal goes as far as the seal says, and where only the journal can prove the rows, whether it does.
    ///
    /// - Parameter version: of the schema that SQLite sees.
    func checkJournal(version: Int) throws(StoreFault) {
        if version == 0 {
            guard let record = seal?.record else { return }
            throw StoreFault(
                code: 0,
                description: "\(path) holds no tables, but entry \(record.head.sequence) of its journal was on disk: "
                    + "its log was lost; " + Self.advice)
        }
        if let record = seal?.record, let text = try Self.lag(database, behind: record.head) {
            throw StoreFault(code: 0, description: "\(path): \(text); " + Self.advice)
        }
        guard isUnproven, let mark = UInt32(try database.value("SELECT mark FROM ledger") ?? "") else { return }
        let found = try LedgerVerifier.run(database, mark: mark, expecting: nil)
        guard let first = found.findings.first else { return }
        let more = found.findingsCount > 1 ? " (and \(found.findingsCount - 1) more)" : ""
        throw StoreFault(code: 0, description: "\(path) is not as it was written: \(first)\(more); " + Self.advice)
    }

    /// Why the database is not the one that had come to `head`; nil where it is.
    static func lag(_ database: Database, behind head: JournalHead) throws(StoreFault) -> String? {
        let last = try Journal.head(database)
        if last.sequence < head.sequence {
            return
                "the journal ends at entry \(last.sequence), but entry \(head.sequence) was on disk: its end is cut off"
        }
        let cut = try Journal.cut(database)
        if head.sequence < cut.sequence { return nil }
        let found =
            head.sequence == cut.sequence ? cut.hash : try Journal.entry(head.sequence, database)
        if found == head.hash { return nil }
        return "entry \(head.sequence) of the journal is not the one that was on disk"
    }
}
