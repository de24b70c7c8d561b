import Bytes

/// Which claims to list; nil fields match all.
public struct ClaimFilter: Sendable {
    public var states: Set<ClaimState>?
    public var payer: Bytes20?
    public var chain: String?

    public init(states: Set<ClaimState>? = nil, payer: Bytes20? = nil, chain: String? = nil) {
        self.states = states
        self.payer = payer
        self.chain = chain
    }
}

/// How many claims stand in a state, and what they sum to, per chain and asset.
public struct ClaimSummary: Hashable, Sendable {
    public let chain: String
    public let asset: Bytes20
    public let state: ClaimState
    public internal(set) var count: Int
    /// Saturates.
    public internal(set) var amountAtomic: UInt128
}

/// Why a ledger could not be read or changed from outside; the text says what to do next.
public struct LedgerFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Reads a ledger that another process may be running, through a read-only connection of its own (WAL readers block nobody).
public final class LedgerReader {
    let database: Database
    let mark: UInt32

    /// Opens an existing ledger; never makes one.
    public init(path: String) throws(LedgerFault) {
        do throws(StoreFault) {
            let opened = try Database(path: path, readOnly: true)
            database = opened
            opened.setBusyTimeout(milliseconds: 2000)
            let version = try Schema.check(opened)
            guard version == Schema.steps.count else {
                throw StoreFault(
                    code: 0, description: "the ledger has tables of version \(version): start the gateway once")
            }
            guard let mark = UInt32(try opened.value("SELECT mark FROM ledger") ?? "") else {
                throw StoreFault(code: 0, description: "the ledger's mark is missing")
            }
            self.mark = mark
        } catch {
            throw LedgerFault(description: "\(path): \(error.description)")
        }
    }

    deinit { database.close() }

    /// Newest first, at most `limit`.
    public func list(_ filter: ClaimFilter = ClaimFilter(), limit: Int) throws(LedgerFault) -> [ClaimRecord] {
        try claims(filter, "DESC", limit)
    }

    /// What waits for its caller or for a person: `owed` and `unknown`, oldest first.
    public func owed(limit: Int) throws(LedgerFault) -> [ClaimRecord] {
        try claims(ClaimFilter(states: [.owed, .unknown]), "ASC", limit)
    }

    /// Sent and not settled yet: `sent` and `unknown`, oldest first.
    public func pending(limit: Int) throws(LedgerFault) -> [ClaimRecord] {
        try claims(ClaimFilter(states: [.sent, .unknown]), "ASC", limit)
    }

    /// The relayer's transactions for a claim, oldest first; none where it has sent none, or there is no such claim.
    public func transactions(of id: ClaimID) throws(LedgerFault) -> [RecordedTransaction] {
        guard id.ledger == mark else { return [] }
        return try read { () throws(StoreFault) in
            let statement = try TransactionTable.finder(database)
            try statement.bind(1, id.row)
            return try TransactionTable.read(statement)
        }
    }

    /// Nil where this ledger has no such claim.
    public func claim(_ id: ClaimID) throws(LedgerFault) -> ClaimRecord? {
        guard id.ledger == mark else { return nil }
        return try read { () throws(StoreFault) in
            let statement = try database.prepare("SELECT \(ClaimColumns.names) FROM claims WHERE id = ?1")
            try statement.bind(1, id.row)
            return try statement.step() ? try ClaimColumns.read(statement, ledger: mark) : nil
        }
    }

    /// Every (chain, asset, state) that holds a claim, in that order.
    public func summary() throws(LedgerFault) -> [ClaimSummary] {
        try read { () throws(StoreFault) in
            let statement = try database.prepare(
                "SELECT chain, asset, state, amount, count(*) FROM claims GROUP BY chain, asset, state, amount")
            var sums: [ClaimSummary] = []
            while try statement.step() {
                guard let asset = Bytes20(statement.blob(1)), let state = ClaimState(rawValue: statement.text(2)),
                    let amount = UInt128(statement.text(3))
                else { throw StoreFault(code: 0, description: "a claim holds no valid asset, state or amount") }
                let count = Int(statement.integer(4))
                let (product, overflow) = amount.multipliedReportingOverflow(by: UInt128(count))
                let sum = ClaimSummary(
                    chain: statement.text(0), asset: asset, state: state, count: count,
                    amountAtomic: overflow ? .max : product)
                if let last = sums.last, last.chain == sum.chain, last.asset == asset, last.state == state {
                    let (total, overflow) = last.amountAtomic.addingReportingOverflow(sum.amountAtomic)
                    sums[sums.count - 1].count += count
                    sums[sums.count - 1].amountAtomic = overflow ? .max : total
                } else {
                    sums.append(sum)
                }
            }
            return sums
        }
    }

    /// Compares the journal with itself and every journaled row with the journal.
    ///
    /// - Parameter expected: a head that was logged before; nothing up to it can have been changed unnoticed then.
    public func verify(expecting expected: JournalHead? = nil) throws(LedgerFault) -> LedgerVerification {
        try read { () throws(StoreFault) in
            // Read before the rows are: what it names is in them then, whatever a gateway writes meanwhile.
            let seal = try Seal(ledger: database.path, vfs: nil, makes: false)
            return try LedgerVerifier.run(database, mark: mark, expecting: expected, seal: seal)
        }
    }

    /// Every claim that was made from `since` on and before `until`, in Unix seconds, the oldest first.
    ///
    /// - Parameter chain: only claims on it (CAIP-2).
    public func forEach(
        since: Int64 = .min, until: Int64 = .max, chain: String? = nil, _ body: (ClaimRecord) -> Void
    ) throws(LedgerFault) {
        try read { () throws(StoreFault) in
            let statement = try database.prepare(
                "SELECT \(ClaimColumns.names) FROM claims WHERE created_at >= ?1 AND created_at < ?2"
                    + " AND (?3 IS NULL OR chain = ?3) ORDER BY id")
            try statement.bind(1, since)
            try statement.bind(2, until)
            try statement.bind(3, chain)
            while try statement.step() { body(try ClaimColumns.read(statement, ledger: mark)) }
        }
    }

    /// The oldest block that a claim on `chain`, or a transaction of one, names; nil where none does.
    public func oldestBlock(chain: String) throws(LedgerFault) -> UInt64? {
        try read { () throws(StoreFault) in
            let statement = try database.prepare(
                "SELECT min(block) FROM (SELECT evidence_block AS block FROM claims WHERE chain = ?1"
                    + " UNION ALL SELECT head_block FROM transactions WHERE chain = ?1)")
            try statement.bind(1, chain)
            guard try statement.step(), !statement.isNull(0) else { return nil }
            return UInt64(exactly: statement.integer(0))
        }
    }

    private func claims(_ filter: ClaimFilter, _ direction: String, _ limit: Int) throws(LedgerFault) -> [ClaimRecord] {
        try read { () throws(StoreFault) in
            var terms = ["?1 > 0"]
            if let states = filter.states {
                terms.append("state IN (" + states.map { "'\($0.rawValue)'" }.joined(separator: ", ") + ")")
            }
            if filter.payer != nil { terms.append("payer = ?2") }
            if filter.chain != nil { terms.append("chain = ?3") }
            let statement = try database.prepare(
                "SELECT \(ClaimColumns.names) FROM claims WHERE \(terms.joined(separator: " AND "))"
                    + " ORDER BY id \(direction) LIMIT ?1")
            try statement.bind(1, Int64(max(limit, 0)))
            if let payer = filter.payer { try statement.bind(2, payer) }
            if let chain = filter.chain { try statement.bind(3, chain) }
            var claims: [ClaimRecord] = []
            while try statement.step() { claims.append(try ClaimColumns.read(statement, ledger: mark)) }
            return claims
        }
    }

    func read<Value>(_ body: () throws(StoreFault) -> Value) throws(LedgerFault) -> Value {
        do throws(StoreFault) {
            return try body()
        } catch {
            throw LedgerFault(description: error.description)
        }
    }
}
