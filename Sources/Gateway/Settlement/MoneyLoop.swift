import EventLoop
import Ledger
import Logging
import Payments

/// The door to the money loop: one thread that talks to chains and facilitators, and moves what the sandbox does not.
final class MoneyLoop: MoneyDesk {
    private let inbox: Inbox<MoneyThread>
    private let thread: WorkerThread
    private let ended: Handover<Void>
    private let board: MoneyBoard

    /// Starts the thread and compares every token with its contract, which takes as long as the nodes do, 5 s at most.
    ///
    /// - Parameter idleMilliseconds: between looks at a chain while nothing is expected of it.
    /// - Throws: `StartFault` where a token is not what the configuration says. A node that cannot be reached is no fault: its
    ///   payments are turned away until it can.
    init(
        _ revision: Revision, ledger: Ledger, resolver: Resolver, idleMilliseconds: UInt64 = 5_000, logger: Logger
    ) throws(StartFault) {
        let started = Handover<Result<Inbox<MoneyThread>, StartFault>>()
        let ended = Handover<Void>()
        let board = MoneyBoard()
        let trusts = MoneyLoop.trusts(revision)
        thread = WorkerThread(name: "money")
        self.ended = ended
        self.board = board
        thread.post {
            do throws(SystemFault) {
                let money = try MoneyThread(
                    trusts: trusts, resolver: resolver, ledger: ledger, board: board,
                    idleMilliseconds: idleMilliseconds, logger: logger)
                money.begin(revision) { [unowned money] mismatches in
                    money.tellHealth()
                    if mismatches.isEmpty { return started.give(.success(money.inbox)) }
                    started.give(.failure(StartFault(description: mismatches.joined(separator: "\n"))))
                    money.stop()
                }
                money.loop.run()
            } catch {
                started.give(.failure(StartFault(description: "cannot start the money loop: \(error)")))
            }
            ended.give(())
        }
        inbox = try started.take().get()
    }

    /// Read from the disk here, where no loop waits for it.
    private static func trusts(_ revision: Revision) -> TrustedAuthorities {
        TrustedAuthorities(
            reading: revision.networks.filter { $0.rpc.contains(where: \.isTLS) }.map(\.caFile)
                + revision.facilitators.filter(\.url.isTLS).map(\.caFile))
    }

    /// Payments from now on follow `revision`; what is under way goes on.
    func adopt(_ revision: Revision) {
        let trusts = MoneyLoop.trusts(revision)
        inbox.post { $0.adopt(revision, trusts: trusts) }
    }

    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        inbox.post { money in
            switch money.settler(request.offer) {
            case .success(let settler): settler.prove(request, reply: reply)
            case .failure(let fault): reply(.unreachable("\(fault)"))
            }
        }
    }

    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        inbox.post { money in
            switch money.settler(request.offer) {
            case .success(let settler): settler.verify(request, reply: reply)
            case .failure(let fault): reply(.unreachable("\(fault)"))
            }
        }
    }

    func settle(_ ticket: Ticket, _ request: VerificationRequest, reply: @escaping @Sendable (Settlement) -> Void) {
        inbox.post { money in
            switch money.settler(request.offer) {
            case .success(let settler): settler.settle(ticket, request, reply: reply)
            case .failure(let fault): reply(.unavailable(reason: "\(fault)"))
            }
        }
    }

    var troubles: [PaymentTrouble] { board.troubles }

    /// Ends the thread, and returns when it has. Exchanges that wait still are told that the gateway is stopping; what was sent
    /// is in the ledger, and watched after the next start. The ledger is to be stopped afterwards.
    func stop() {
        inbox.post { $0.stop() }
        ended.take()
    }
}
