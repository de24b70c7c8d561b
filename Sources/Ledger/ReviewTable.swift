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
    /// Beside the claim, which is the key: what never changes, what it is paid with, and what was decided.
    static let journaled = [
        ["chain", "payer", "binding", "why", "payment_version", "created_at", "keep_seconds"], ["run"], decision,
    ]
    private static let decision = ["state", "expires_at", "decided_at", "remark"]
    private static let all: JournalTable.Groups = [.whole, .reviewRun, .reviewDecision]
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
    private let findURLs: Statement
    private let deleteURL: Statement
    private let journal: Journal

    init(_ database: Database, journal: Journal) throws(StoreFault) {
        self.journal = journal
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
        let columns = ["claim"] + Self.journaled.joined() + ["head", "payment", "body", "caller"]
        insertReview = try database.prepare(
            "INSERT OR REPLACE INTO reviews (\(columns.joined(separator: ", "))) VALUES ("
                + columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ") + ")")
        insertURL = try database.prepare("INSERT INTO review_urls VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        countURLs = try database.prepare("SELECT count(*) FROM review_urls WHERE review = ?1")
        decideReview = try database.prepare(
            "UPDATE reviews SET "
                + Self.decision.enumerated().map { "\($1) = ?\($0 + 2)" }.joined(separator: ", ") + " WHERE claim = ?1")
        setRun = try database.prepare("UPDATE reviews SET run = ?2 WHERE claim = ?1")
        findRequest = try Self.requestFinder(database)
        findApproved = try database.prepare(
            select + "JOIN claims c ON c.id = r.claim WHERE r.state = 'approved' AND c.state = 'waiting'"
                + " ORDER BY r.claim")
        findOver = try database.prepare(select + "WHERE r.expires_at <= ?1 ORDER BY r.expires_at LIMIT 64")
        deleteReview = try database.prepare("DELETE FROM reviews WHERE claim = ?1")
        findURLs = try database.prepare("SELECT hash FROM review_urls WHERE review = ?1")
        deleteURL = try database.prepare("DELETE FROM review_urls WHERE hash = ?1")
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
        // A row that is replaced takes its URLs with it.
        try deleteURLs(of: claim.id.row)
        let rest = Int32(1 + Self.journaled.joined().count)
        try insertReview.bind(rest + 1, request.head)
        try insertReview.bind(rest + 2, request.payment)
        try insertReview.bind(rest + 3, request.body)
        try insertReview.bind(rest + 4, request.callerAddress)
        journal.begin(.reviews, Self.all)
        journal.append(claim.id.row)
        journal.append(claim.key.chain)
        journal.append(claim.key.payer)
        journal.append(claim.binding)
        journal.append(why)
        journal.append(Int64(request.paymentVersion))
        journal.append(now)
        journal.append(keepSeconds)
        journal.append(claim.id.row)
        appendDecision(.waiting, expiresAt: now.addingReportingOverflow(keepSeconds).partialValue, nil, remark: nil)
        try journal.run(insertReview)
    }

    private func appendDecision(_ state: ReviewState, expiresAt: Int64, _ decidedAt: Int64?, remark: String?) {
        journal.append(state.rawValue)
        journal.append(expiresAt)
        journal.append(decidedAt)
        journal.append(remark)
    }

    /// False where the review has as many URLs as it may.
    func addURL(_ hash: Bytes32, to review: Int64) throws(StoreFault) -> Bool {
        try countURLs.bind(1, review)
        guard try count(countURLs) < Self.urlsPerReview else { return false }
        journal.begin(.reviewURLs, .whole)
        journal.append(hash)
        journal.append(review)
        try journal.run(insertURL)
        if journal.database.changedRows == 0 { journal.withdraw() }
        return true
    }

    func decide(_ row: Int64, _ state: ReviewState, remark: String?, now: Int64) throws(StoreFault) {
        guard let review = try review(claim: row) else { return }
        journal.begin(.reviews, .reviewDecision)
        journal.append(row)
        appendDecision(
            state, expiresAt: now.addingReportingOverflow(review.keepSeconds).partialValue, now, remark: remark)
        try journal.run(decideReview)
    }

    func setRun(_ run: Int64, of review: Int64) throws(StoreFault) {
        journal.begin(.reviews, .reviewRun)
        journal.append(review)
        journal.append(run)
        try journal.run(setRun)
        if journal.database.changedRows == 0 { journal.withdraw() }
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
        try deleteURLs(of: row)
        journal.begin(.reviews, .none)
        journal.append(row)
        try journal.run(deleteReview)
        if journal.database.changedRows == 0 { journal.withdraw() }
    }

    private func deleteURLs(of review: Int64) throws(StoreFault) {
        var hashes: [Bytes32] = []
        try findURLs.bind(1, review)
        while try findURLs.step() {
            if let hash = Bytes32(findURLs.blob(0)) { hashes.append(hash) }
        }
        findURLs.reset()
        for hash in hashes {
            journal.begin(.reviewURLs, .none)
            journal.append(hash)
            try journal.run(deleteURL)
        }
    }

    /// Every review that waits as this claim, or was paid with it.
    func delete(ofClaim row: Int64) throws(StoreFault) {
        let find = try journal.database.prepare("SELECT claim FROM reviews WHERE claim = ?1 OR run = ?1")
        try find.bind(1, row)
        var reviews: [Int64] = []
        while try find.step() { reviews.append(find.integer(0)) }
        for review in reviews { try delete(review) }
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

extension JournalTable.Groups {
    /// Of `reviews`.
    fileprivate static let reviewRun = JournalTable.Groups(rawValue: 1 << 1)
    fileprivate static let reviewDecision = JournalTable.Groups(rawValue: 1 << 2)
}
