import Synchronization

/// Watches the latest paid answers of one route, and opens for a time when too many of them are bad. Shared by all loops.
final class Breaker: Sendable {
    /// What a look or an answer has changed; for the operator's log.
    enum Change: Equatable {
        case tripped(bad: Int, of: Int)
        case closed
    }

    private struct State {
        /// The latest answers, true for a bad one; once there are enough, the oldest is overwritten.
        var answers: [Bool] = []
        var oldest = 0
        var bad = 0
        /// Monotonic nanoseconds; nil while closed.
        var openUntil: UInt64?
    }

    let settings: BreakerSettings
    /// The bad answer's field, its name folded.
    let field: (name: [UInt8], value: [UInt8])?
    private let state: Mutex<State>

    init(_ settings: BreakerSettings) {
        self.settings = settings
        field = settings.header.map { ($0.name.utf8.map(Customer.folded), Array($0.value.utf8)) }
        state = Mutex(State())
    }

    /// Notes a paid answer. While it is open none counts: what runs then was let through by a person, or began before.
    func note(isBad: Bool, now: UInt64) -> Change? {
        state.withLock { state in
            if let openUntil = state.openUntil, now < openUntil { return nil }
            if isBad { state.bad += 1 }
            if state.answers.count < settings.ofLast {
                state.answers.append(isBad)
            } else {
                if state.answers[state.oldest] { state.bad -= 1 }
                state.answers[state.oldest] = isBad
                state.oldest = (state.oldest + 1) % settings.ofLast
            }
            guard state.answers.count == settings.ofLast, state.bad * 100 > settings.overPercent * settings.ofLast
            else { return nil }
            let change = Change.tripped(bad: state.bad, of: settings.ofLast)
            state = State()
            state.openUntil = now + UInt64(settings.forSeconds) * 1_000_000_000
            return change
        }
    }

    /// Seconds until it closes; nil while it is closed.
    func openSeconds(now: UInt64) -> (seconds: Int?, change: Change?) {
        state.withLock { state in
            guard let openUntil = state.openUntil else { return (nil, nil) }
            if now < openUntil { return (max(Int((openUntil - now + 999_999_999) / 1_000_000_000), 1), nil) }
            state.openUntil = nil
            return (nil, .closed)
        }
    }
}
