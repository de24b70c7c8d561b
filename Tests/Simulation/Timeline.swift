/// What is to happen, by the time at which it does: the only order there is in a world. Milliseconds since its beginning.
struct Timeline {
    private struct Event {
        let time: UInt64
        let number: UInt64
        let action: () -> Void

        func isBefore(_ other: Event) -> Bool { (time, number) < (other.time, other.number) }
    }

    private(set) var now: UInt64 = 0
    /// A binary heap: the next event is the first.
    private var events: [Event] = []
    private var lastNumber: UInt64 = 0

    mutating func add(at time: UInt64, _ action: @escaping () -> Void) {
        lastNumber += 1
        events.append(Event(time: max(time, now), number: lastNumber, action: action))
        var at = events.count - 1
        while at > 0, events[at].isBefore(events[(at - 1) / 2]) {
            events.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    /// Goes on to the next event; nil where nothing happens any more.
    mutating func next() -> (() -> Void)? {
        guard let first = events.first else { return nil }
        now = first.time
        let last = events.removeLast()
        if !events.isEmpty {
            events[0] = last
            sink()
        }
        return first.action
    }

    private mutating func sink() {
        var at = 0
        while true {
            var least = at
            for child in [2 * at + 1, 2 * at + 2] where child < events.count && events[child].isBefore(events[least]) {
                least = child
            }
            if least == at { return }
            events.swapAt(at, least)
            at = least
        }
    }

    mutating func removeAll() { events = [] }
}
