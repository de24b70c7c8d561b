/// Answers that leave when what they say is on disk.
struct Outbox {
    private enum Answer {
        case admitted(@Sendable (Admitted) -> Void, Admitted)
        case settlement(@Sendable (Settlement) -> Void, Settlement)
        case forwarding(@Sendable (Forwarding) -> Void, Forwarding)
        case resolved(@Sendable (ResolveOutcome) -> Void, ResolveOutcome)
    }

    private var answers: [Answer] = []

    mutating func put(_ reply: @escaping @Sendable (Admitted) -> Void, _ value: Admitted) {
        answers.append(.admitted(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (Settlement) -> Void, _ value: Settlement) {
        answers.append(.settlement(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (Forwarding) -> Void, _ value: Forwarding) {
        answers.append(.forwarding(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (ResolveOutcome) -> Void, _ value: ResolveOutcome) {
        answers.append(.resolved(reply, value))
    }

    /// After the commit.
    mutating func send() {
        for answer in answers {
            switch answer {
            case .admitted(let reply, let value): reply(value)
            case .settlement(let reply, let value): reply(value)
            case .forwarding(let reply, let value): reply(value)
            case .resolved(let reply, let value): reply(value)
            }
        }
        answers.removeAll(keepingCapacity: true)
    }

    /// Instead of the commit: nobody is told what may not be on disk.
    mutating func sendUnavailable(_ reason: String) {
        for answer in answers {
            switch answer {
            case .admitted(let reply, _): reply(.unavailable(reason: reason))
            case .settlement(let reply, _): reply(.unavailable(reason: reason))
            case .forwarding(let reply, _): reply(.unavailable(reason: reason))
            case .resolved(let reply, _): reply(.unavailable(reason: reason))
            }
        }
        answers.removeAll()
    }
}

extension Letter {
    /// The answer of a ledger that takes nothing.
    func answerUnavailable(_ reason: String) {
        switch self {
        case .admit(_, _, let reply): reply(.unavailable(reason: reason))
        case .forwarding(_, let reply): reply(.unavailable(reason: reason))
        case .answerCharged(_, let reply), .settle(_, _, let reply): reply(.unavailable(reason: reason))
        case .resolve(_, _, let reply): reply(.unavailable(reason: reason))
        case .callerGone, .ended, .lost, .stop: break
        }
    }
}
