/// The write-ahead log of a ledger that is being written, with its seal kept in step: after every commit, and whenever it was written back.
final class SealedLog {
    /// The log is written back whenever it has grown by as much.
    static let checkpointPages = 1000

    private let database: Database
    private let seal: Seal
    /// Once SQLite has opened it.
    private var file: DiskFile?
    /// Of `Database.logCommits`.
    private var notedCommits = 0
    private var checkpointDuePages = SealedLog.checkpointPages

    /// Opens the seal, or makes one.
    init(_ database: Database, vfs: String?) throws(StoreFault) {
        self.database = database
        guard let seal = try Seal(ledger: database.path, vfs: vfs, makes: true) else {
            throw StoreFault(code: 0, description: "cannot make \(Seal.path(of: database.path))")
        }
        self.seal = seal
        database.countLogPages()
    }

    private func log() throws(StoreFault) -> DiskFile {
        if let file { return file }
        let opened = try database.log()
        file = opened
        return opened
    }

    /// A commit is on disk, and the journal ends with `head`.
    func noteCommit(_ head: JournalHead) throws(StoreFault) {
        // One that changed nothing has left no frame.
        guard database.logCommits != notedCommits else { return }
        notedCommits = database.logCommits
        try seal.note(head, log: LogFile.salts(of: log()), frames: database.logPages)
    }

    func syncSeal() throws(StoreFault) { try seal.sync() }

    /// Writes a log that has grown long back into the database.
    func checkpointIfDue(_ head: JournalHead) throws(StoreFault) {
        guard database.logPages >= checkpointDuePages else {
            // The log starts anew once all of it was written back.
            if database.logPages < Self.checkpointPages { checkpointDuePages = Self.checkpointPages }
            return
        }
        try writeBack(head)
        checkpointDuePages = database.logPages + Self.checkpointPages
    }

    /// Writes the log back into the database as far as readers allow. Where that is all of it, its pages are sealed.
    ///
    /// - Parameter all: every page of the database is sealed anew, not only those of the log.
    func writeBack(_ head: JournalHead, sealing all: Bool = false) throws(StoreFault) {
        guard try database.checkpoint() else { return }
        let database = try database.file()
        let log = try LogFile(log())
        if let record = seal.record {
            // Another program wrote it back and began another: the journal will have to prove the rows, if nothing follows.
            guard log.salts == record.logSalts else { return }
            guard log.frames >= record.logFrames else {
                throw StoreFault(code: 0, description: "\(database.path)-wal is not as it was written")
            }
        }
        var sums = log.pages
        let sealsAll = all || seal.record.map { $0.sealedPages == 0 } ?? true
        let pages = try SealCheck.eachPage(of: database, readsAll: sealsAll) { page, sum in
            if sealsAll { sums[page] = sum }
        }
        try seal.noteWrittenBack(head, log: log, sums: sums, pages: pages)
    }
}
