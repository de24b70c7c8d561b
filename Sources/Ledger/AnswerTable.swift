import Bytes

/// The answers on disk, one a claim at most. Used by the ledger thread alone, inside the store's transactions.
///
/// An answer is kept for `keep_seconds` after it came, or after its claim became owed, and for as long as its claim is in flight or
/// `unknown`. What is erased is overwritten with zeros in the database; the log holds it until that is written anew.
final class AnswerTable {
    /// How many answers, and bytes of them, go in one step: whoever waits for the ledger does not wait for more.
    static let erasedAtOnce = 128
    static let erasedBytesAtOnce: Int64 = 1 << 20

    private let putAnswer: Statement
    private let findAnswer: Statement
    private let findKept: Statement
    private let dropAnswer: Statement
    private let findExpired: Statement
    private let findEarliest: Statement
    private let keepLonger: Statement

    init(_ database: Database) throws(StoreFault) {
        putAnswer = try database.prepare(
            "INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET expires_at = ?2, keep_seconds = ?3,"
                + " status = ?4, head = ?5, body = ?6")
        findAnswer = try database.prepare("SELECT status, head, body FROM answers WHERE claim = ?1")
        findKept = try database.prepare(
            "SELECT status, head, body FROM answers WHERE claim = ?1 AND expires_at > ?2")
        dropAnswer = try database.prepare("DELETE FROM answers WHERE claim = ?1")
        findExpired = try database.prepare(
            "SELECT claim, keep_seconds, length(body), state, owed_at FROM answers JOIN claims ON claims.id = claim"
                + " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT \(Self.erasedAtOnce)")
        findEarliest = try database.prepare("SELECT min(expires_at) FROM answers")
        keepLonger = try database.prepare("UPDATE answers SET expires_at = ?2 WHERE claim = ?1")
    }

    /// In the place of an earlier attempt's, if there is one. Times in Unix seconds.
    func put(_ answer: StoredAnswer, of claim: Int64, keepSeconds: Int64, now: Int64) throws(StoreFault) {
        try putAnswer.bind(1, claim)
        try putAnswer.bind(2, now.addingSaturated(keepSeconds))
        try putAnswer.bind(3, keepSeconds)
        try putAnswer.bind(4, Int64(answer.status))
        try putAnswer.bind(5, answer.head)
        try putAnswer.bind(6, answer.body)
        try putAnswer.run()
    }

    /// The answer of a claim that is owed, whose own time has been looked at.
    func answer(of claim: Int64) throws(StoreFault) -> StoredAnswer? {
        try findAnswer.bind(1, claim)
        return try read(findAnswer)
    }

    /// The answer of a claim that was delivered, if its time is not over.
    func answer(of claim: Int64, keptAt now: Int64) throws(StoreFault) -> StoredAnswer? {
        try findKept.bind(1, claim)
        try findKept.bind(2, now)
        return try read(findKept)
    }

    private func read(_ statement: Statement) throws(StoreFault) -> StoredAnswer? {
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return StoredAnswer(
            status: Int(statement.integer(0)), head: Array(statement.blob(1)), body: Array(statement.blob(2)))
    }

    func erase(_ claim: Int64) throws(StoreFault) {
        try dropAnswer.bind(1, claim)
        try dropAnswer.run()
    }

    /// When the next answer's time is over, in Unix seconds; nil where none is kept.
    func earliestExpiry() throws(StoreFault) -> Int64? {
        defer { findEarliest.reset() }
        return try findEarliest.step() && !findEarliest.isNull(0) ? findEarliest.integer(0) : nil
    }

    /// One step of erasing. False where there was nothing to do.
    func eraseExpired(now: Int64) throws(StoreFault) -> Bool {
        var expired: [(claim: Int64, keptUntil: Int64?)] = []
        var bytes: Int64 = 0
        try findExpired.bind(1, now)
        do {
            defer { findExpired.reset() }
            while bytes < Self.erasedBytesAtOnce, try findExpired.step() {
                let claim = findExpired.integer(0)
                guard let state = ClaimState(rawValue: findExpired.text(3)) else {
                    throw StoreFault(code: 0, description: "claim \(claim): state holds no valid value")
                }
                let keepSeconds = findExpired.integer(1)
                var keptUntil: Int64?
                if !state.isAtRest {
                    keptUntil = now.addingSaturated(max(keepSeconds, 1))
                } else if state == .owed {
                    let end = findExpired.integer(4).addingSaturated(keepSeconds)
                    if end > now { keptUntil = end }
                }
                if keptUntil == nil { bytes += findExpired.integer(2) }
                expired.append((claim, keptUntil))
            }
        }
        for (claim, keptUntil) in expired {
            if let keptUntil {
                try keepLonger.bind(1, claim)
                try keepLonger.bind(2, keptUntil)
                try keepLonger.run()
            } else {
                try erase(claim)
            }
        }
        return !expired.isEmpty
    }
}

extension Int64 {
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}
