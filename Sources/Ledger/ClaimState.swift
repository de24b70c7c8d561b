/// Where a claim stands. These are all the states there are; a row holds the raw value.
public enum ClaimState: String, CaseIterable, Sendable {
    /// A person reviews it; it holds no lease.
    case waiting
    /// The authorization is durably taken for one exchange; nothing outside has changed yet.
    case claimed
    /// Bytes of the request may have reached the upstream.
    case running
    /// `after` only: the upstream's whole answer is here, is to be charged, and is held.
    case answered
    /// The transaction may be public.
    case sent
    /// The money is ours by evidence.
    case settled
    /// The caller has what was paid for.
    case delivered
    /// Paid for and not delivered: a new authorization for the same request redeems it.
    case owed
    /// Never charged; the same authorization may come again for the same binding.
    case void
    /// Will not be charged; final for the caller.
    case failed
    /// Sent, and the truth is not known yet; left by evidence alone.
    case unknown

    /// No exchange works on it and none has to.
    public var isAtRest: Bool {
        switch self {
        case .delivered, .owed, .void, .failed: true
        case .waiting, .claimed, .running, .answered, .sent, .settled, .unknown: false
        }
    }

    /// An exchange works on it and holds its wallet's lease.
    public var isInFlight: Bool {
        switch self {
        case .claimed, .running, .answered, .sent, .settled: true
        case .waiting, .delivered, .owed, .void, .failed, .unknown: false
        }
    }
}

/// When a route takes its money: after a good answer, or before the upstream is asked.
public enum SettleOrder: String, CaseIterable, Sendable {
    case after
    case first
}

/// What a route's binding covers: the whole request, or all of it but the body.
public enum BindMode: String, CaseIterable, Sendable {
    case body
    case head
}

/// When an owed answer may be made again by asking the upstream a second time.
public enum Redelivery: String, CaseIterable, Sendable {
    /// If no byte of the request had been written, or the method is idempotent.
    case safe
    /// Always.
    case rerun
    /// In no case.
    case never
}
