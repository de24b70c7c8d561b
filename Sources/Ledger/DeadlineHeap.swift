/// Presentations by the time their waiting ends. Entries are not taken out when a waiting ends early; they are recognised by a
/// deadline that is no longer the presentation's.
struct DeadlineHeap {
    private var entries: [(deadline: UInt64, presentation: Presentation)] = []

    /// Monotonic nanoseconds.
    var earliest: UInt64? { entries.first?.deadline }

    mutating func insert(_ presentation: Presentation) {
        entries.append((presentation.deadline, presentation))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent].deadline <= entries[child].deadline { break }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    /// The next one whose deadline is `now` or before, if it still waits for that deadline.
    mutating func popDue(now: UInt64) -> Presentation? {
        while let first = entries.first, first.deadline <= now {
            removeFirst()
            if first.presentation.deadline == first.deadline, first.presentation.isWaiting { return first.presentation }
        }
        return nil
    }

    private mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].deadline < entries[least].deadline {
                least = child
            }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}

extension Presentation {
    var isWaiting: Bool {
        switch place {
        case .moving, .held: false
        case .queued, .awaiting: true
        }
    }
}
