/// When the journal's head is told: every minute in which it has moved, and at the end.
struct HeadNotices {
    static let intervalNanoseconds: UInt64 = 60_000_000_000

    private var told: JournalHead?
    private var due: UInt64

    init(now: UInt64) { due = now + Self.intervalNanoseconds }

    func isNews(_ head: JournalHead) -> Bool { head != told }

    /// Nil while there is nothing to tell.
    func deadline(for head: JournalHead) -> UInt64? { isNews(head) ? due : nil }

    /// True once a head: it is to be told now.
    mutating func isDue(_ head: JournalHead, now: UInt64) -> Bool {
        guard now >= due else { return false }
        due = now + Self.intervalNanoseconds
        defer { told = head }
        return isNews(head)
    }
}
