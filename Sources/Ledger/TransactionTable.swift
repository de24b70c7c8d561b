import Bytes

/// The relayer's transactions on disk. A claim has one relayer nonce; a relayer's nonce has one claim, or those that one transaction
/// carries: then the first of them stands for all. What follows the first transaction of a nonce replaces it.
final class TransactionTable {
    private let insert: Statement
    private let find: Statement
    private let insertMember: Statement
    private let findSent: Statement
    private let findPlace: Statement
    private let findLeader: Statement
    private let database: Database
    private let journal: Journal

    /// Beside the hash, which is the key.
    static let journaled = [
        "claim", "number", "relayer", "nonce", "recipient", "call", "gas_limit", "max_fee_wei", "priority_fee_wei",
        "raw",
        "head_block", "recorded_at",
    ]

    private static let columns =
        "number, relayer, nonce, hash, recipient, call, gas_limit, max_fee_wei, priority_fee_wei, raw, head_block, recorded_at"

    init(_ database: Database, journal: Journal) throws(StoreFault) {
        self.database = database
        self.journal = journal
        insert = try database.prepare(
            "INSERT INTO transactions (chain, hash, \(Self.journaled.joined(separator: ", "))) VALUES ((SELECT chain FROM claims"
                + " WHERE id = ?2), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING")
        find = try Self.finder(database)
        insertMember = try database.prepare("INSERT INTO batch_members (claim, leader, place) VALUES (?1, ?2, ?3)")
        findSent = try database.prepare(
            "SELECT 1 FROM transactions WHERE claim = ?1 UNION ALL SELECT 1 FROM batch_members WHERE claim = ?1")
        findLeader = try database.prepare("SELECT \(Self.leader)")
        findPlace = try database.prepare(
            "SELECT coalesce((SELECT place FROM batch_members WHERE claim = ?1), 0),"
                + " 1 + (SELECT count(*) FROM batch_members WHERE leader = \(Self.leader))")
    }

    /// Of the claim bound as 1: whose rows its transactions are.
    private static let leader = "coalesce((SELECT leader FROM batch_members WHERE claim = ?1), ?1)"

    /// Reads the transactions of one claim, its row bound as 1.
    static func finder(_ database: Database) throws(StoreFault) -> Statement {
        try database.prepare("SELECT \(columns) FROM transactions WHERE claim = \(leader) ORDER BY number")
    }

    /// The first transaction of its claims, of which there is at least one. False, with nothing written, where one has a transaction, or
    /// the nonce or the hash is another's.
    func insertFirst(_ transaction: SentTransaction, of claims: [Int64], now: Int64) throws(StoreFault) -> Bool {
        if claims.count > 1 { for claim in claims where try isSent(claim) { return false } }
        guard try add(transaction, number: 0, claim: claims[0], now: now) else { return false }
        for (place, claim) in claims.enumerated().dropFirst() {
            journal.begin(.batchMembers, .whole)
            journal.append(claim)
            journal.append(claims[0])
            journal.append(Int64(place))
            try journal.run(insertMember)
        }
        return true
    }

    private func isSent(_ claim: Int64) throws(StoreFault) -> Bool {
        try findSent.bind(1, claim)
        defer { findSent.reset() }
        return try findSent.step()
    }

    /// The claim's place among those that its transactions carry, from 0 on, and how many they are.
    func place(of row: Int64) throws(StoreFault) -> (place: Int, count: Int) {
        try findPlace.bind(1, row)
        defer { findPlace.reset() }
        guard try findPlace.step() else { return (0, 1) }
        return (Int(findPlace.integer(0)), Int(findPlace.integer(1)))
    }

    /// False, with nothing written, where the claim was not sent with this relayer's nonce, or the hash is known.
    func insertReplacement(_ transaction: SentTransaction, of row: Int64, now: Int64) throws(StoreFault) -> Bool {
        guard let last = try all(of: row).last, last.transaction.relayer == transaction.relayer,
            last.transaction.nonce == transaction.nonce
        else { return false }
        try findLeader.bind(1, row)
        defer { findLeader.reset() }
        guard try findLeader.step() else { return false }
        return try add(transaction, number: last.number + 1, claim: findLeader.integer(0), now: now)
    }

    private func add(
        _ transaction: SentTransaction, number: Int, claim: Int64, now: Int64
    ) throws(StoreFault) -> Bool {
        guard let nonce = Int64(exactly: transaction.nonce), let gasLimit = Int64(exactly: transaction.gasLimit),
            let headBlock = Int64(exactly: transaction.headBlock)
        else { return false }
        journal.begin(.transactions, .whole)
        journal.append(transaction.hash)
        journal.append(claim)
        journal.append(Int64(number))
        journal.append(transaction.relayer)
        journal.append(nonce)
        journal.append(transaction.to)
        journal.append(transaction.call)
        journal.append(gasLimit)
        journal.append(String(transaction.maxFeeWei))
        journal.append(String(transaction.priorityFeeWei))
        journal.append(transaction.raw)
        journal.append(headBlock)
        journal.append(now)
        try journal.run(insert)
        if database.changedRows == 1 { return true }
        journal.withdraw()
        return false
    }

    /// Oldest first.
    func all(of row: Int64) throws(StoreFault) -> [RecordedTransaction] {
        try find.bind(1, row)
        defer { find.reset() }
        return try Self.read(find)
    }

    static func read(_ statement: Statement) throws(StoreFault) -> [RecordedTransaction] {
        var transactions: [RecordedTransaction] = []
        while try statement.step() {
            guard let relayer = Bytes20(statement.blob(1)), let hash = Bytes32(statement.blob(3)),
                let to = Bytes20(statement.blob(4)), let maxFee = UInt128(statement.text(7)),
                let priorityFee = UInt128(statement.text(8)), let nonce = UInt64(exactly: statement.integer(2)),
                let gasLimit = UInt64(exactly: statement.integer(6)),
                let headBlock = UInt64(exactly: statement.integer(10))
            else { throw StoreFault(code: 0, description: "a transaction of the relayer's holds no valid value") }
            let transaction = SentTransaction(
                hash: hash, relayer: relayer, nonce: nonce, to: to, call: Array(statement.blob(5)),
                gasLimit: gasLimit, maxFeeWei: maxFee, priorityFeeWei: priorityFee, raw: Array(statement.blob(9)),
                headBlock: headBlock)
            transactions.append(
                RecordedTransaction(
                    transaction: transaction, number: Int(statement.integer(0)), recordedAt: statement.integer(11)))
        }
        return transactions
    }
}
