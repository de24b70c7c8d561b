import Bytes
import Chains
import OnChain

@testable import Ledger

/// One relayer of ours.
final class RelayerAccount {
    var queue: RelayerQueue
    var wantsRecount = true

    init(_ number: UInt64) {
        queue = RelayerQueue(
            address: SimulatedChain.address(0xC0 + number), policy: FeePolicy(capWei: 1_000_000))
    }

    var address: Address { queue.address }
}

/// The money loop's part of one chain, as the gateway wires queue, watchlist and ledger, with a network that loses, delays and
/// reorders in the place of its RPC client.
///
/// @unchecked: see `WorldClock`.
final class MoneyDriver: @unchecked Sendable {
    /// An exchange that waits for its settlement.
    struct Settling {
        let reply: (Settlement) -> Void
        var order: WatchOrder
        let ticket: Ticket
        let number: UInt64
        var sent: (relayer: RelayerAccount, transaction: RelayTransaction)?
        var transaction = ""
    }

    static let chain = "eip155:84532"
    static let deadlineMilliseconds: UInt64 = 5_000
    /// What a window has to hold still when a transaction is signed.
    static let marginSeconds: Int64 = 3
    static let blocksBefore: UInt64 = 60
    static let gasLimit: UInt64 = 120_000

    unowned let server: Server
    var world: World { server.world }
    let relayers: [RelayerAccount]
    var firstSender = 0
    var list = Watchlist()
    var settling: [Int64: Settling] = [:]
    var names: [Int64: ClaimID] = [:]
    var takenUp: [WatchedClaim] = []
    private var verified: [UInt64: UInt64] = [:]
    var gathering = SettlementGathering(atMost: 4)
    var sendingIsDue = false
    var isTicking = false
    var startedAt: UInt64 = 0
    var nextTickAt = UInt64.max
    var heardAt: UInt64?

    init(_ server: Server) {
        self.server = server
        relayers = (1...UInt64(server.world.seed % 2 + 1)).map { RelayerAccount($0) }
    }

    var now: UInt64 { world.timeline.now }

    /// Nothing is watched or in flight any more.
    var isIdle: Bool {
        settling.isEmpty && list.count == 0 && takenUp.isEmpty && hasBegun
            && relayers.allSatisfy { $0.queue.inFlight == 0 }
    }

    var hasBegun = false

    func begin() {
        server.post(
            .watched(
                server.reply(
                    committed: { [self] claims in
                        // It stands before whatever the same commit says to others.
                        server.after(0) { self.takeUp(claims) }
                    }, { _ in })))
        tick()
    }

    // MARK: The network

    /// Asks a node: it answers as it stands when the question arrives, or never.
    func ask<Value>(
        _ answer: @escaping (_ chain: SimulatedChain, _ seen: Int) -> Value, _ done: @escaping (Value?) -> Void
    ) {
        let world = world
        if world.chance(world.adversity.rpcLoss) {
            return server.after(Self.deadlineMilliseconds) { done(nil) }
        }
        server.after(delay()) { [self] in
            let behind = world.chance(world.adversity.nodeLag) ? world.pick(1...3) : 0
            let value = answer(world.chain, max(1, world.chain.blocks.count - behind))
            server.after(delay()) { done(value) }
        }
    }

    func delay() -> UInt64 {
        UInt64(world.chance(850) || world.isResting ? world.pick(1...60) : world.pick(60...2_000))
    }

    func broadcast(_ hash: Bytes32, _ done: @escaping (BroadcastAnswer) -> Void) {
        let (world, server) = (world, server)
        let isLost = world.chance(world.adversity.rpcLoss)
        let arrives = !isLost || world.chance(500)
        if arrives {
            world.after(delay()) {
                let answer = world.chain.take(hash)
                if !isLost, server.isAlive { server.after(self.delay()) { done(answer) } }
            }
            if world.chance(world.adversity.duplicate) {
                world.note("a broadcast arrives twice")
                world.after(delay() * 3) { _ = world.chain.take(hash) }
            }
        }
        if isLost { server.after(Self.deadlineMilliseconds) { done(.unreachable) } }
    }

    // MARK: Before a claim

    enum Verdict {
        case good(balance: UInt128?)
        case refused(String)
        case unreachable
    }

    func verify(_ number: UInt64, readsBalance: Bool, _ done: @escaping (Verdict) -> Void) {
        guard heardAt.map({ now < $0 + 15_000 }) ?? false, sender() != nil else { return done(.unreachable) }
        if let head = list.head?.number, verified[number] == nil { verified[number] = head }
        ask(
            { chain, seen in
                let block = chain.blocks[seen - 1]
                if let refusal = chain.refusal(number, at: block, timestamp: UInt64(self.world.clock.trueSeconds)) {
                    return Verdict.refused("\(refusal)")
                }
                let wallet = chain.authorizations[number]!.wallet
                return .good(balance: readsBalance ? block.balances[wallet] : nil)
            }, { done($0 ?? .unreachable) })
    }

    func sender() -> RelayerAccount? {
        var best: RelayerAccount?
        for at in relayers.indices.map({ ($0 + firstSender) % relayers.count }) {
            let relayer = relayers[at]
            if relayer.queue.refusal(now: now) != nil { continue }
            if relayer.queue.inFlight < best?.queue.inFlight ?? .max { best = relayer }
        }
        return best
    }

    // MARK: Settling

    func settle(
        _ ticket: Ticket, _ number: UInt64, confirmations: UInt64, timeout: UInt64,
        _ reply: @escaping (Settlement) -> Void
    ) {
        guard let authorization = world.chain.authorizations[number] else {
            preconditionFailure("nobody signed \(number)")
        }
        let row = ticket.id.row
        let head = list.head?.number
        let known = verified.removeValue(forKey: number)
        let since = known.map { min($0, head ?? 0) } ?? (head ?? 0) - min(head ?? 0, Self.blocksBefore)
        let order = WatchOrder(
            claim: row, transfer: authorization.transfer, confirmations: confirmations, sinceBlock: since,
            deadline: now + timeout)
        settling[row] = Settling(reply: reply, order: order, ticket: ticket, number: number)
        names[row] = ticket.id
        guard isInTime(order) else { return refuse(row, "valid_before") }
        guard head != nil, sender() != nil else { return refuse(row, "transaction_failed") }
        gathering.add(row, now: now)
        sendSoon()
    }

    func isInTime(_ order: WatchOrder) -> Bool {
        order.transfer.validBefore > UInt64(max(0, world.clock.unixSeconds() + Self.marginSeconds))
    }

    /// Nothing was signed or sent; a stranger may settle it all the same.
    func refuse(_ row: Int64, _ code: String) {
        guard let waiting = settling.removeValue(forKey: row), let id = names[row] else { return }
        watchRefused(waiting.order)
        tell(id, .refused(code: code)) { waiting.reply(Settlement($0, transaction: "")) }
    }

    func watchRefused(_ order: WatchOrder) {
        var order = order
        order.standing = .refused
        order.deadline = nil
        order.sender = nil
        order.hashes = []
        order.share = .whole
        list.add(order, now: now)
    }

    func answer(_ row: Int64, _ settlement: Settlement) { settling.removeValue(forKey: row)?.reply(settlement) }

    func tell(_ id: ClaimID, _ evidence: Evidence, _ done: @escaping (EvidenceOutcome) -> Void) {
        let oracle = world.oracle
        server.post(
            .evidence(
                id, evidence,
                server.reply(committed: { oracle.learned(id.row, evidence, $0) }, done)))
    }
}
