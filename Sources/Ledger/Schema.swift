import CSQLite

/// The ledger's tables and how a file comes to have them.
enum Schema {
    /// "Fare" in the file's header: another program's database is not taken for a ledger.
    static let applicationID = 0x4661_7265

    /// Step n brings `user_version` from n to n + 1. Steps that were released are never edited.
    static let steps = [
        """
        CREATE TABLE ledger (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            mark INTEGER NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE claims (
            id INTEGER PRIMARY KEY,
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            nonce BLOB NOT NULL CHECK (length(nonce) = 32),
            binding BLOB NOT NULL CHECK (length(binding) = 32),
            bind TEXT NOT NULL,
            state TEXT NOT NULL,
            at_rest INTEGER NOT NULL CHECK (at_rest IN (0, 1)),
            settle TEXT NOT NULL,
            paid INTEGER NOT NULL CHECK (paid IN (0, 1)),
            facilitator TEXT NOT NULL,
            amount TEXT NOT NULL,
            pay_to BLOB NOT NULL CHECK (length(pay_to) = 20),
            route TEXT NOT NULL,
            revision INTEGER NOT NULL,
            request TEXT NOT NULL,
            valid_before INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            owed_at INTEGER,
            attempts INTEGER NOT NULL,
            reruns INTEGER NOT NULL,
            request_bytes_written INTEGER NOT NULL CHECK (request_bytes_written IN (0, 1)),
            transaction_id TEXT,
            reason TEXT,
            watched INTEGER NOT NULL DEFAULT 0 CHECK (watched IN (0, 1)),
            evidence_block INTEGER,
            reorganized_at INTEGER,
            UNIQUE (chain, asset, payer, nonce),
            CHECK (paid = 0 OR transaction_id IS NOT NULL)
        ) STRICT;
        CREATE INDEX claims_to_redeem ON claims (chain, payer, binding) WHERE state IN ('owed', 'unknown');
        CREATE INDEX claims_open ON claims (id) WHERE at_rest = 0;
        CREATE INDEX claims_watched ON claims (id) WHERE watched = 1;
        -- Number 0 is the first of its claim and of its relayer's nonce; replacements follow it.
        CREATE TABLE transactions (
            claim INTEGER NOT NULL REFERENCES claims (id),
            number INTEGER NOT NULL CHECK (number >= 0),
            chain TEXT NOT NULL,
            relayer BLOB NOT NULL CHECK (length(relayer) = 20),
            nonce INTEGER NOT NULL CHECK (nonce >= 0),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            recipient BLOB NOT NULL CHECK (length(recipient) = 20),
            call BLOB NOT NULL,
            gas_limit INTEGER NOT NULL CHECK (gas_limit >= 0),
            max_fee_wei TEXT NOT NULL,
            priority_fee_wei TEXT NOT NULL,
            raw BLOB NOT NULL,
            head_block INTEGER NOT NULL CHECK (head_block >= 0),
            recorded_at INTEGER NOT NULL,
            UNIQUE (claim, number),
            UNIQUE (chain, relayer, nonce, number)
        ) STRICT;
        CREATE TABLE redemptions (
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            nonce BLOB NOT NULL CHECK (length(nonce) = 32),
            claim INTEGER NOT NULL REFERENCES claims (id),
            valid_before INTEGER NOT NULL,
            PRIMARY KEY (chain, asset, payer, nonce)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE sandbox_balances (
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            granted TEXT NOT NULL,
            balance TEXT NOT NULL,
            PRIMARY KEY (chain, asset, payer)
        ) STRICT, WITHOUT ROWID;
        """
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
            PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
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
                try database.execute(
                    "INSERT INTO ledger VALUES (1, \(mark), \(now)); PRAGMA application_id = \(applicationID)")
            }
            try database.execute("PRAGMA user_version = \(steps.count); COMMIT")
        } catch {
            try? database.execute("ROLLBACK")
            throw error
        }
    }
}
