import Bytes

/// How a `ClaimRecord` lies in a row of `claims`: one order of columns for reading, writing and the journal.
enum ClaimColumns {
    /// Never changes.
    private static let identity = ["chain", "asset", "payer", "nonce", "binding", "bind", "created_at"]
    /// What a new attempt of a void claim brings along.
    private static let terms = [
        "settle", "facilitator", "amount", "pay_to", "route", "revision", "request", "valid_before", "counted_at",
        "policies", "payment_id", "decimals",
    ]
    /// What changes as a claim lives.
    private static let progress = [
        "state", "paid", "updated_at", "owed_at", "attempts", "reruns", "request_bytes_written", "transaction_id",
        "reason",
    ]
    /// Apart from its state, so that the index of what is open need not be touched as long as it stays open.
    private static let rest = ["at_rest"]
    /// As `rest`, for the index of what is watched.
    private static let watch = ["watched"]
    /// What is known from the chain that settles it.
    private static let chain = ["evidence_block", "reorganized_at", "gas_wei"]

    static let groups = [identity, terms, progress, rest, watch, chain]

    static let all: JournalTable.Groups = [.whole, .terms, .progress, .rest, .watch, .chain]

    static let names = (["id"] + groups.joined()).joined(separator: ", ")

    static let insert =
        "INSERT INTO claims (\(names)) VALUES ("
        + (1...groups.joined().count + 1).map { "?\($0)" }.joined(separator: ", ") + ")"

    /// Sets the columns of `groups`.
    static func update(_ groups: JournalTable.Groups) -> String {
        let columns = self.groups.enumerated().filter { groups.contains(JournalTable.Groups(rawValue: 1 << $0.offset)) }
        let values = columns.flatMap(\.element).enumerated().map { "\($1) = ?\($0 + 2)" }
        return "UPDATE claims SET \(values.joined(separator: ", ")) WHERE id = ?1"
    }

    /// Journals the values of `groups`, in their order; the statement is to be run with them.
    static func write(_ claim: ClaimRecord, _ groups: JournalTable.Groups, to journal: Journal) {
        journal.begin(.claims, groups)
        journal.append(claim.id.row)
        if groups.contains(.whole) {
            journal.append(claim.key.chain)
            journal.append(claim.key.asset)
            journal.append(claim.key.payer)
            journal.append(claim.key.nonce)
            journal.append(claim.binding)
            journal.append(claim.bind.rawValue)
            journal.append(claim.createdAt)
        }
        if groups.contains(.terms) {
            journal.append(claim.order.rawValue)
            journal.append(claim.facilitator.rawText)
            journal.append(String(claim.amountAtomic))
            journal.append(claim.payTo)
            journal.append(claim.route)
            journal.append(Int64(claim.revision))
            journal.append(claim.request)
            journal.append(claim.validBefore)
            journal.append(claim.countedAt)
            journal.append(claim.policies)
            journal.append(claim.paymentID)
            journal.append(Int64(claim.assetDecimals))
        }
        if groups.contains(.progress) {
            journal.append(claim.state.rawValue)
            journal.append(claim.machine.isPaid)
            journal.append(claim.updatedAt)
            journal.append(claim.owedAt)
            journal.append(Int64(claim.attempts))
            journal.append(Int64(claim.reruns))
            journal.append(claim.requestBytesWritten)
            journal.append(claim.transaction)
            journal.append(claim.reason)
        }
        if groups.contains(.rest) { journal.append(claim.state.isAtRest) }
        if groups.contains(.watch) { journal.append(claim.isWatched) }
        if groups.contains(.chain) {
            journal.append(claim.evidenceBlock.map { Int64(clamping: $0) })
            journal.append(claim.reorganizedAt)
            journal.append(claim.gasWei.map { String($0) })
        }
    }

    /// The row under `statement`; a value that this Farebox cannot mean is a fault, never a guess.
    static func read(_ statement: Statement, ledger: UInt32) throws(StoreFault) -> ClaimRecord {
        let row = statement.integer(0)
        func known<Value>(_ value: Value?, _ column: StaticString) throws(StoreFault) -> Value {
            if let value { return value }
            throw StoreFault(code: 0, description: "claim \(row): \(column) holds no valid value")
        }
        let state = try known(ClaimState(rawValue: statement.text(20)), "state")
        let order = try known(SettleOrder(rawValue: statement.text(8)), "settle")
        return ClaimRecord(
            id: ClaimID(row: row, ledger: ledger),
            key: ClaimKey(
                chain: statement.text(1), asset: try known(Bytes20(statement.blob(2)), "asset"),
                payer: try known(Bytes20(statement.blob(3)), "payer"),
                nonce: try known(Bytes32(statement.blob(4)), "nonce")),
            binding: try known(Bytes32(statement.blob(5)), "binding"),
            bind: try known(BindMode(rawValue: statement.text(6)), "bind"),
            machine: try known(ClaimMachine(state: state, order: order, isPaid: statement.integer(21) != 0), "paid"),
            facilitator: try known(ClaimFacilitator(text: statement.text(9)), "facilitator"),
            amountAtomic: try known(UInt128(statement.text(10)), "amount"),
            assetDecimals: Int(statement.integer(19)),
            payTo: try known(Bytes20(statement.blob(11)), "pay_to"),
            route: statement.text(12),
            revision: Int(statement.integer(13)),
            request: statement.text(14),
            validBefore: statement.integer(15),
            createdAt: statement.integer(7),
            updatedAt: statement.integer(22),
            countedAt: statement.integer(16),
            policies: statement.text(17),
            paymentID: statement.isNull(18) ? nil : statement.text(18),
            owedAt: statement.isNull(23) ? nil : statement.integer(23),
            attempts: Int(statement.integer(24)),
            reruns: Int(statement.integer(25)),
            requestBytesWritten: statement.integer(26) != 0,
            transaction: statement.isNull(27) ? nil : statement.text(27),
            reason: statement.isNull(28) ? nil : statement.text(28),
            isWatched: statement.integer(30) != 0,
            evidenceBlock: statement.isNull(31)
                ? nil : try known(UInt64(exactly: statement.integer(31)), "evidence_block"),
            reorganizedAt: statement.isNull(32) ? nil : statement.integer(32),
            gasWei: statement.isNull(33) ? nil : try known(UInt128(statement.text(33)), "gas_wei"))
    }
}

extension JournalTable.Groups {
    /// Of `claims`, whose identity is its first group.
    static let terms = JournalTable.Groups(rawValue: 1 << 1)
    static let progress = JournalTable.Groups(rawValue: 1 << 2)
    static let rest = JournalTable.Groups(rawValue: 1 << 3)
    static let watch = JournalTable.Groups(rawValue: 1 << 4)
    static let chain = JournalTable.Groups(rawValue: 1 << 5)
}
