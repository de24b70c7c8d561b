import Bytes
import EventLoop
import HTTP
import Ledger
import Logging
import Synchronization

/// What the loops of one process share. Everything in it may be used from any thread.
struct SharedServices: Sendable {
    let ledger: Ledger
    let money: any MoneyDesk
    let reviews: ReviewDesk
    /// Proves to the admin listener who may decide on reviews.
    let adminSecret: AdminSecret
    let resolver: Resolver
    let disk: SpillDisk
    let accessLog: AccessLog?
    let logger: Logger
    let status: GatewayStatus
    let bounds: LiveBounds
    let toolSessions: ToolSessions
    let toolSchemas: ToolSchemas
}

/// One loop and everything it owns: listeners, connections, exchanges, pools. Used on the loop's thread alone.
final class Worker {
    let loop: EventLoop
    let inbox: Inbox<Worker>
    let client: HTTPClient
    let services: SharedServices
    private let lane: AccessLane?

    private(set) var prepared: PreparedRevision
    private(set) var limits: Limits
    private(set) var headLimits: HeadLimits
    private(set) var upstreams: [Upstream] = []
    let exchanges = ExchangeSlab()
    let challenges = ChallengeMemory()
    /// Of the loop that the desk wakes by; the others never make theirs.
    private(set) lazy var reviewClock = ReviewClock(loop, services.reviews)
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: DownstreamConnection] = [:]
    private(set) var isDraining = false
    private var nextWarningNanoseconds: UInt64 = 0
    /// While other loops drain, the loop that answers the load balancer waits for them.
    private var waitsForOthers = false

    /// For chunk framing that is sent at once. Unchecked, as the date: what it is passed to knows nothing of the worker.
    @exclusivity(unchecked) var framing = ByteBuffer(capacity: 64)
    @exclusivity(unchecked) private var date = ByteBuffer(capacity: HTTPDate.length)
    private var dateIsGoodUntilNanoseconds: UInt64 = 0

    init(prepared: PreparedRevision, services: SharedServices) throws(SystemFault) {
        loop = try EventLoop()
        inbox = try Inbox()
        client = try HTTPClient(loop: loop, resolver: services.resolver)
        self.services = services
        self.prepared = prepared
        limits = prepared.revision.settings.limits
        headLimits = Worker.headLimits(limits)
        lane = services.accessLog.map { [loop] in AccessLane($0, timers: loop.timers) }
        try inbox.attach(to: loop, owner: self)
        adopt(prepared)
    }

    var ledger: Ledger { services.ledger }

    private static func headLimits(_ limits: Limits) -> HeadLimits {
        HeadLimits(headBytes: limits.headBytes, fieldCount: limits.headFields, targetBytes: limits.targetBytes)
    }

    /// Exchanges that begin from now on use `prepared`; those under way keep the revision they began with.
    func adopt(_ prepared: PreparedRevision) {
        self.prepared = prepared
        exchanges.adopt(prepared)
        limits = prepared.revision.settings.limits
        headLimits = Worker.headLimits(limits)
        client.trust(prepared.trusts)
        upstreams = prepared.revision.upstreams.map { Upstream($0, client: client) }
    }

    func listen(_ socket: consuming ListeningSocket, isAdmin: Bool) throws(SystemFault) {
        listeners.append(try Listener(worker: self, socket: socket, isAdmin: isAdmin))
    }

    /// An approved request that nobody waits for. A process that drains leaves it to the next one.
    func run(_ run: ReviewRun) {
        if isDraining { return services.reviews.ended(isSettled: false) }
        exchanges.take(for: self)._withUnsafeGuaranteedRef { $0.begin(run) }
    }

    // MARK: Connections

    func take(_ accepted: consuming AcceptedSocket, isAdmin: Bool) {
        // The load balancer's question is answered however full the house is.
        if !isAdmin && services.status.connections >= limits.connections { return services.status.countRefused() }
        do throws(SystemFault) {
            let connection = try DownstreamConnection(worker: self, accepted: accepted, isAdmin: isAdmin)
            connections[ObjectIdentifier(connection)] = connection
            services.status.connectionOpened()
        } catch {
            acceptFailed(error)
        }
    }

    func acceptFailed(_ fault: SystemFault) { warn("connections cannot be taken", cause: "\(fault)") }

    /// To the operator's log, at most once a second.
    func warn(_ text: StaticString, cause: String) {
        if loop.nowNanoseconds < nextWarningNanoseconds { return }
        nextWarningNanoseconds = loop.nowNanoseconds + 1_000_000_000
        services.logger.warning("\(text)", metadata: ["cause": "\(cause)"])
    }

    func connectionClosed(_ connection: DownstreamConnection) {
        if connections.removeValue(forKey: ObjectIdentifier(connection)) != nil { services.status.connectionClosed() }
        stopIfDrained()
    }

    // MARK: Draining

    /// Lets nobody new in, and ends the loop when the last exchange has.
    func drain() {
        if isDraining { return }
        isDraining = true
        // The load balancer still asks, and is told that this process is draining.
        for listener in listeners where !listener.isAdmin { listener.close() }
        listeners.removeAll { !$0.isAdmin }
        waitsForOthers = !listeners.isEmpty
        for connection in connections.values where !connection.isAdmin { connection.drain() }
        // Who listens does so for hours, and comes back to the next process.
        for exchange in exchanges.listening { exchange.stopListening() }
        client.closeKept()
        stopIfDrained()
    }

    /// Every other loop has ended: this one may.
    func othersEnded() {
        waitsForOthers = false
        stopIfDrained()
    }

    func exchangeEnded(_ exchange: Exchange) {
        exchanges.giveBack(exchange)
        if isDraining { stopIfDrained() }
    }

    private func stopIfDrained() {
        guard isDraining, !waitsForOthers, exchanges.activeCount == 0, connections.values.allSatisfy(\.isAdmin) else {
            return
        }
        lane?.handOver()
        loop.stop()
    }

    // MARK: What exchanges use

    /// The present time as a `Date` field has it, made once a second.
    var dateText: UnsafeRawBufferPointer {
        if loop.nowNanoseconds >= dateIsGoodUntilNanoseconds {
            let now = wallNanoseconds()
            date.clear()
            HTTPDate.append(unixSeconds: now / 1_000_000_000, to: &date)
            dateIsGoodUntilNanoseconds = loop.nowNanoseconds + 1_000_000_000 - UInt64(now % 1_000_000_000)
        }
        return date.readable
    }

    /// Wall clock, for the windows of payments.
    var unixSeconds: Int64 { wallNanoseconds() / 1_000_000_000 }

    /// An admission whose exchange has ended before it could be acted upon.
    func giveBack(_ admitted: Admitted) {
        switch admitted {
        case .claimed(let ticket): ledger.ended(ticket, .uncharged(reason: "the caller left before the request began"))
        case .redeemed(let ticket, _, _): ledger.ended(ticket, .undelivered(noRequestByteWritten: true))
        case .verify(let hold), .review(let hold, _): ledger.release(hold)
        case .refused, .stillInFlight, .pending, .leaseBusy, .bounded, .denied, .outcomeUnknown, .unavailable, .stored,
            .idConflict:
            break
        }
    }

    func spill(memoryBytes: Int, atMost totalBytes: Int) -> SpillBuffer {
        let inbox = inbox
        return SpillBuffer(memoryLimit: memoryBytes, totalLimit: totalBytes, disk: services.disk) { work in
            inbox.post { _ in work() }
        }
    }

    /// One line for every exchange, however it ended.
    func log(_ exchange: Exchange, outcome: ExchangeRecord.Outcome) {
        guard let lane, !exchange.isAdmin else { return }
        lane.append(exchange.entry(outcome: outcome), now: loop.nowNanoseconds)
    }
}
