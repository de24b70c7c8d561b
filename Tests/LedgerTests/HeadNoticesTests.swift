import Testing

@testable import Ledger

/// The head is told once a minute, where it has moved.
@Suite struct HeadNoticesTests {
    @Test func onceAMinuteAndOnlyNews() {
        let minute = HeadNotices.intervalNanoseconds
        let (first, second) = (
            JournalHead(sequence: 1, hash: Pay.bytes32(1)), JournalHead(sequence: 2, hash: Pay.bytes32(2))
        )
        var notices = HeadNotices(now: 0)
        #expect(notices.deadline(for: first) == minute)
        let untimely = notices.isDue(first, now: minute - 1)
        let timely = notices.isDue(first, now: minute)
        let again = notices.isDue(first, now: 2 * minute)
        #expect(!untimely && timely && !again)
        #expect(notices.deadline(for: first) == nil && notices.isNews(second))
        let early = notices.isDue(second, now: 3 * minute - 1)
        let next = notices.isDue(second, now: 3 * minute)
        #expect(!early && next)
        #expect(!notices.isNews(second))
    }
}
