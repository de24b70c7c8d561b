/// Reviews as people see them.
extension ReviewTable {
    /// One review with its request; for people.
    static func whole(_ database: Database, mark: UInt32, claim: Int64) throws(StoreFault) -> ReviewRecord? {
        var review = try list(database, mark: mark, states: nil, claim: claim, limit: 1).first
        review?.request = try request(of: claim, by: requestFinder(database))
        return review
    }

    /// Every review with its claim, the oldest first; for people.
    static func list(
        _ database: Database, mark: UInt32, states: Set<ReviewState>?, claim: Int64?, limit: Int
    ) throws(StoreFault) -> [ReviewRecord] {
        var terms = ["?1 > 0"]
        if let states { terms.append("r.state IN (" + states.map { "'\($0.rawValue)'" }.joined(separator: ", ") + ")") }
        if claim != nil { terms.append("r.claim = ?2") }
        let statement = try database.prepare(
            "SELECT \(columns), r.caller, length(r.body),"
                + " (SELECT state FROM claims WHERE id = r.run) FROM reviews r"
                + " WHERE \(terms.joined(separator: " AND ")) ORDER BY r.claim LIMIT ?1")
        let claims = try database.prepare("SELECT \(ClaimColumns.names) FROM claims WHERE id = ?1")
        try statement.bind(1, Int64(max(limit, 0)))
        if let claim { try statement.bind(2, claim) }
        var reviews: [ReviewRecord] = []
        while try statement.step() {
            let row = try read(statement)
            try claims.bind(1, row.claim)
            guard try claims.step(), let runState = ClaimState(rawValue: statement.text(15)) else {
                throw StoreFault(code: 0, description: "review \(row.claim) has no claim")
            }
            reviews.append(
                ReviewRecord(
                    claim: try ClaimColumns.read(claims, ledger: mark), runState: runState, state: row.state,
                    why: row.why,
                    callerAddress: statement.text(13), bodyBytes: Int(statement.integer(14)), request: nil,
                    createdAt: row.createdAt, decidedAt: row.decidedAt, remark: row.remark, expiresAt: row.expiresAt))
            claims.reset()
        }
        return reviews
    }
}

extension Store {
    /// Undecided and approved ones, the oldest first.
    func listReviews(limit: Int) throws(StoreFault) -> [ReviewRecord] {
        try ReviewTable.list(database, mark: mark, states: [.waiting, .approved], claim: nil, limit: limit)
    }
}

extension LedgerReader {
    /// Oldest first, at most `limit`; nil `states` match all.
    public func reviews(_ states: Set<ReviewState>?, limit: Int) throws(LedgerFault) -> [ReviewRecord] {
        try read { () throws(StoreFault) in
            try ReviewTable.list(database, mark: mark, states: states, claim: nil, limit: limit)
        }
    }

    /// Nil where this ledger has no such review.
    public func review(_ id: ClaimID) throws(LedgerFault) -> ReviewRecord? {
        guard id.ledger == mark else { return nil }
        return try read { () throws(StoreFault) in
            try ReviewTable.whole(database, mark: mark, claim: id.row)
        }
    }
}
