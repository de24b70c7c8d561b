import Bytes

extension Schema {
    static let reviews =
        """
        -- A claim that waits for a person, or waited, with its request. `run` is the claim that the request is paid with.
        CREATE TABLE reviews (
            claim INTEGER PRIMARY KEY REFERENCES claims (id) ON DELETE CASCADE,
            run INTEGER NOT NULL REFERENCES claims (id) ON DELETE CASCADE,
            chain TEXT NOT NULL,
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            binding BLOB NOT NULL CHECK (length(binding) = 32),
            state TEXT NOT NULL,
            why TEXT NOT NULL,
            head BLOB NOT NULL,
            payment BLOB NOT NULL,
            body BLOB NOT NULL,
            payment_version INTEGER NOT NULL,
            caller TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            keep_seconds INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            decided_at INTEGER,
            remark TEXT
        ) STRICT;
        CREATE INDEX reviews_by_wallet ON reviews (chain, payer);
        CREATE INDEX reviews_by_state ON reviews (state);
        CREATE INDEX reviews_by_run ON reviews (run);
        CREATE INDEX reviews_by_end ON reviews (expires_at);
        -- SHA-256 of each URL's unguessable part.
        CREATE TABLE review_urls (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            review INTEGER NOT NULL REFERENCES reviews (claim) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX review_urls_by_review ON review_urls (review);

        """
}

/// One row of `reviews` beside its request.
struct ReviewRow {
    var claim: Int64
    var run: Int64
    var wallet: Wallet
    var binding: Bytes32
    var state: ReviewState
    var why: String
    var paymentVersion: Int
    var createdAt: Int64
    var keepSeconds: Int64
    var expiresAt: Int64
    var decidedAt: Int64?
    var remark: String?
}

/// The reviews on disk. Used by the ledger thread alone; its statements are few and seldom used.
struct ReviewTable {
    /// URLs that one review may have: its caller asked as often.
    static let urlsPerReview = 16

    static let columns =
        "r.claim, r.run, r.chain, r.payer, r.binding, r.state, r.why, r.payment_version, r.created_at, r.keep_seconds,"
        + " r.expires_at, r.decided_at, r.remark"
    /// Its request may still be run: undecided, or approved and not paid for yet.
    private static let isOpen =
        "(r.state = 'waiting' OR r.state = 'approved' AND"
        + " (SELECT c.paid = 0 OR c.at_rest = 0 FROM claims c WHERE c.id = r.run))"

    private let findByURL: Statement
    private let findByClaim: Statement
    private let findOpen: Statement
    private let countOfWallet: Statement
    private let countAll: Statement
    private let countWaiting: Statement
    private let insertReview: Statement
    private let insertURL: Statement
    private let countURLs: Statement
    private let decideReview: Statement
    private let setRun: Statement
    private let findRequest: Statement
    private let findApproved: Statement
    private let findOver: Statement
    private let deleteReview: Statement

    init(_ database: Database) throws(StoreFault) {
        let select = "SELECT \(Self.columns) FROM reviews r "
        findByURL = try database.prepare(select + "JOIN review_urls u ON u.review = r.claim WHERE u.hash = ?1")
        findByClaim = try database.prepare(select + "WHERE r.claim = ?1")
        findOpen = try database.prepare(
            select
                + "WHERE r.chain = ?1 AND r.payer = ?2 AND r.binding = ?3 AND \(Self.isOpen) ORDER BY r.claim LIMIT 1")
        countOfWallet = try database.prepare(
            "SELECT count(*) FROM reviews r WHERE r.chain = ?1 AND r.payer = ?2 AND \(Self.isOpen)")
        countAll = try database.prepare(
            "SELECT count(*) FROM reviews r WHERE r.state IN ('waiting', 'approved') AND \(Self.isOpen)")
        countWaiting = try database.prepare("SELECT count(*) FROM reviews WHERE state = 'waiting'")
        insertReview = try database.prepare(
            "INSERT OR REPLACE INTO reviews"
                + " VALUES (?1, ?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?13, ?7, ?8, ?9, ?10, ?11,"
                + " ?12, NULL, NULL)")
        insertURL = try database.prepare("INSERT INTO review_urls VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        countURLs = try database.prepare("SELECT count(*) FROM review_urls WHERE review = ?1")
        decideReview = try database.prepare(
            "UPDATE reviews SET state = ?2, decided_at = ?3, remark = ?4, expires_at = ?3 + keep_seconds"
                + " WHERE claim = ?1")
        setRun = try database.prepare("UPDATE reviews SET run = ?2 WHERE claim = ?1")
        findRequest = try Self.requestFinder(database)
        findApproved = try database.prepare(
            select + "JOIN claims c ON c.id = r.claim WHERE r.state = 'approved' AND c.state = 'waiting'"
                + " ORDER BY r.claim")
        findOver = try database.prepare(select + "WHERE r.expires_at <= ?1 ORDER BY r.expires_at LIMIT 64")
        deleteReview = try database.prepare("DELETE FROM reviews WHERE claim = ?1")
    }

    func review(url hash: Bytes32) throws(StoreFault) -> ReviewRow? {
        try findByURL.bind(1, hash)
        return try all(findByURL).first
    }

    func review(claim row: Int64) throws(StoreFault) -> ReviewRow? {
        try findByClaim.bind(1, row)
        return try all(findByClaim).first
    }

    /// What waits for the same wallet and binding, or was approved and is not paid for.
    func open(_ wallet: Wallet, binding: Bytes32) throws(StoreFault) -> ReviewRow? {
        try findOpen.bind(1, wallet.chain)
        try findOpen.bind(2, wallet.payer)
        try findOpen.bind(3, binding)
        return try all(findOpen).first
    }

    func openCount(of wallet: Wallet) throws(StoreFault) -> Int {
        try countOfWallet.bind(1, wallet.chain)
        try countOfWallet.bind(2, wallet.payer)
        return try count(countOfWallet)
    }

    func openCount() throws(StoreFault) -> Int { try count(countAll) }

    func waitingCount() throws(StoreFault) -> Int { try count(countWaiting) }

    func insert(
        _ claim: ClaimRecord, _ request: ReviewRequest, why: String, keepSeconds: Int64, now: Int64
    ) throws(StoreFault) {
        try insertReview.bind(1, claim.id.row)
        try insertReview.bind(2, claim.key.chain)
        try insertReview.bind(3, claim.key.payer)
        try insertReview.bind(4, claim.binding)
        try insertReview.bind(5, why)
        try insertReview.bind(6, request.head)
        try insertReview.bind(7, request.body)
        try insertReview.bind(8, Int64(request.paymentVersion))
        try insertReview.bind(9, request.callerAddress)
        try insertReview.bind(10, now)
        try insertReview.bind(11, keepSeconds)
        try insertReview.bind(12, now.addingReportingOverflow(keepSeconds).partialValue)
        try insertReview.bind(13, request.payment)
        try insertReview.run()
    }

    /// False where the review has as many URLs as it may.
    func addURL(_ hash: Bytes32, to review: Int64) throws(StoreFault) -> Bool {
        try countURLs.bind(1, review)
        guard try count(countURLs) < Self.urlsPerReview else { return false }
        try insertURL.bind(1, hash)
        try insertURL.bind(2, review)
        try insertURL.run()
        return true
    }

    func decide(_ row: Int64, _ state: ReviewState, remark: String?, now: Int64) throws(StoreFault) {
        try decideReview.bind(1, row)
        try decideReview.bind(2, state.rawValue)
        try decideReview.bind(3, now)
        try decideReview.bind(4, remark)
        try decideReview.run()
    }

    func setRun(_ run: Int64, of review: Int64) throws(StoreFault) {
        try setRun.bind(1, review)
        try setRun.bind(2, run)
        try setRun.run()
    }

    func request(of row: Int64) throws(StoreFault) -> ReviewRequest? { try Self.request(of: row, by: findRequest) }

    static func requestFinder(_ database: Database) throws(StoreFault) -> Statement {
        try database.prepare("SELECT head, payment, body, payment_version, caller FROM reviews WHERE claim = ?1")
    }

    static func request(of row: Int64, by finder: Statement) throws(StoreFault) -> ReviewRequest? {
        try finder.bind(1, row)
        defer { finder.reset() }
        guard try finder.step() else { return nil }
        return ReviewRequest(
            head: Array(finder.blob(0)), payment: Array(finder.blob(1)), body: Array(finder.blob(2)),
            paymentVersion: Int(finder.integer(3)), callerAddress: finder.text(4))
    }

    /// Approved ones whose authorization waits still, oldest first.
    func approvedToRun() throws(StoreFault) -> [ReviewRow] { try all(findApproved) }

    /// Undecided too long, or remembered long enough; some at a time.
    func over(now: Int64) throws(StoreFault) -> [ReviewRow] {
        try findOver.bind(1, now)
        return try all(findOver)
    }

    func delete(_ row: Int64) throws(StoreFault) {
        try deleteReview.bind(1, row)
        try deleteReview.run()
    }

    private func count(_ statement: Statement) throws(StoreFault) -> Int {
        defer { statement.reset() }
        return try statement.step() ? Int(statement.integer(0)) : 0
    }

    private func all(_ statement: Statement) throws(StoreFault) -> [ReviewRow] {
        defer { statement.reset() }
        var rows: [ReviewRow] = []
        while try statement.step() { rows.append(try Self.read(statement)) }
        return rows
    }

    static func read(_ statement: Statement) throws(StoreFault) -> ReviewRow {
        let claim = statement.integer(0)
        guard let payer = Bytes20(statement.blob(3)), let binding = Bytes32(statement.blob(4)),
            let state = ReviewState(rawValue: statement.text(5))
        else { throw StoreFault(code: 0, description: "review \(claim) holds no valid payer, binding or state") }
        return ReviewRow(
            claim: claim, run: statement.integer(1), wallet: Wallet(chain: statement.text(2), payer: payer),
            binding: binding, state: state, why: statement.text(6), paymentVersion: Int(statement.integer(7)),
            createdAt: statement.integer(8), keepSeconds: statement.integer(9), expiresAt: statement.integer(10),
            decidedAt: statement.isNull(11) ? nil : statement.integer(11),
            remark: statement.isNull(12) ? nil : statement.text(12))
    }
}
