import Bytes

/// The rows that the tally is counted up from.
struct TallyRows {
    private let newestRow: Statement
    private let latestAgain: Statement
    private let firstFrom: Statement
    private let once: Statement
    private let again: Statement
    private let decided: Statement
    private let findMachine: Statement
    /// A wallet with more payments than these is judged by as many of them: their nonces choose, not their age.
    static let decidedAtMost = 20_000

    init(_ database: Database) throws(StoreFault) {
        // A claim is counted when its row is made, by a clock that never goes back, so rows stand in the order of their counting;
        // but for the few that were attempted again, which have an index of their own.
        newestRow = try database.prepare("SELECT id, counted_at FROM claims ORDER BY id DESC LIMIT 1")
        latestAgain = try database.prepare("SELECT max(counted_at) FROM claims WHERE attempts > 1")
        firstFrom = try database.prepare(
            "SELECT id, counted_at FROM claims WHERE id >= ?1 AND attempts = 1 ORDER BY id LIMIT 1")
        let columns =
            "SELECT policies, chain, payer, facilitator = '\(ClaimFacilitator.sandbox.rawText)', amount, decimals,"
            + " counted_at, paid FROM claims WHERE "
        let isCounted = " AND policies <> '' AND state NOT IN ('void', 'failed')"
        once = try database.prepare(columns + "id >= ?1 AND attempts = 1 AND counted_at > ?2" + isCounted)
        again = try database.prepare(columns + "attempts > 1 AND counted_at > ?1" + isCounted)
        decided = try database.prepare(
            columns + "chain = ?1 AND payer = ?2 AND (facilitator = '\(ClaimFacilitator.sandbox.rawText)') = ?3"
                + " AND (paid = 1 OR state = 'failed') LIMIT \(Self.decidedAtMost)")
        findMachine = try database.prepare("SELECT state, settle, paid FROM claims WHERE id = ?1")
    }

    /// One claim, good within the call.
    struct Row {
        fileprivate let statement: Statement

        var policies: UnsafeRawBufferPointer { statement.blob(0) }
        var chain: UnsafeRawBufferPointer { statement.blob(1) }
        var isPlay: Bool { statement.integer(3) != 0 }
        var second: Int64 { statement.integer(6) }
        var isPaid: Bool { statement.integer(7) != 0 }

        var payer: Bytes20 {
            get throws(StoreFault) {
                if let payer = Bytes20(statement.blob(2)) { return payer }
                throw StoreFault(code: 0, description: "a claim holds no valid payer")
            }
        }

        var attodollars: UInt128 {
            get throws(StoreFault) {
                guard let amount = Self.number(statement.blob(4)) else {
                    throw StoreFault(code: 0, description: "a claim holds no valid amount")
                }
                return Attodollars.of(amountAtomic: amount, decimals: Int(statement.integer(5)))
            }
        }

        /// Decimal digits; nil for anything else, or a number that a UInt128 does not hold.
        private static func number(_ digits: UnsafeRawBufferPointer) -> UInt128? {
            guard (1...18).contains(digits.count) else { return UInt128(String(decoding: digits, as: UTF8.self)) }
            var number: UInt64 = 0
            for byte in digits {
                guard 0x30...0x39 ~= byte else { return nil }
                number = number * 10 + UInt64(byte & 0xF)
            }
            return UInt128(number)
        }
    }

    /// When the last claim was counted; nil in an empty ledger.
    func latestSecond() throws(StoreFault) -> Int64? {
        defer {
            newestRow.reset()
            latestAgain.reset()
        }
        guard try newestRow.step() else { return nil }
        let newest = newestRow.integer(1)
        guard try latestAgain.step(), !latestAgain.isNull(0) else { return newest }
        return max(newest, latestAgain.integer(0))
    }

    /// Every claim that bounds count since the second after `horizon`.
    func counted(after horizon: Int64, _ body: (Row) throws(StoreFault) -> Void) throws(StoreFault) {
        try once.bind(1, try firstRow(after: horizon))
        try once.bind(2, horizon)
        try each(once, body)
        try again.bind(1, horizon)
        try each(again, body)
    }

    /// Claims of a wallet that are paid or have failed, in play or not.
    func decided(
        of wallet: Wallet, isPlay: Bool, _ body: (Row) throws(StoreFault) -> Void
    ) throws(StoreFault) {
        try decided.bind(1, wallet.chain)
        try decided.bind(2, wallet.payer)
        try decided.bind(3, isPlay ? 1 : 0)
        try each(decided, body)
    }

    /// State, order and payment of a row as it is now; nil where there is none.
    func machine(row: Int64) throws(StoreFault) -> ClaimMachine? {
        try findMachine.bind(1, row)
        defer { findMachine.reset() }
        guard try findMachine.step() else { return nil }
        guard let state = ClaimState(rawValue: findMachine.text(0)),
            let order = SettleOrder(rawValue: findMachine.text(1)),
            let machine = ClaimMachine(state: state, order: order, isPaid: findMachine.integer(2) != 0)
        else { throw StoreFault(code: 0, description: "claim \(row): state holds no valid value") }
        return machine
    }

    private func each(_ statement: Statement, _ body: (Row) throws(StoreFault) -> Void) throws(StoreFault) {
        defer { statement.reset() }
        while try statement.step() { try body(Row(statement: statement)) }
    }

    /// Where to begin reading: no claim before it that was attempted once was counted after `horizon`.
    private func firstRow(after horizon: Int64) throws(StoreFault) -> Int64 {
        defer { newestRow.reset() }
        guard try newestRow.step() else { return 0 }
        var low: Int64 = 0
        var high = newestRow.integer(0) + 1
        while low < high {
            let middle = low + (high - low) / 2
            if let (row, second) = try first(from: middle), row < high {
                if second > horizon { high = middle } else { low = row + 1 }
            } else {
                high = middle
            }
        }
        return low
    }

    /// The first claim from this row on that was attempted once.
    private func first(from row: Int64) throws(StoreFault) -> (row: Int64, second: Int64)? {
        try firstFrom.bind(1, row)
        defer { firstFrom.reset() }
        guard try firstFrom.step() else { return nil }
        return (firstFrom.integer(0), firstFrom.integer(1))
    }
}
