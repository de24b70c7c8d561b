/// Answers that leave when what they say is on disk.
struct Outbox {
    private enum Answer {
        case admitted(@Sendable (Admitted) -> Void, Admitted)
        case settlement(@Sendable (Settlement) -> Void, Settlement)
        case forwarding(@Sendable (Forwarding) -> Void, Forwarding)
        case resolved(@Sendable (ResolveOutcome) -> Void, ResolveOutcome)
        case sending(@Sendable (Sending) -> Void, Sending)
        case sendingTogether(@Sendable (BatchSending) -> Void, BatchSending)
        case replacing(@Sendable (Bool) -> Void, Bool)
        case evidence(@Sendable (EvidenceOutcome) -> Void, EvidenceOutcome)
        case watched(@Sendable ([WatchedClaim]) -> Void, [WatchedClaim])
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

    mutating func put(_ reply: @escaping @Sendable (Sending) -> Void, _ value: Sending) {
        answers.append(.sending(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (BatchSending) -> Void, _ value: BatchSending) {
        answers.append(.sendingTogether(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (Bool) -> Void, _ value: Bool) {
        answers.append(.replacing(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable (EvidenceOutcome) -> Void, _ value: EvidenceOutcome) {
        answers.append(.evidence(reply, value))
    }

    mutating func put(_ reply: @escaping @Sendable ([WatchedClaim]) -> Void, _ value: [WatchedClaim]) {
        answers.append(.watched(reply, value))
    }

    /// After the commit.
    mutating func send() {
        for answer in answers {
            switch answer {
            case .admitted(let reply, let value): reply(value)
            case .settlement(let reply, let value): reply(value)
            case .forwarding(let reply, let value): reply(value)
            case .resolved(let reply, let value): reply(value)
            case .sending(let reply, let value): reply(value)
            case .sendingTogether(let reply, let value): reply(value)
            case .replacing(let reply, let value): reply(value)
            case .evidence(let reply, let value): reply(value)
            case .watched(let reply, let value): reply(value)
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
            case .sending(let reply, _): reply(.unavailable(reason: reason))
            case .sendingTogether(let reply, _): reply(.unavailable(reason: reason))
            case .replacing(let reply, _): reply(false)
            case .evidence(let reply, _): reply(.unavailable(reason: reason))
            case .watched(let reply, _): reply([])
            }
        }
        answers.removeAll()
    }
}

extension Letter {
    /// The answer of a ledger that takes nothing.
    func answerUnavailable(_ reason: String) {
        switch self {
        case .admit(_, _, let reply), .claim(_, _, let reply): reply(.unavailable(reason: reason))
        case .forwarding(_, let reply): reply(.unavailable(reason: reason))
        case .answerCharged(_, let reply), .settle(_, _, let reply): reply(.unavailable(reason: reason))
        case .resolve(_, _, let reply): reply(.unavailable(reason: reason))
        case .sending(_, _, let reply): reply(.unavailable(reason: reason))
        case .sendingTogether(_, _, let reply): reply(.unavailable(reason: reason))
        case .replacing(_, _, let reply): reply(false)
        case .evidence(_, _, let reply): reply(.unavailable(reason: reason))
        case .watched(let reply): reply([])
        case .callerGone, .release, .ended, .lost, .stop: break
        }
    }
}
