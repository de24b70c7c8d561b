/// What a person does to a ledger while no gateway runs; takes the ledger's lock for as long as it writes.
public enum LedgerRepair {
    /// A person's word on a claim. `now` in Unix seconds.
    public static func resolve(
        _ id: ClaimID, as resolution: ClaimResolution, path: String, now: Int64
    ) throws(LedgerFault) -> ResolveOutcome {
        try locked(path) { () throws(StoreFault) in
            let store = try Store(path: path, now: now)
            _ = try Recovery.run(store, now: now)
            try store.beginIfNeeded()
            let outcome = try store.resolve(id, resolution, now: now)
            try store.commit(at: now)
            try store.close()
            return outcome
        }
    }

    /// Takes the files as they are from now on, whatever was lost of them, as long as SQLite finds them whole. What was written and is
    /// not there is forgotten: whoever paid then may be served again, or charged again.
    ///
    /// - Parameter now: in Unix seconds.
    /// - Returns: what is not as the journal says, which stays so.
    public static func acceptLoss(path: String, now: Int64) throws(LedgerFault) -> LedgerVerification {
        try locked(path) { () throws(StoreFault) in
            let database = try Database(path: path)
            defer { database.close() }
            guard try database.file().size() > 0, try Schema.check(database) > 0 else {
                throw StoreFault(
                    code: 0,
                    description:
                        "there is nothing in it to accept: restore a copy, or remove it and \(Seal.path(of: path))")
            }
            let check = try database.value("PRAGMA integrity_check(1)") ?? "-"
            guard check == "ok" else {
                throw StoreFault(code: 0, description: "SQLite finds it damaged (\(check)): restore a copy")
            }
            let store = try Store(path: path, now: now, acceptsLoss: true)
            let found = try LedgerVerifier.run(store.database, mark: store.mark, expecting: nil)
            try store.close()
            return found
        }
    }

    private static func locked<Value>(_ path: String, _ body: () throws(StoreFault) -> Value) throws(LedgerFault)
        -> Value
    {
        guard LedgerFile.exists(path) else { throw LedgerFault(description: "\(path): there is no ledger") }
        switch ProcessLock.tryLock(ledger: path) {
        case .taken: throw LedgerFault(description: "\(path): a gateway holds the ledger; stop it first")
        case .impossible(let reason): throw LedgerFault(description: reason)
        case .held(let lock):
            defer { withExtendedLifetime(lock) {} }
            do throws(StoreFault) {
                return try body()
            } catch {
                throw LedgerFault(description: "\(path): \(error.description)")
            }
        }
    }
}
