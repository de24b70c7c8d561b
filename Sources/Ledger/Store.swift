import Bytes

/// The claims and balances on disk, with every statement prepared once. Used by the ledger thread alone.
final class Store {
    let database: Database
    private let begin: Statement
    private let commitAll: Statement
    private let findByKey: Statement
    private let findByRow: Statement
    private let findToRedeem: Statement
    private let insertClaim: Statement
    private let updateOpen: Statement
    private let updateRest: Statement
    /// By which of the indexed columns change: `at_rest` in bit 0, `watched` in bit 1.
    private let updatesOnChain: [Statement]
    private static let changesOnChain: [JournalTable.Groups] = [
        [.progress, .chain], [.progress, .rest, .chain], [.progress, .watch, .chain],
        [.progress, .rest, .watch, .chain],
    ]
    private let updateTerms: Statement
    private let findBalance: Statement
    private let putBalance: Statement
    private let insertRedemption: Statement
    private let findRedemption: Statement
    private let findUnknown: Statement
    private let findIdentified: Statement
    let transactions: TransactionTable
    /// Bounds and histories.
    let tally: ClaimTally
    let answers: AnswerTable
    let journal: Journal
    private let log: SealedLog
    let reviews: ReviewTable
    /// The ledger's random mark, part of every claim's name.
    let mark: UInt32
    private(set) var isOpen = false
    /// Of the next claim.
    private var nextRow: Int64
    /// Of the newest claim.
    var lastRow: Int64 { nextRow - 1 }
    /// Tables whose rows belong to a claim, and the columns that name it.
    let dependents: [(table: String, column: String)]
    /// Every wallet that has, or had since the ledger was opened, a claim to redeem: the others need not be looked up.
    private var walletsToRedeem: Set<Wallet> = []
    /// What is known of balances, written through; emptied when it has grown large.
    private var balances: [BalanceKey: SandboxBalance] = [:]
    static let balancesKept = 65_536
    static let claimsToRedeemAtMost = 64
    /// By an index that holds no claim that was never charged: those come for nothing, in any number.
    static let identified =
        "SELECT 1 FROM claims WHERE payment_id = ?5 AND state NOT IN ('void', 'failed')"
        + " AND (state <> 'delivered' OR updated_at > ?6) AND (chain, asset, payer, nonce) <> (?1, ?2, ?3, ?4) LIMIT 1"
    private struct BalanceKey: Hashable {
        let wallet: Wallet
        let asset: Bytes20

        init(_ key: ClaimKey) {
            wallet = key.wallet
            asset = key.asset
        }
    }

    /// Opens or makes the ledger at `path` and brings its tables up to date. The caller holds the process lock. A connection that
    /// fails here is let go unclosed, as in `Database.close`.
    convenience init(path: String, vfs: String? = nil, now: Int64, acceptsLoss: Bool = false) throws(StoreFault) {
        try self.init(Database(path: path, vfs: vfs), vfs: vfs, now: now, acceptsLoss: acceptsLoss)
    }

    /// The same over a connection that its owner may close where this fails.
    init(_ database: Database, vfs: String?, now: Int64, acceptsLoss: Bool = false) throws(StoreFault) {
        self.database = database
        let opening = acceptsLoss ? nil : try StoreOpening(database, vfs: vfs)
        try opening?.checkJournal(version: try Schema.check(database))
        try Schema.prepareToWrite(database)
        log = try SealedLog(database, vfs: vfs)
        try Schema.migrate(database, mark: UInt32.random(in: 0...UInt32.max), now: now)
        guard let mark = UInt32(try database.value("SELECT mark FROM ledger") ?? "") else {
            throw StoreFault(code: 0, description: "the ledger's mark is missing")
        }
        self.mark = mark
        journal = try Journal(database)
        guard let last = Int64(try database.value("SELECT coalesce(max(id), 0) FROM claims") ?? "") else {
            throw StoreFault(code: 0, description: "the last claim's number is missing")
        }
        nextRow = last + 1
        let references = try database.prepare(
            "SELECT t.name, k.\"from\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) k"
                + " WHERE t.type = 'table' AND k.\"table\" = 'claims' ORDER BY t.name")
        var dependents: [(table: String, column: String)] = []
        while try references.step() { dependents.append((references.text(0), references.text(1))) }
        self.dependents = dependents
        let columns = "SELECT \(ClaimColumns.names) FROM claims WHERE "
        begin = try database.prepare("BEGIN IMMEDIATE")
        commitAll = try database.prepare("COMMIT")
        findByKey = try database.prepare(columns + "chain = ?1 AND asset = ?2 AND payer = ?3 AND nonce = ?4")
        findByRow = try database.prepare(columns + "id = ?1")
        findToRedeem = try database.prepare(
            columns + "chain = ?1 AND payer = ?2 AND binding = ?3 AND bind = 'body' AND state IN ('owed', 'unknown')"
                + " AND (state = 'unknown' OR (reruns < \(ClaimRecord.rerunsAllowed) OR EXISTS (SELECT 1 FROM answers WHERE claim = claims.id))"
                + " AND owed_at >= ?4)"
                + " ORDER BY id LIMIT \(Self.claimsToRedeemAtMost)")
        insertClaim = try database.prepare(ClaimColumns.insert)
        updateOpen = try database.prepare(ClaimColumns.update(.progress))
        updateRest = try database.prepare(ClaimColumns.update([.progress, .rest]))
        var updatesOnChain: [Statement] = []
        for changed in Self.changesOnChain {
            updatesOnChain.append(try database.prepare(ClaimColumns.update(changed)))
        }
        self.updatesOnChain = updatesOnChain
        updateTerms = try database.prepare(ClaimColumns.update(.terms))
        findBalance = try database.prepare(
            "SELECT granted, balance FROM sandbox_balances WHERE chain = ?1 AND asset = ?2 AND payer = ?3")
        putBalance = try database.prepare(
            "INSERT INTO sandbox_balances VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET balance = ?5")
        insertRedemption = try database.prepare(
            "INSERT INTO redemptions VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")
        findRedemption = try database.prepare(
            "SELECT claim FROM redemptions WHERE chain = ?1 AND asset = ?2 AND payer = ?3 AND nonce = ?4")
        findIdentified = try database.prepare(Self.identified)
        findUnknown = try database.prepare(
            "SELECT amount FROM claims WHERE chain = ?1 AND payer = ?2 AND state IN ('owed', 'unknown') AND state = 'unknown'"
                + " AND asset = ?3 AND facilitator = '\(ClaimFacilitator.chain.rawText)' AND valid_before > ?4")
        transactions = try TransactionTable(database, journal: journal)
        reviews = try ReviewTable(database, journal: journal)
        tally = try ClaimTally(database, wallNow: now)
        answers = try AnswerTable(database)
        // With a day's room for clocks that are set back.
        try beginIfNeeded()
        try dropRedemptions(validBefore: now - 86_400)
        try commit(at: now)
        if opening.map(\.isUnproven) ?? true { try log.writeBack(journal.head, sealing: true) }
        try log.syncSeal()
        let wallets = try database.prepare(
            "SELECT chain, payer FROM claims WHERE state IN ('owed', 'unknown') UNION SELECT chain, payer FROM redemptions"
        )
        while try wallets.step() {
            guard let payer = Bytes20(wallets.blob(1)) else {
                throw StoreFault(code: 0, description: "a claim holds no valid payer")
            }
            walletsToRedeem.insert(Wallet(chain: wallets.text(0), payer: payer))
        }
    }

    /// Lets go of the file. Only for a store that never failed.
    func close() throws(StoreFault) {
        try writeBack()
        database.close()
    }

    /// Writes the log back into the database and seals it.
    func writeBack() throws(StoreFault) {
        if !isOpen { try log.writeBack(journal.head) }
    }

    /// Starts the transaction if none is open. `isBusy` where another process writes: nothing was done, it may be tried again.
    func beginIfNeeded() throws(StoreFault) {
        if isOpen { return }
        try begin.run()
        isOpen = true
    }

    /// On disk when this returns, with an entry in the journal. After a throw nothing may be retried: what is on disk is not known.
    ///
    /// - Parameter now: in Unix seconds.
    func commit(at now: Int64) throws(StoreFault) {
        try journal.write(at: now)
        try commitAll.run()
        isOpen = false
        try log.noteCommit(journal.head)
    }

    /// Writes a log that has grown long back into the database; to be called when nobody waits. Its failure counts as a commit's.
    func checkpointIfDue() throws(StoreFault) {
        if !isOpen { try log.checkpointIfDue(journal.head) }
    }

    func claim(_ key: ClaimKey) throws(StoreFault) -> ClaimRecord? {
        try bindKey(key, to: findByKey)
        return try all(findByKey).first
    }

    func claim(row: Int64) throws(StoreFault) -> ClaimRecord? {
        try findByRow.bind(1, row)
        return try all(findByRow).first
    }

    /// The `unknown` claims of a wallet with a binding, and the `owed` ones that are honoured still: owed since `owedSince` or later,
    /// and not rerun too often. Oldest first.
    func claimsToRedeem(
        _ wallet: Wallet, binding: Bytes32, owedSince: Int64
    ) throws(StoreFault) -> [ClaimRecord] {
        guard walletsToRedeem.contains(wallet) else { return [] }
        try findToRedeem.bind(1, wallet.chain)
        try findToRedeem.bind(2, wallet.payer)
        try findToRedeem.bind(3, binding)
        try findToRedeem.bind(4, owedSince)
        return try all(findToRedeem)
    }

    /// Notes that this authorization redeemed a claim: it stays good for that, and is no payment of its own any more.
    func noteRedemption(_ key: ClaimKey, of claim: ClaimID, validBefore: Int64) throws(StoreFault) {
        journal.begin(.redemptions, .whole)
        journal.append(key.chain)
        journal.append(key.asset)
        journal.append(key.payer)
        journal.append(key.nonce)
        journal.append(claim.row)
        journal.append(validBefore)
        try journal.run(insertRedemption)
        if database.changedRows == 0 { journal.withdraw() }
    }

    /// The row of the claim that this authorization redeemed.
    func redeemedRow(_ key: ClaimKey) throws(StoreFault) -> Int64? {
        guard walletsToRedeem.contains(key.wallet) else { return nil }
        try bindKey(key, to: findRedemption)
        defer { findRedemption.reset() }
        return try findRedemption.step() ? findRedemption.integer(0) : nil
    }

    /// Some claim of another payment that holds this identifier: one that was neither void nor failed, and if it was delivered, not
    /// before `deliveredSince`, in Unix seconds.
    func isIdentifierHeld(_ id: String, by key: ClaimKey, deliveredSince: Int64) throws(StoreFault) -> Bool {
        try findIdentified.bind(5, id)
        try findIdentified.bind(6, deliveredSince)
        try bindKey(key, to: findIdentified)
        defer { findIdentified.reset() }
        return try findIdentified.step()
    }

    private func bindKey(_ key: ClaimKey, to statement: Statement) throws(StoreFault) {
        try statement.bind(1, key.chain)
        try statement.bind(2, key.asset)
        try statement.bind(3, key.payer)
        try statement.bind(4, key.nonce)
    }

    /// Every claim that is not at rest.
    func openClaims() throws(StoreFault) -> [ClaimRecord] {
        try all(database.prepare("SELECT \(ClaimColumns.names) FROM claims WHERE at_rest = 0 ORDER BY id"))
    }

    /// Every claim whose truth on its chain is not final, oldest first.
    func watchedClaims() throws(StoreFault) -> [ClaimRecord] {
        try all(database.prepare("SELECT \(ClaimColumns.names) FROM claims WHERE watched = 1 ORDER BY id"))
    }

    /// What our own transactions may still take of a wallet though no exchange works on them: the amounts of its `unknown` claims whose
    /// window was open at `time`, in Unix seconds. Those of remote facilitators do not count: they may never be known. Saturates.
    func unknownAtomic(_ key: ClaimKey, openAt time: Int64) throws(StoreFault) -> UInt128 {
        guard walletsToRedeem.contains(key.wallet) else { return 0 }
        try findUnknown.bind(1, key.chain)
        try findUnknown.bind(2, key.payer)
        try findUnknown.bind(3, key.asset)
        try findUnknown.bind(4, time)
        defer { findUnknown.reset() }
        var sum: UInt128 = 0
        while try findUnknown.step() {
            guard let amount = UInt128(findUnknown.text(0)) else {
                throw StoreFault(code: 0, description: "a claim of \(key.payer.hex) holds no valid amount")
            }
            sum = sum.addingSaturated(amount)
        }
        return sum
    }

    /// Adds the claim, counted now, and gives it its row.
    func insert(_ claim: inout ClaimRecord) throws(StoreFault) {
        claim.countedAt = tally.now
        claim.id = ClaimID(row: nextRow, ledger: mark)
        nextRow += 1
        ClaimColumns.write(claim, ClaimColumns.all, to: journal)
        try journal.run(insertClaim)
        tally.inserted(claim)
    }

    /// `wasAtRest`, `wasWatched`: as the row is now; nil where that is not known.
    func update(_ claim: ClaimRecord, wasAtRest: Bool, wasWatched: Bool? = nil) throws(StoreFault) {
        try tally.willWrite(claim)
        if claim.state == .owed || claim.state == .unknown { walletsToRedeem.insert(claim.wallet) }
        let isAtRest = claim.state.isAtRest
        if claim.facilitator != .sandbox {
            let update = (isAtRest == wasAtRest ? 0 : 1) | (claim.isWatched == wasWatched ? 0 : 2)
            ClaimColumns.write(claim, Self.changesOnChain[update], to: journal)
            try journal.run(updatesOnChain[update])
        } else if isAtRest == wasAtRest {
            ClaimColumns.write(claim, .progress, to: journal)
            try journal.run(updateOpen)
        } else {
            ClaimColumns.write(claim, [.progress, .rest], to: journal)
            try journal.run(updateRest)
        }
    }

    func updateTerms(_ claim: ClaimRecord) throws(StoreFault) {
        ClaimColumns.write(claim, .terms, to: journal)
        try journal.run(updateTerms)
    }

    /// Nil for a wallet that never paid with this asset.
    func sandboxBalance(_ key: ClaimKey) throws(StoreFault) -> SandboxBalance? {
        if let known = balances[BalanceKey(key)] { return known }
        try findBalance.bind(1, key.chain)
        try findBalance.bind(2, key.asset)
        try findBalance.bind(3, key.payer)
        defer { findBalance.reset() }
        guard try findBalance.step() else { return nil }
        guard let granted = UInt128(findBalance.text(0)), let balance = UInt128(findBalance.text(1)) else {
            throw StoreFault(code: 0, description: "a sandbox balance of \(key.payer.hex) is no number")
        }
        let known = SandboxBalance(granted: granted, balance: balance)
        keep(known, of: key)
        return known
    }

    private func keep(_ balance: SandboxBalance, of key: ClaimKey) {
        if balances.count >= Self.balancesKept { balances.removeAll(keepingCapacity: true) }
        balances[BalanceKey(key)] = balance
    }

    func put(_ balance: SandboxBalance, of key: ClaimKey) throws(StoreFault) {
        try putBalance.bind(1, key.chain)
        try putBalance.bind(2, key.asset)
        try putBalance.bind(3, key.payer)
        try putBalance.bind(4, String(balance.granted))
        try putBalance.bind(5, String(balance.balance))
        try putBalance.run()
        keep(balance, of: key)
    }

    private func all(_ statement: Statement) throws(StoreFault) -> [ClaimRecord] {
        defer { statement.reset() }
        var claims: [ClaimRecord] = []
        while try statement.step() { claims.append(try ClaimColumns.read(statement, ledger: mark)) }
        return claims
    }
}
