import Bytes
import Chains
import Ledger
import Logging
import OnChain
import Payments

/// Settlement by a remote facilitator; where its network's chain can be read, the chain has the last word. On the money loop.
final class RemoteSettler: Settler {
    /// What the caller is told of a payment that never left.
    static let unreachable = "facilitator_unreachable"

    private let facilitator: RemoteFacilitator
    private let ledger: Ledger
    private unowned let money: MoneyThread
    private let logger: Logger
    private let watch: FacilitatorWatch

    init(
        _ facilitator: RemoteFacilitator, payments: [PaymentMethod], ledger: Ledger, money: MoneyThread, logger: Logger
    ) {
        self.facilitator = facilitator
        self.ledger = ledger
        self.money = money
        self.logger = logger
        watch = FacilitatorWatch(facilitator, payments: payments, loop: money.loop, logger: logger) {}
        watch.begin()
    }

    /// Nothing more is asked; what is under way goes on.
    func close() { watch.stop() }

    var settings: FacilitatorSettings { facilitator.settings }

    /// By the payment's name.
    var troubles: [String: SettlerTrouble] { watch.troubles }

    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        guard let chain = money.readableChain(request.offer) else {
            return reply(.refused(.signature))
        }
        chain.prove(request, reply: reply)
    }

    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        facilitator.verify(request) { [self] verdict in
            switch verdict {
            case .good: readBalance(request, reply)
            case .refused(let code):
                reply(PaymentCode(rawValue: code).map { .refused($0) } ?? .refusedByFacilitator(code: code))
            case .unreachable(let detail): reply(.unreachable(detail))
            }
        }
    }

    /// Without a chain the amount itself is the least that is known.
    private func readBalance(_ request: VerificationRequest, _ reply: @escaping @Sendable (Verdict) -> Void) {
        guard let chain = money.readableChain(request.offer) else {
            return reply(.good(balanceAtomic: request.offer.amountAtomic))
        }
        chain.readBalance(request, reply: reply)
    }

    func settle(
        _ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let (id, name) = (ticket.id, settings.name)
        ledger.sending(ticket, transaction: nil) { [ledger, inbox = money.inbox] answer in
            switch answer {
            case .go:
                inbox.post { money in
                    if let settler = money.remote(name) { return settler.send(id, request, reply) }
                    // A reload took the facilitator away, and nothing has left yet.
                    ledger.evidence(id, .refused(code: Self.unreachable)) { reply(Settlement($0, transaction: "")) }
                }
            case .alreadyPaid(let transaction, let mayForward):
                reply(.settled(transaction: transaction, mayForward: mayForward))
            case .refused(let code): reply(.refused(code: code))
            case .unavailable(let reason): reply(.unavailable(reason: reason))
            }
        }
    }

    private func send(
        _ id: ClaimID, _ request: VerificationRequest, _ reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let chain = money.readableChain(request.offer)
        chain?.watchRemote(id, request, reply)
        let milliseconds = money.settleTimeoutMilliseconds(request.offer)
        facilitator.settle(request, withinMilliseconds: milliseconds) { [self] outcome in
            switch outcome {
            case .settled, .refused: break
            case .unknown(_, let detail): warn("a settlement's outcome is not known", id, detail)
            case .notSent(let detail): warn("a settlement could not be asked for", id, detail)
            }
            if let chain {
                chain.heard(outcome, of: id)
            } else {
                learn(outcome, id, reply)
            }
        }
    }

    private func warn(_ text: String, _ id: ClaimID, _ cause: String) {
        logger.warning(
            "\(settings.name): \(text)", metadata: ["claim": "\(id.idempotencyKey)", "cause": "\(cause)"])
    }

    /// No chain can be read: the facilitator's word is all there is.
    private func learn(
        _ outcome: FacilitatorOutcome, _ id: ClaimID, _ reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let evidence: Evidence
        var named = ""
        switch outcome {
        case .settled(let transaction):
            evidence = .settled(transaction: transaction, block: nil)
            named = transaction
        case .refused(let code): evidence = .refused(code: code)
        case .notSent: evidence = .refused(code: Self.unreachable)
        case .unknown(let transaction, _):
            evidence = .unknown(transaction: transaction)
            named = transaction ?? ""
        }
        ledger.evidence(id, evidence) { [ledger, named] outcome in
            reply(Settlement(outcome, transaction: named))
            // Nobody will ever say more.
            if case .settled = evidence { ledger.evidence(id, .final) { _ in } }
        }
    }
}

/// What a chain's watching means for a payment that a remote facilitator sends.
extension ChainService {
    /// It may be on the chain from now on, whatever the facilitator will say.
    func watchRemote(
        _ id: ClaimID, _ request: VerificationRequest, _ reply: @escaping @Sendable (Settlement) -> Void
    ) {
        let head = watcher.list.head?.number ?? 0
        let order = order(id, request, since: firstBlock(request.key, head: head))
        names[id.row] = id
        settling[id.row] = Settling(reply: reply, order: order, own: nil, transaction: "")
        watcher.list.add(order, now: now)
        pulseSoon()
        watcher.wake()
    }

    /// Its word counts where it refuses; that money moved the chain says.
    func heard(_ outcome: FacilitatorOutcome, of id: ClaimID) {
        let row = id.row
        switch outcome {
        case .settled(let transaction), .unknown(.some(let transaction), _):
            settling[row]?.transaction = transaction
            if let hash = Hex.decode(transaction).flatMap({ Bytes32($0) }) {
                watcher.list.add(hash: hash, to: row)
                watcher.list.lookNow(row, now: now)
            }
            watcher.wake()
        case .unknown(nil, _): break
        case .refused(let code): watched(watcher.list.refused(row), code: code)
        case .notSent: watched(watcher.list.refused(row), code: RemoteSettler.unreachable)
        }
    }

    /// What the payer holds, for a payment that somebody else found good.
    func readBalance(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        note(request)
        if !request.readsBalance { return reply(.good(balanceAtomic: nil)) }
        let payer = request.payload.authorization.from
        let call = RPCCall.call(to: request.offer.asset, data: ContractReads.balance(of: payer))
        watcher.rpc.call([call], deadlineMilliseconds: ChainWatcher.deadlineMilliseconds) { [network] replies in
            do throws(RPCFault) {
                guard let word = Bytes32(try replies[0].data()) else {
                    return reply(.unreachable("\(network.name): the token tells no balance"))
                }
                let balance = UInt256(word).uint128 ?? .max
                reply(
                    balance < request.offer.amountAtomic
                        ? .refused(.insufficientBalance) : .good(balanceAtomic: balance))
            } catch {
                reply(.unreachable("\(network.name): \(error)"))
            }
        }
    }
}
