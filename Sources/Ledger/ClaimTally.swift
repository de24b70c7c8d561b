import Bytes

/// What claims add up to: the counters of bounds, and the histories of wallets that have to be proven. Kept in step with the rows by
/// `Store`, in the transaction that writes them, and counted up from the rows where it is not known yet: nothing of it is on disk.
final class ClaimTally {
    /// The steady clock's second, by which claims are counted.
    var now: Int64
    private let rows: TallyRows
    private var books: [BoundBook.Windows: BoundBook] = [:]
    private var booksByPolicies = BooksByPolicies([])
    private var chains: [String: UInt32] = [:]
    private var histories = WalletHistories()
    /// The machines of open claims as they are on disk, of those that were written since anything is tallied.
    private var written: [Int64: ClaimMachine] = [:]
    /// How long a book is kept that no payment asks for.
    static let keepUnaskedSeconds: Int64 = 3600

    /// `wallNow` in Unix seconds; time goes on from the latest claim where the wall clock is behind it.
    init(_ database: Database, wallNow: Int64) throws(StoreFault) {
        rows = try TallyRows(database)
        now = max(wallNow, try rows.latestSecond() ?? wallNow)
    }

    /// Nothing is counted: what a row was before it is written need not be known.
    private var isIdle: Bool { books.isEmpty && histories.isEmpty }

    var booksKept: Int { books.count }

    var walletsKept: Int { books.values.reduce(0) { $0 + $1.walletsKept } }

    // MARK: Asking

    /// Nil where the payment passes every bound; else the refusal that lasts longest.
    func refusal(of admission: Admission) throws(StoreFault) -> BoundRefusal? {
        if admission.bounds.isEmpty { return nil }
        try open(admission.bounds)
        let key = counterKey(admission.key.wallet, isPlay: admission.facilitator == .sandbox)
        let price = Attodollars.of(amountAtomic: admission.amountAtomic, decimals: admission.assetDecimals)
        var worst: BoundRefusal?
        for policy in admission.bounds {
            guard let book = books[BoundBook.Windows(policy)] else { continue }
            book.askedAt = now
            book.look(at: policy, of: key, now: now) { code, limit, window, seconds in
                let wanted = code.isSpend ? price : 1
                let left = limit.subtractingSaturated(window.sum)
                if wanted <= left { return }
                let wait =
                    wanted > limit
                    ? nil : Int(window.secondsUntil(atMost: limit - wanted, now: now, seconds: seconds))
                if let worst, worst.retryAfterSeconds ?? .max >= wait ?? .max { return }
                worst = BoundRefusal(
                    code: code, policy: policy.name, leftText: code.text(left), retryAfterSeconds: wait)
            }
        }
        return worst
    }

    /// Looks at every bound of a policy whose book is open.
    func look(
        at policy: BoundPolicy, of wallet: Wallet, isPlay: Bool,
        _ body: (BoundRefusal.Code, _ limit: UInt128, RollingWindow, _ seconds: Int64) -> Void
    ) {
        books[BoundBook.Windows(policy)]?.look(at: policy, of: counterKey(wallet, isPlay: isPlay), now: now, body)
    }

    /// Has a book for each of these policies, counted up from the rows where there was none.
    func open(_ policies: [BoundPolicy]) throws(StoreFault) {
        var fresh: [BoundBook.Windows: BoundBook] = [:]
        for policy in policies {
            let windows = BoundBook.Windows(policy)
            if windows.longest != nil && books[windows] == nil { fresh[windows] = BoundBook(windows, now: now) }
        }
        if fresh.isEmpty { return }
        books = books.filter { $0.value.askedAt >= now - Self.keepUnaskedSeconds }
        let longest = fresh.keys.compactMap(\.longest).max() ?? 0
        var byPolicies = BooksByPolicies(Array(fresh.values))
        // Most rows name the policies and the chain that the row before them named.
        var policies: [UInt8] = []
        var counting = byPolicies[""]
        var chainText: [UInt8] = []
        var chain: UInt32 = 0
        try rows.counted(after: now - longest) { row throws(StoreFault) in
            if !row.policies.elementsEqual(policies) {
                policies = Array(row.policies)
                counting = byPolicies[String(decoding: policies, as: UTF8.self)]
            }
            if counting.isEmpty { return }
            if !row.chain.elementsEqual(chainText) {
                chainText = Array(row.chain)
                chain = number(ofChain: String(decoding: chainText, as: UTF8.self))
            }
            let claim = CountedClaim(
                key: CounterKey(payer: try row.payer, chain: chain, isPlay: row.isPlay),
                attodollars: try row.attodollars, second: min(row.second, now))
            for book in counting { book.count(claim, now: now) }
        }
        books.merge(fresh) { _, new in new }
        booksByPolicies = BooksByPolicies(Array(books.values))
    }

    /// What a wallet has shown, with real money or in play.
    func history(of wallet: Wallet, isPlay: Bool) throws(StoreFault) -> WalletHistory {
        let key = counterKey(wallet, isPlay: isPlay)
        if let known = histories[key] { return known }
        var history = WalletHistory()
        try rows.decided(of: wallet, isPlay: isPlay) { row throws(StoreFault) in
            history.add(isPaid: row.isPaid, attodollars: try row.attodollars, second: row.second)
        }
        histories[key] = history
        return history
    }

    private func counterKey(_ wallet: Wallet, isPlay: Bool) -> CounterKey {
        CounterKey(payer: wallet.payer, chain: number(ofChain: wallet.chain), isPlay: isPlay)
    }

    private func number(ofChain name: String) -> UInt32 {
        if let known = chains[name] { return known }
        let number = UInt32(chains.count)
        chains[name] = number
        return number
    }

    // MARK: Keeping in step

    /// The row was added.
    func inserted(_ claim: ClaimRecord) {
        if !isIdle { note(claim, from: nil) }
    }

    /// The row is about to be written anew. What it adds up to changes with it.
    func willWrite(_ claim: ClaimRecord) throws(StoreFault) {
        if isIdle { return }
        let row = claim.id.row
        if let old = written[row] {
            note(claim, from: old)
        } else if let old = try rows.machine(row: row) {
            note(claim, from: old)
        }
    }

    private func note(_ claim: ClaimRecord, from old: ClaimMachine?) {
        let new = claim.machine
        written[claim.id.row] = new.state.isAtRest ? nil : new
        let wasCounted = old?.state.isCounted ?? false
        let isCounted = new.state.isCounted
        let wasPaid = old?.isPaid ?? false
        let hadFailed = old?.state == .failed
        let hasFailed = new.state == .failed
        if wasCounted == isCounted && wasPaid == new.isPaid && hadFailed == hasFailed { return }
        let counted = CountedClaim(
            key: counterKey(claim.wallet, isPlay: claim.facilitator == .sandbox),
            attodollars: Attodollars.of(amountAtomic: claim.amountAtomic, decimals: claim.assetDecimals),
            second: claim.countedAt)
        if wasCounted != isCounted {
            for book in booksByPolicies[claim.policies] {
                if isCounted { book.count(counted, now: now) } else { book.giveBack(counted, now: now) }
            }
        }
        histories.change(counted.key) { history in
            if hadFailed != hasFailed { history.failed += hasFailed ? 1 : -1 }
            if !wasPaid && new.isPaid {
                history.add(isPaid: true, attodollars: counted.attodollars, second: counted.second)
            }
        }
    }
}

extension ClaimState {
    /// Bounds count it.
    var isCounted: Bool { self != .void && self != .failed && self != .waiting }
}

/// The books that count a claim, by what its row says of its policies: names separated by commas.
struct BooksByPolicies {
    private let books: [BoundBook]
    private var known: [String: [BoundBook]] = [:]
    /// More combinations than any config has.
    private static let kept = 1024

    init(_ books: [BoundBook]) { self.books = books }

    subscript(policies: String) -> [BoundBook] {
        mutating get {
            if let known = known[policies] { return known }
            let names = policies.split(separator: ",")
            let found = books.filter { book in names.contains { $0 == book.windows.policy } }
            if known.count >= Self.kept { known = [:] }
            known[policies] = found
            return found
        }
    }
}
