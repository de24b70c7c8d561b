import CSQLite

/// The ledger's tables and how a file comes to have them.
enum Schema {
    /// "Fare" in the file's header: another program's database is not taken for a ledger.
    static let applicationID = 0x4661_7265

    /// Step n brings `user_version` from n to n + 1. Steps that were released are never edited.
    static let steps = [
        claims + transactions + batches + redemptions + answers + sandboxBalances + reviews + journal
    ]

    /// Settings of a connection that writes; WAL with a sync at every commit.
    static func prepareToWrite(_ database: Database) throws(StoreFault) {
        database.setBusyTimeout(milliseconds: 500)
        let mode = try database.value("PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw StoreFault(
                code: 0, description: "the file system does not carry SQLite's WAL (journal mode \(mode ?? "-"))")
        }
        try database.execute(
            """
            PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;
            PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768;
            """)
    }

    /// Refuses what is not a ledger, or one from a newer Farebox; says which version the file has. An empty file is version 0.
    static func check(_ database: Database) throws(StoreFault) -> Int {
        let application = Int(try database.value("PRAGMA application_id") ?? "") ?? 0
        let version = Int(try database.value("PRAGMA user_version") ?? "") ?? 0
        if application == 0 && version == 0, try database.value("SELECT count(*) FROM sqlite_schema") == "0" {
            return 0
        }
        guard application == applicationID else {
            throw StoreFault(code: 0, description: "the file is a database, but not a Farebox ledger")
        }
        guard version <= steps.count else {
            throw StoreFault(
                code: 0,
                description:
                    "the ledger was written by a newer Farebox (version \(version), this one knows \(steps.count))")
        }
        return version
    }

    /// Brings the file to the newest version, in one transaction.
    static func migrate(_ database: Database, mark: UInt32, now: Int64) throws(StoreFault) {
        try database.execute("BEGIN IMMEDIATE")
        do throws(StoreFault) {
            let version = try check(database)
            for step in steps[version...] { try database.execute(step) }
            if version == 0 {
                let genesis = "x'\(Journal.genesis(mark: mark, createdAt: now).hex.dropFirst(2))'"
                try database.execute(
                    "INSERT INTO ledger VALUES (1, \(mark), \(now), 0, \(genesis));"
                        + " PRAGMA application_id = \(applicationID)")
            }
            try database.execute("PRAGMA user_version = \(steps.count); COMMIT")
        } catch {
            try? database.execute("ROLLBACK")
            throw error
        }
    }
}
