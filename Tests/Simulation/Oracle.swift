@testable import Ledger

/// Knows what the upstream ran, what callers got and what the ledger said was on disk, and judges by that alone while a world runs.
final class Oracle {
    /// One payment: a claim's key, by the number of its authorization.
    struct Payment {
        let number: UInt64
        let wallet: Int
        let amount: UInt128
        let route: Route
        /// What it was first taken for.
        let binding: Int
        /// The ledger said that the money came, or a start found it so.
        var paidAt: UInt64?
        /// It was refused for good, or never charged, at some time.
        var wasGivenUp = false
        /// A transaction may be public.
        var sentAt: UInt64?
        var hasFailed = false
        /// The last exchange with it ended so, or its process died.
        var overAt: UInt64?
        var callerGoneAt: UInt64?
        var isDelivered = false
        var lastDeliveredEpoch = 0
        /// Reruns that were granted.
        var reruns = 0
        var executions: [Int] = []
    }

    /// One run of the upstream.
    struct Execution {
        let number: UInt64
        let epoch: Int
        let isRerun: Bool
        /// The exchange that asked for it is over and was not charged.
        var isUncharged = false
    }

    /// A claim that an exchange works on, from the answer that granted it.
    struct Active {
        let number: UInt64
        let wallet: Int
        let order: SettleOrder
        let isRerun: Bool
        /// Leases of the wallet that the route allows.
        let leases: Int
    }

    weak var world: World?
    private(set) var faults: [String] = []
    var payments: [UInt64: Payment] = [:]
    var numbers: [Int64: UInt64] = [:]
    var executions: [Execution] = []
    var active: [Int64: Active] = [:]

    func fault(_ text: String) {
        faults.append(text)
        world?.say("FAULT: \(text)")
    }

    var now: UInt64 { world?.timeline.now ?? 0 }

    // MARK: The ledger's answers, as they are committed

    func granted(_ admitted: Admitted, to call: Call, epoch: Int, askedAt: UInt64) {
        switch admitted {
        case .claimed(let ticket): claimed(ticket.id.row, call, askedAt)
        case .redeemed(let ticket, _, let answer): redeemed(ticket.id.row, call, givesStored: answer != nil, epoch)
        case .stored:
            let isBought = payments.values.contains {
                $0.binding == call.binding && $0.wallet == call.shopper.wallet && $0.paidAt != nil
            }
            if !isBought { fault("an answer is given to payment \(call.number), and nobody bought it") }
            world?.note("a stored answer for an identifier")
        case .idConflict: world?.note("an identifier is held")
        case .bounded(let refusal): judgeBounded(refusal, call)
        default: break
        }
    }

    private func claimed(_ row: Int64, _ call: Call, _ askedAt: UInt64) {
        let shopper = call.shopper
        if let known = payments[call.number] {
            if known.binding != call.binding { fault("payment \(call.number) is honoured for two requests") }
            if known.paidAt != nil { fault("payment \(call.number) was paid and is claimed again") }
            if known.hasFailed { fault("payment \(call.number) failed and is claimed again") }
            payments[call.number]!.overAt = nil
            payments[call.number]!.callerGoneAt = nil
        } else {
            payments[call.number] = Payment(
                number: call.number, wallet: shopper.wallet, amount: shopper.route.amount, route: shopper.route,
                binding: call.binding)
        }
        if let other = numbers.updateValue(call.number, forKey: row), other != call.number {
            fault("claim \(row) is of payments \(other) and \(call.number)")
        }
        if !call.isOpen { payments[call.number]!.callerGoneAt = now }
        judgeSecondCharge(call, askedAt)
        judgeBounds(call)
        enter(
            row,
            Active(
                number: call.number, wallet: shopper.wallet, order: shopper.route.order, isRerun: false,
                leases: shopper.route.inFlight), isPlay: shopper.route.isPlay)
    }

    private func redeemed(_ row: Int64, _ call: Call, givesStored: Bool, _ epoch: Int) {
        guard let number = numbers[row], let payment = payments[number] else {
            return fault("claim \(row) is redeemed, and nobody paid it")
        }
        if payment.binding != call.binding { fault("payment \(number) is redeemed for another request") }
        if payment.paidAt == nil { fault("payment \(number) is redeemed and is not paid") }
        if payment.isDelivered, payment.lastDeliveredEpoch == epoch {
            fault("payment \(number) was delivered and is redeemed")
        }
        if !givesStored { payments[number]!.reruns += 1 }
        payments[number]!.overAt = nil
        payments[number]!.callerGoneAt = call.isOpen ? nil : now
        enter(
            row,
            Active(
                number: number, wallet: payment.wallet, order: call.shopper.route.order, isRerun: true,
                leases: call.shopper.route.inFlight), isPlay: payment.route.isPlay)
    }

    /// At no time more in flight for a wallet than its leases and its money allow.
    private func enter(_ row: Int64, _ entry: Active, isPlay: Bool) {
        if active[row] != nil { fault("claim \(row) is worked on twice at once") }
        active[row] = entry
        let beside = active.values.filter { $0.wallet == entry.wallet && $0.order == entry.order }
        // Whoever took the last of these leases was allowed as many.
        let allowed = beside.map(\.leases).max() ?? 0
        if beside.count > allowed {
            fault("wallet \(entry.wallet) has \(beside.count) in flight under \(entry.order), of \(allowed)")
        }
        judgeMoney(entry.wallet, isPlay: isPlay)
    }

    private func judgeMoney(_ wallet: Int, isPlay: Bool) {
        guard let world else { return }
        let unpaid = active.values.filter { !$0.isRerun && $0.wallet == wallet }.compactMap { payments[$0.number] }
            .filter { $0.route.isPlay == isPlay && $0.paidAt == nil }
        let sum = unpaid.reduce(0 as UInt128) { $0 + $1.amount }
        if isPlay {
            let spent = payments.values.filter { $0.wallet == wallet && $0.route.isPlay && $0.paidAt != nil }
                .reduce(0 as UInt128) { $0 + $1.amount }
            if sum + spent > World.balance {
                fault("wallet \(wallet) has \(sum) in flight of \(World.balance - min(spent, World.balance))")
            }
        } else if world.hasCalmChain {
            let left = unpaid.filter { world.chain.head.settled[$0.number] == nil }.reduce(0 as UInt128) {
                $0 + $1.amount
            }
            let balance = world.chain.head.balances[wallet] ?? 0
            if left > balance { fault("wallet \(wallet) has \(left) in flight of \(balance) on the chain") }
        }
    }

    /// A new payment is taken for a request: nothing that was paid for it, or may have been, is left unhonoured.
    private func judgeSecondCharge(_ call: Call, _ askedAt: UInt64) {
        guard let world, !world.clockWasSet else { return }
        for other in payments.values where other.number != call.number && other.binding == call.binding {
            guard let overAt = other.overAt, overAt < askedAt else {
                if active.values.contains(where: { $0.number == other.number }), let goneAt = other.callerGoneAt,
                    goneAt < askedAt, other.hasFailed == false
                {
                    fault("payment \(call.number) is charged beside \(other.number), whose caller had gone")
                }
                continue
            }
            if let paidAt = other.paidAt {
                let isHonoured = now < paidAt + UInt64(other.route.redeliverForSeconds - 1) * 1000 && other.reruns < 3
                if paidAt < askedAt && isHonoured && !other.isDelivered {
                    fault("payment \(call.number) is charged though \(other.number) is owed")
                }
            } else if let sentAt = other.sentAt, sentAt < askedAt, !other.hasFailed {
                fault("payment \(call.number) is charged though \(other.number) is not known")
            }
        }
    }

    func settledInSandbox(_ row: Int64, _ settlement: Settlement) {
        switch settlement {
        case .settled: paid(row)
        case .refused: failed(row)
        case .pending, .unavailable: break
        }
    }

    func sending(_ row: Int64, _ answer: Sending) {
        switch answer {
        case .go: if let number = numbers[row], payments[number]?.sentAt == nil { payments[number]?.sentAt = now }
        case .refused: failed(row)
        case .alreadyPaid, .unavailable: break
        }
    }

    func sendingTogether(_ rows: [Int64], _ answer: BatchSending) {
        switch answer {
        case .go: for row in rows { sending(row, .go) }
        case .without(let refused): for (place, each) in refused { sending(rows[place], each) }
        case .unavailable: break
        }
    }

    /// The ledger holds this evidence.
    func learned(_ row: Int64, _ evidence: Evidence, _ outcome: EvidenceOutcome) {
        switch (evidence, outcome) {
        case (.settled, .settlement), (.settled, .recorded): paid(row)
        case (.refused, .settlement(.refused)), (.refused, .recorded(.failed)): failed(row)
        case (.unknown, .settlement(.pending)): over(row)
        default: break
        }
    }

    private func paid(_ row: Int64) {
        guard let number = numbers[row], payments[number]?.paidAt == nil else { return }
        payments[number]!.paidAt = now
        payments[number]!.hasFailed = false
        if payments[number]!.overAt != nil { payments[number]!.overAt = now }
    }

    private func failed(_ row: Int64) {
        guard let number = numbers[row] else { return }
        if payments[number]!.paidAt != nil { fault("payment \(number) is paid and fails") }
        payments[number]!.hasFailed = true
        payments[number]!.wasGivenUp = true
        over(row)
    }

    private func over(_ row: Int64) {
        active[row] = nil
        if let number = numbers[row] { payments[number]!.overAt = now }
    }

    // MARK: What exchanges do

    func callerGone(_ row: Int64) {
        if let number = numbers[row], payments[number]!.callerGoneAt == nil { payments[number]!.callerGoneAt = now }
    }

    func ended(_ row: Int64, _ end: ExchangeEnd) {
        guard let number = numbers[row] else { return }
        switch end {
        case .delivered:
            payments[number]!.isDelivered = true
            payments[number]!.lastDeliveredEpoch = world?.epoch ?? 0
        case .undelivered: break
        case .uncharged:
            payments[number]!.wasGivenUp = true
            endExecutions(of: number)
        }
        over(row)
    }

    /// The ticket is dropped: the claim goes on as after a crash.
    func letGo(_ ticket: Ticket?) {
        guard let row = ticket?.id.row, active[row] != nil, let number = numbers[row] else { return }
        if payments[number]!.paidAt == nil { endExecutions(of: number) }
        over(row)
    }

    private func endExecutions(of number: UInt64) {
        for at in payments[number]!.executions { executions[at].isUncharged = true }
    }

    // MARK: The callers

    /// Somebody has the whole answer.
    func delivered(row: Int64?, _ call: Call, isPaidFor: Bool) {
        guard isPaidFor, let row, let number = numbers[row], let payment = payments[number] else { return }
        if payment.paidAt == nil { fault("payment \(number) is delivered unpaid") }
        guard let world, !payment.route.isPlay else { return }
        if !world.chain.everSettled.contains(number) {
            fault("payment \(number) is delivered and never was on the chain")
        }
    }

    func key(_ payment: Payment) -> ClaimKey {
        ClaimKey(
            chain: MoneyDriver.chain, asset: SimulatedChain.token.bytes,
            payer: SimulatedChain.address(UInt64(0xA00 + payment.wallet)).bytes,
            nonce: SimulatedChain.word(payment.number))
    }
}
