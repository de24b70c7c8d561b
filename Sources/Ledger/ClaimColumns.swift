import Bytes

/// How a `ClaimRecord` lies in a row of `claims`: one order of columns for reading and writing.
enum ClaimColumns {
    static let names =
        "id, chain, asset, payer, nonce, binding, bind, state, settle, paid, facilitator, amount, pay_to, route, revision,"
        + " request, valid_before, created_at, updated_at, owed_at, attempts, reruns, request_bytes_written, transaction_id,"
        + " reason, watched, evidence_block, reorganized_at, decimals, counted_at, policies, payment_id, gas_wei"

    static let insert =
        "INSERT INTO claims (chain, asset, payer, nonce, binding, bind, state, at_rest, settle, paid, facilitator, amount, pay_to,"
        + " route, revision, request, valid_before, created_at, updated_at, owed_at, attempts, reruns,"
        + " request_bytes_written, transaction_id, reason, decimals, counted_at, policies, payment_id) VALUES (?2, ?3, ?4, ?5,"
        + " ?6, ?7, ?8, ?26, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?27, ?28,"
        + " ?29, ?30)"

    /// What changes as a claim lives and stays open: the index of what is open need not be touched.
    static let updateOpen = update("")
    /// The same where it comes to rest, or leaves it.
    static let updateRest = update("at_rest = ?11, ")

    /// For claims that a chain settles: with what is known of it there.
    static let updateOnChain = update(
        "at_rest = ?11, watched = ?12, evidence_block = ?13, reorganized_at = ?14, gas_wei = ?15, ")

    private static func update(_ more: String) -> String {
        "UPDATE claims SET \(more)state = ?2, paid = ?3, updated_at = ?4, owed_at = ?5, attempts = ?6, reruns = ?7,"
            + " request_bytes_written = ?8, transaction_id = ?9, reason = ?10 WHERE id = ?1"
    }

    /// What a new attempt of a void claim brings along.
    static let updateTerms =
        "UPDATE claims SET settle = ?2, facilitator = ?3, amount = ?4, pay_to = ?5, route = ?6, revision = ?7, request = ?8,"
        + " valid_before = ?9, counted_at = ?10, policies = ?11, payment_id = ?12 WHERE id = ?1"

    static func bindAll(_ claim: ClaimRecord, to statement: Statement) throws(StoreFault) {
        try statement.bind(2, claim.key.chain)
        try statement.bind(3, claim.key.asset)
        try statement.bind(4, claim.key.payer)
        try statement.bind(5, claim.key.nonce)
        try statement.bind(6, claim.binding)
        try statement.bind(7, claim.bind.rawValue)
        try statement.bind(8, claim.state.rawValue)
        try statement.bind(9, claim.order.rawValue)
        try statement.bind(10, claim.machine.isPaid ? 1 : 0)
        try statement.bind(11, claim.facilitator.rawText)
        try statement.bind(12, String(claim.amountAtomic))
        try statement.bind(13, claim.payTo)
        try statement.bind(14, claim.route)
        try statement.bind(15, Int64(claim.revision))
        try statement.bind(16, claim.request)
        try statement.bind(17, claim.validBefore)
        try statement.bind(18, claim.createdAt)
        try statement.bind(19, claim.updatedAt)
        try statement.bind(20, claim.owedAt)
        try statement.bind(21, Int64(claim.attempts))
        try statement.bind(22, Int64(claim.reruns))
        try statement.bind(23, claim.requestBytesWritten ? 1 : 0)
        try statement.bind(24, claim.transaction)
        try statement.bind(25, claim.reason)
        try statement.bind(26, claim.state.isAtRest ? 1 : 0)
        try statement.bind(27, Int64(claim.assetDecimals))
        try statement.bind(28, claim.countedAt)
        try statement.bind(29, claim.policies)
        try statement.bind(30, claim.paymentID)
    }

    static func bindProgress(_ claim: ClaimRecord, to statement: Statement) throws(StoreFault) {
        try statement.bind(1, claim.id.row)
        try statement.bind(2, claim.state.rawValue)
        try statement.bind(3, claim.machine.isPaid ? 1 : 0)
        try statement.bind(4, claim.updatedAt)
        try statement.bind(5, claim.owedAt)
        try statement.bind(6, Int64(claim.attempts))
        try statement.bind(7, Int64(claim.reruns))
        try statement.bind(8, claim.requestBytesWritten ? 1 : 0)
        try statement.bind(9, claim.transaction)
        try statement.bind(10, claim.reason)
    }

    /// After `bindProgress`.
    static func bindChain(_ claim: ClaimRecord, to statement: Statement) throws(StoreFault) {
        try statement.bind(11, claim.state.isAtRest ? 1 : 0)
        try statement.bind(12, claim.isWatched ? 1 : 0)
        try statement.bind(13, claim.evidenceBlock.map { Int64(clamping: $0) })
        try statement.bind(14, claim.reorganizedAt)
        try statement.bind(15, claim.gasWei.map { String($0) })
    }

    static func bindTerms(_ claim: ClaimRecord, to statement: Statement) throws(StoreFault) {
        try statement.bind(1, claim.id.row)
        try statement.bind(2, claim.order.rawValue)
        try statement.bind(3, claim.facilitator.rawText)
        try statement.bind(4, String(claim.amountAtomic))
        try statement.bind(5, claim.payTo)
        try statement.bind(6, claim.route)
        try statement.bind(7, Int64(claim.revision))
        try statement.bind(8, claim.request)
        try statement.bind(9, claim.validBefore)
        try statement.bind(10, claim.countedAt)
        try statement.bind(11, claim.policies)
        try statement.bind(12, claim.paymentID)
    }

    /// The row under `statement`; a value that this Farebox cannot mean is a fault, never a guess.
    static func read(_ statement: Statement, ledger: UInt32) throws(StoreFault) -> ClaimRecord {
        let row = statement.integer(0)
        func known<Value>(_ value: Value?, _ column: StaticString) throws(StoreFault) -> Value {
            if let value { return value }
            throw StoreFault(code: 0, description: "claim \(row): \(column) holds no valid value")
        }
        let state = try known(ClaimState(rawValue: statement.text(7)), "state")
        let order = try known(SettleOrder(rawValue: statement.text(8)), "settle")
        return ClaimRecord(
            id: ClaimID(row: row, ledger: ledger),
            key: ClaimKey(
                chain: statement.text(1), asset: try known(Bytes20(statement.blob(2)), "asset"),
                payer: try known(Bytes20(statement.blob(3)), "payer"),
                nonce: try known(Bytes32(statement.blob(4)), "nonce")),
            binding: try known(Bytes32(statement.blob(5)), "binding"),
            bind: try known(BindMode(rawValue: statement.text(6)), "bind"),
            machine: try known(ClaimMachine(state: state, order: order, isPaid: statement.integer(9) != 0), "paid"),
            facilitator: try known(ClaimFacilitator(text: statement.text(10)), "facilitator"),
            amountAtomic: try known(UInt128(statement.text(11)), "amount"),
            assetDecimals: Int(statement.integer(28)),
            payTo: try known(Bytes20(statement.blob(12)), "pay_to"),
            route: statement.text(13),
            revision: Int(statement.integer(14)),
            request: statement.text(15),
            validBefore: statement.integer(16),
            createdAt: statement.integer(17),
            updatedAt: statement.integer(18),
            countedAt: statement.integer(29),
            policies: statement.text(30),
            paymentID: statement.isNull(31) ? nil : statement.text(31),
            owedAt: statement.isNull(19) ? nil : statement.integer(19),
            attempts: Int(statement.integer(20)),
            reruns: Int(statement.integer(21)),
            requestBytesWritten: statement.integer(22) != 0,
            transaction: statement.isNull(23) ? nil : statement.text(23),
            reason: statement.isNull(24) ? nil : statement.text(24),
            isWatched: statement.integer(25) != 0,
            evidenceBlock: statement.isNull(26)
                ? nil : try known(UInt64(exactly: statement.integer(26)), "evidence_block"),
            reorganizedAt: statement.isNull(27) ? nil : statement.integer(27),
            gasWei: statement.isNull(32) ? nil : try known(UInt128(statement.text(32)), "gas_wei"))
    }
}
