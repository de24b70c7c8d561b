import Bytes

/// The relayer's transactions on disk. A claim has one relayer nonce and a relayer's nonce one claim; what follows the first
/// transaction of the two replaces it.
final class TransactionTable {
    private let insert: Statement
    private let find: Statement
    private let database: Database

    private static let columns =
        "number, relayer, nonce, hash, recipient, call, gas_limit, max_fee_wei, priority_fee_wei, raw, head_block, recorded_at"

    init(_ database: Database) throws(StoreFault) {
        self.database = database
        insert = try database.prepare(
            "INSERT INTO transactions (claim, chain, \(Self.columns)) VALUES (?1, (SELECT chain FROM claims WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
                + " ?13) ON CONFLICT DO NOTHING")
        find = try Self.finder(database)
    }

    /// Reads the transactions of one claim, its row bound as 1.
    static func finder(_ database: Database) throws(StoreFault) -> Statement {
        try database.prepare("SELECT \(columns) FROM transactions WHERE claim = ?1 ORDER BY number")
    }

    /// False, with nothing written, where the claim has a transaction, or the nonce or the hash is another's.
    func insertFirst(_ transaction: SentTransaction, of claim: Int64, now: Int64) throws(StoreFault) -> Bool {
        try add(transaction, number: 0, claim: claim, now: now)
    }

    /// False, with nothing written, where the claim was not sent with this relayer's nonce, or the hash is known.
    func insertReplacement(_ transaction: SentTransaction, of row: Int64, now: Int64) throws(StoreFault) -> Bool {
        guard let last = try all(of: row).last, last.transaction.relayer == transaction.relayer,
            last.transaction.nonce == transaction.nonce
        else { return false }
        return try add(transaction, number: last.number + 1, claim: row, now: now)
    }

    private func add(
        _ transaction: SentTransaction, number: Int, claim: Int64, now: Int64
    ) throws(StoreFault) -> Bool {
        guard let nonce = Int64(exactly: transaction.nonce), let gasLimit = Int64(exactly: transaction.gasLimit),
            let headBlock = Int64(exactly: transaction.headBlock)
        else { return false }
        try insert.bind(1, claim)
        try insert.bind(2, Int64(number))
        try insert.bind(3, transaction.relayer)
        try insert.bind(4, nonce)
        try insert.bind(5, transaction.hash)
        try insert.bind(6, transaction.to)
        try insert.bind(7, transaction.call)
        try insert.bind(8, gasLimit)
        try insert.bind(9, String(transaction.maxFeeWei))
        try insert.bind(10, String(transaction.priorityFeeWei))
        try insert.bind(11, transaction.raw)
        try insert.bind(12, headBlock)
        try insert.bind(13, now)
        try insert.run()
        return database.changedRows == 1
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
