/// The claim's life as a pure value: (state, event) → (state, actions). No clock, no input, no output.
///
///     after: claimed → running → answered → sent → settled → delivered | owed
///     first: claimed → sent → settled → running → delivered | owed
///     owed → running (a rerun, paid for already) → delivered | owed
public struct ClaimMachine: Hashable, Sendable {
    public let state: ClaimState
    public let order: SettleOrder
    /// The money is ours. Follows from the state but for `running` under `after`, where it tells a rerun from a first run.
    public let isPaid: Bool

    /// A claim at its birth: `claimed`, or `waiting` where a person reviews it first.
    public init(order: SettleOrder, reviewed: Bool = false) {
        self.init(reviewed ? .waiting : .claimed, order, paid: false)
    }

    /// A value as read from disk; nil where `isPaid` or the order contradicts the state.
    public init?(state: ClaimState, order: SettleOrder, isPaid: Bool) {
        switch state {
        case .waiting, .claimed, .sent, .void, .failed, .unknown: guard !isPaid else { return nil }
        case .answered: guard !isPaid, order == .after else { return nil }
        case .settled, .delivered, .owed: guard isPaid else { return nil }
        case .running: guard isPaid || order == .after else { return nil }
        }
        self.init(state, order, paid: isPaid)
    }

    private init(_ state: ClaimState, _ order: SettleOrder, paid: Bool) {
        self.state = state
        self.order = order
        self.isPaid = paid
    }

    private func to(_ next: ClaimState, paid: Bool, _ actions: ClaimAction...) -> ClaimOutcome {
        .moved(ClaimMachine(next, order, paid: paid), actions)
    }

    /// What `event` does to this claim.
    public func on(_ event: ClaimEvent) -> ClaimOutcome {
        switch event {
        case .presentedAgain, .presentedForAnother, .approved, .denied, .redeemed, .callerGone: onCaller(event)
        case .forwarded, .answerCharged, .uncharged, .windowOver, .delivered, .undelivered, .exchangeLost:
            onExchange(event)
        case .sent, .settled, .settlementRefused, .settlementUnknown, .reorganized: onSettlement(event)
        case .resolvedDelivered: state == .owed ? to(.delivered, paid: true) : .refused
        case .resolvedOwed: state == .unknown ? to(.owed, paid: true, .watchFinality) : .refused
        case .resolvedFailed: state == .unknown ? to(.failed, paid: false, .giveBackBounds, .watchChain) : .refused
        }
    }

    private func onCaller(_ event: ClaimEvent) -> ClaimOutcome {
        switch event {
        case .presentedAgain:
            switch state {
            case .waiting, .claimed, .running, .answered, .sent, .settled: .stayed([.awaitEnd])
            case .unknown: .stayed([.answerPending])
            case .delivered, .owed, .failed: .stayed([.refuseUsed])
            case .void: to(.claimed, paid: false, .takeLease, .countBounds)
            }
        case .presentedForAnother: .stayed([.refuseUsed])
        case .approved: state == .waiting ? to(.claimed, paid: false, .takeLease) : .refused
        case .denied: state == .waiting ? to(.void, paid: false, .giveBackBounds) : .refused
        case .redeemed: state == .owed ? to(.running, paid: true, .takeLease, .askUpstream) : .refused
        // A caller that goes away cancels nothing: the exchange runs to its end without it.
        case .callerGone: .stayed([])
        default: .refused
        }
    }

    private func onExchange(_ event: ClaimEvent) -> ClaimOutcome {
        switch (event, state) {
        case (.forwarded, .claimed) where order == .after: to(.running, paid: false, .askUpstream)
        case (.forwarded, .settled) where order == .first: to(.running, paid: true, .askUpstream)

        case (.answerCharged, .running) where !isPaid: to(.answered, paid: false, .settle)

        case (.uncharged, .claimed): to(.void, paid: false, .giveBackBounds, .endLease)
        case (.uncharged, .running) where !isPaid: to(.void, paid: false, .giveBackBounds, .endLease)
        case (.uncharged, .answered): to(.void, paid: false, .withholdAnswer, .giveBackBounds, .endLease)

        case (.windowOver, .waiting): to(.void, paid: false, .giveBackBounds)
        case (.windowOver, .claimed): to(.failed, paid: false, .giveBackBounds, .watchChain, .endLease)
        case (.windowOver, .running) where !isPaid:
            to(.failed, paid: false, .withholdAnswer, .giveBackBounds, .watchChain, .endLease)
        case (.windowOver, .answered):
            to(.failed, paid: false, .withholdAnswer, .giveBackBounds, .watchChain, .endLease)

        case (.delivered, .settled) where order == .after: to(.delivered, paid: true, .endLease)
        case (.delivered, .running) where isPaid: to(.delivered, paid: true, .endLease)

        case (.undelivered, .settled): to(.owed, paid: true, .endLease)
        case (.undelivered, .running) where isPaid: to(.owed, paid: true, .endLease)

        case (.exchangeLost, .claimed), (.exchangeLost, .answered):
            to(.void, paid: false, .giveBackBounds, .endLease)
        case (.exchangeLost, .running):
            isPaid ? to(.owed, paid: true, .endLease) : to(.void, paid: false, .giveBackBounds, .endLease)
        case (.exchangeLost, .sent): to(.unknown, paid: false, .broadcastAgain, .watchChain, .endLease)
        case (.exchangeLost, .settled): to(.owed, paid: true, .endLease)
        case (.exchangeLost, .unknown): .stayed([.broadcastAgain, .watchChain])
        case (.exchangeLost, .failed): .stayed([.watchChain])
        case (.exchangeLost, .waiting), (.exchangeLost, .delivered), (.exchangeLost, .owed), (.exchangeLost, .void):
            .stayed([])

        default: .refused
        }
    }

    private func onSettlement(_ event: ClaimEvent) -> ClaimOutcome {
        switch (event, state) {
        case (.sent, .answered): to(.sent, paid: false, .broadcast, .watchChain)
        case (.sent, .claimed) where order == .first: to(.sent, paid: false, .broadcast, .watchChain)

        case (.settled, .sent), (.settled, .answered): settledInFlight
        // Anyone may submit an authorization, so the evidence can come before our own transaction.
        case (.settled, .claimed) where order == .first: settledInFlight
        case (.settled, .unknown), (.settled, .failed), (.settled, .void): to(.owed, paid: true, .watchFinality)
        case (.settled, .settled), (.settled, .delivered), (.settled, .owed): .stayed([])
        case (.settled, .running) where isPaid: .stayed([])

        case (.settlementRefused, .sent), (.settlementRefused, .answered):
            to(.failed, paid: false, .withholdAnswer, .giveBackBounds, .watchChain, .endLease)
        case (.settlementRefused, .claimed) where order == .first:
            to(.failed, paid: false, .giveBackBounds, .watchChain, .endLease)
        case (.settlementRefused, .unknown): to(.failed, paid: false, .giveBackBounds, .watchChain)
        case (.settlementRefused, .failed): .stayed([])

        case (.settlementUnknown, .sent): to(.unknown, paid: false, .answerPending, .watchChain, .endLease)
        case (.settlementUnknown, .unknown): .stayed([.watchChain])

        case (.reorganized, .sent), (.reorganized, .unknown), (.reorganized, .settled), (.reorganized, .delivered),
            (.reorganized, .owed):
            .stayed([.broadcastAgain, .watchChain])
        case (.reorganized, .running) where isPaid: .stayed([.broadcastAgain, .watchChain])

        default: .refused
        }
    }

    private var settledInFlight: ClaimOutcome {
        order == .after
            ? to(.settled, paid: true, .releaseAnswer, .watchFinality) : to(.settled, paid: true, .watchFinality)
    }
}
