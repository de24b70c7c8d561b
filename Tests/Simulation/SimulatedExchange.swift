@testable import Ledger

/// One request in the gateway, through the stages of `Exchange`: admitted, verified, claimed, settled and forwarded in the order of
/// its route, answered, delivered.
///
/// @unchecked: see `WorldClock`.
final class SimulatedExchange: @unchecked Sendable {
    let server: Server
    let call: Call
    private var world: World { server.world }
    private var oracle: Oracle { server.world.oracle }
    private var route: Route { call.shopper.route }
    private var token: AdmissionToken?
    private var hold: LeaseHold?
    private(set) var ticket: Ticket?
    private var isAdmitting = false
    private(set) var hasEnded = false
    private var isRerun = false
    private var givesStored = false
    private var isPaid = false
    private var bytesWritten = false
    private var answerIsUpstreams = false
    private var answerIsGood = false
    /// When the ledger was last asked for the claim.
    private var askedAt: UInt64 = 0

    init(_ server: Server, _ call: Call) {
        self.server = server
        self.call = call
        call.exchange = self
    }

    // MARK: Admission

    func begin() {
        let token = server.newToken()
        self.token = token
        isAdmitting = true
        askedAt = world.timeline.now
        server.post(.admit(call.shopper.admission(call), token, admittedReply()))
    }

    private func admittedReply() -> @Sendable (Admitted) -> Void {
        server.reply(
            committed: { [self] in oracle.granted($0, to: call, epoch: server.epoch, askedAt: askedAt) },
            { [self] in admitted($0) })
    }

    private func admitted(_ admitted: Admitted) {
        if hasEnded { return giveBack(admitted) }
        isAdmitting = false
        switch admitted {
        case .verify(let hold): verify(hold)
        case .claimed(let ticket):
            self.ticket = ticket
            // The caller may have gone since.
            if !call.isOpen { server.post(.callerGone(ticket.token)) }
            if route.order == .first { settle() } else { forward() }
        case .redeemed(let ticket, _, let answer):
            self.ticket = ticket
            (isRerun, isPaid) = (true, true)
            world.note("redeemed")
            if !call.isOpen { server.post(.callerGone(ticket.token)) }
            if answer != nil {
                world.note("a stored answer")
                (givesStored, answerIsUpstreams, answerIsGood) = (true, true, true)
                deliver(.answer(isPaidFor: true))
            } else {
                forward()
            }
        case .stored:
            (isPaid, answerIsUpstreams) = (true, true)
            deliver(.answer(isPaidFor: true))
        case .review(let hold, _):
            release(hold)
            deliver(.refused("review"))
        case .idConflict: deliver(.refused("identifier"))
        case .refused(let code): deliver(.refused(code))
        case .stillInFlight: deliver(.busy("in flight"))
        case .pending:
            world.note("pending")
            deliver(.pending)
        case .leaseBusy(let trouble, _):
            world.note(trouble.rawValue)
            deliver(.busy(trouble.rawValue))
        case .bounded(let refusal):
            world.note("bounded")
            deliver(.busy(refusal.code.rawValue))
        case .denied: deliver(.refused("denied"))
        case .outcomeUnknown:
            world.note("outcome unknown")
            deliver(.upstreamFailed)
        case .unavailable: deliver(.unavailable)
        }
    }

    /// It came too late to be acted upon.
    private func giveBack(_ admitted: Admitted) {
        switch admitted {
        case .claimed(let ticket): end(ticket, .uncharged(reason: "the caller left before the request began"))
        case .redeemed(let ticket, _, _): end(ticket, .undelivered(noRequestByteWritten: true))
        case .verify(let hold), .review(let hold, _): release(hold)
        default: break
        }
    }

    private func verify(_ hold: LeaseHold) {
        self.hold = hold
        server.money.verify(call.number, readsBalance: !hold.isAlone) { [self] verdict in
            guard let hold = self.hold else { return }
            self.hold = nil
            switch verdict {
            case .good(let balance):
                isAdmitting = true
                askedAt = world.timeline.now
                hold.didEnd()
                server.post(.claim(hold.name, balanceAtomic: balance, admittedReply()))
            case .refused(let code):
                release(hold)
                deliver(.refused(code))
            case .unreachable:
                release(hold)
                deliver(.unavailable)
            }
        }
    }

    private func release(_ hold: LeaseHold) {
        hold.didEnd()
        server.post(.release(hold.name))
    }

    // MARK: Money

    private func settle() {
        guard let ticket else { return }
        if route.order == .after, route.storesAnswers {
            server.post(.store(ticket.here, StoredAnswer(status: 200, head: [], body: [1, 2, 3])))
        }
        if route.isPlay {
            let reply: @Sendable (Settlement) -> Void = server.reply(
                committed: { [self] in oracle.settledInSandbox(ticket.id.row, $0) }, { [self] in settled($0) })
            server.post(
                route.order == .first
                    ? .settle(ticket.here, forwardsLater: false, reply) : .answerCharged(ticket.here, reply))
        } else {
            server.money.settle(
                ticket, call.number, confirmations: route.confirmations, timeout: route.settleMilliseconds
            ) { [self] in settled($0) }
        }
    }

    private func settled(_ settlement: Settlement) {
        if hasEnded { return }
        guard case .settled = settlement else {
            // The ledger has ended the claim, or will not say; there is nothing left to tell it.
            oracle.letGo(ticket)
            ticket = nil
            switch settlement {
            case .settled: break
            case .refused(let code): deliver(.refused(code))
            case .pending: deliver(.pending)
            case .unavailable: deliver(.unavailable)
            }
            return
        }
        isPaid = true
        if route.order == .first {
            forward()
        } else {
            (answerIsUpstreams, answerIsGood) = (true, true)
            deliver(.answer(isPaidFor: true))
        }
    }

    // MARK: The upstream

    private enum Fate { case good, bad, refusedConnection, cutOff, timeOut }

    private func forward() {
        guard let ticket else { return }
        var fate = Fate.good
        if world.chance(world.adversity.upstreamFault) {
            fate = [.bad, .refusedConnection, .cutOff, .timeOut][world.pick(0...3)]
        }
        if fate == .refusedConnection {
            return server.after(UInt64(world.pick(1...50))) { [self] in answered(fate) }
        }
        bytesWritten = true
        oracle.asked(ticket, binding: call.binding, isRerun: isRerun, epoch: server.epoch, route)
        let takes = UInt64(
            fate == .timeOut ? 10_000 : world.chance(800) ? world.pick(5...800) : world.pick(800...9_000))
        server.after(takes + UInt64(world.pick(1...10))) { [self] in answered(fate) }
    }

    private func answered(_ fate: Fate) {
        if hasEnded { return }
        answerIsGood = fate == .good
        answerIsUpstreams = fate == .good || fate == .bad
        if route.order == .after && !isRerun {
            if fate == .good { settle() } else { deliver(fate == .bad ? .answer(isPaidFor: false) : .upstreamFailed) }
            return
        }
        // What is paid for streams to its caller as it comes, and is kept once it is whole.
        if answerIsUpstreams, let ticket, route.storesAnswers, !isRerun || answerIsGood {
            server.post(.store(ticket.here, StoredAnswer(status: 200, head: [], body: [1, 2, 3])))
        }
        deliver(answerIsUpstreams ? .answer(isPaidFor: true) : .upstreamFailed)
    }

    // MARK: The caller

    private func deliver(_ outcome: Outcome) {
        let takes = UInt64(world.chance(900) ? world.pick(0...20) : world.pick(20...1_500))
        server.after(takes) { [self] in
            if hasEnded { return }
            let isThere = call.isOpen
            if isThere, case .answer(let isPaidFor) = outcome {
                oracle.delivered(row: ticket?.id.row, call, isPaidFor: isPaidFor)
            }
            end(delivered: isThere)
            call.got(outcome)
        }
    }

    /// The caller went away: what is claimed goes on without it.
    func callerLost() {
        if hasEnded || !server.isAlive { return }
        if ticket == nil {
            if isAdmitting, let token { server.post(.callerGone(token)) }
            // A hold that is let go gives its lease back.
            hold = nil
            return end(delivered: false)
        }
        if let ticket {
            oracle.callerGone(ticket.id.row)
            server.post(.callerGone(ticket.token))
        }
    }

    private func end(delivered: Bool) {
        hasEnded = true
        if let ticket {
            if !isPaid {
                end(ticket, .uncharged(reason: "uncharged"))
            } else if delivered && answerIsUpstreams && (!isRerun || givesStored || answerIsGood) {
                end(ticket, .delivered)
            } else {
                end(ticket, .undelivered(noRequestByteWritten: !bytesWritten))
            }
        }
        ticket = nil
        server.forget(self)
    }

    private func end(_ ticket: Ticket, _ end: ExchangeEnd) {
        ticket.didEnd()
        oracle.ended(ticket.id.row, end)
        server.post(.ended(ticket.here, end))
    }
}
