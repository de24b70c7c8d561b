import Chains
import EventLoop
import Ledger
import Logging
import OnChain
import Payments
import Synchronization

/// What the money loop's thread owns: one client, one service a chain, one settler a facilitator.
final class MoneyThread: TimerTarget {
    private static let healthNanoseconds: UInt64 = 1_000_000_000
    /// How often a token that could not be read is tried again.
    private static let checkNanoseconds: UInt64 = 2_000_000_000

    let loop: EventLoop
    let inbox: Inbox<MoneyThread>
    private let client: HTTPClient
    private let ledger: Ledger
    private let logger: Logger
    private let board: MoneyBoard
    private let idleMilliseconds: UInt64
    private var chains: [UInt64: ChainService] = [:]
    private var remotes: [String: RemoteSettler] = [:]
    private var payments: [PaymentMethod] = []
    private let health: Timer
    private var nextCheckNanoseconds: UInt64 = 0

    init(
        trusts: TrustedAuthorities, resolver: Resolver, ledger: Ledger, board: MoneyBoard,
        idleMilliseconds: UInt64, logger: Logger
    ) throws(SystemFault) {
        loop = try EventLoop()
        inbox = try Inbox()
        client = try HTTPClient(loop: loop, resolver: resolver)
        client.trust(trusts)
        self.ledger = ledger
        self.logger = logger
        self.board = board
        self.idleMilliseconds = idleMilliseconds
        health = Timer(loop.timers)
        health.target = self
        try inbox.attach(to: loop, owner: self)
    }

    func chain(_ chainID: UInt64) -> ChainService? { chains[chainID] }
    func remote(_ name: String) -> RemoteSettler? { remotes[name] }

    /// The chain of an offer, where a node of it is configured.
    func readableChain(_ offer: Offer) -> ChainService? { chains[offer.chainID] }

    func settleTimeoutMilliseconds(_ offer: Offer) -> Int {
        chains[offer.chainID]?.network.settleTimeoutMilliseconds ?? timeouts[offer.chainID]
            ?? NetworkSettings.defaultSettleTimeoutMilliseconds
    }

    /// Of networks without a node, by chain.
    private var timeouts: [UInt64: Int] = [:]

    func settler(_ offer: Offer) -> Result<any Settler, MoneyFault> {
        switch offer.facilitator {
        case .sandbox: return .failure(MoneyFault("the sandbox settles inside the ledger"))
        case .chain:
            if let chain = chains[offer.chainID] { return .success(chain) }
            return .failure(MoneyFault("\(offer.network): no node is configured"))
        case .remote(let name):
            if let remote = remotes[name] { return .success(remote) }
            return .failure(MoneyFault("\(name): no such facilitator is configured"))
        }
    }

    // MARK: Revisions

    /// Takes up what a revision says, and what was in flight before this start.
    ///
    /// - Parameter checked: told once every token was read, or could not be, with every mismatch.
    func begin(_ revision: Revision, checked: @escaping ([String]) -> Void) {
        take(revision)
        ledger.watched { [inbox] claims in inbox.post { $0.takeUp(claims) } }
        nextCheckNanoseconds = monotonicNanoseconds() + Self.checkNanoseconds
        health.arm(atNanoseconds: monotonicNanoseconds() + Self.healthNanoseconds)
        checkTokens(checked)
    }

    func adopt(_ revision: Revision, trusts: TrustedAuthorities) {
        client.trust(trusts)
        take(revision)
        checkTokens { [logger] mismatches in
            for mismatch in mismatches { logger.error("\(mismatch); it is not paid with until this is put right") }
        }
    }

    /// Chains stay though a revision names them no more: what was sent on them is watched to its end.
    private func take(_ revision: Revision) {
        payments = revision.payments.filter { $0.facilitator != .sandbox }
        for network in revision.networks {
            timeouts[network.chainID] = network.settleTimeoutMilliseconds
            guard !network.rpc.isEmpty else { continue }
            take(network, revision.settings.relayer)
        }
        for payment in payments { chains[payment.chainID]?.decimalsOfAsset[payment.asset] = payment.assetDecimals }
        for (_, remote) in remotes { remote.close() }
        remotes = [:]
        for settings in revision.facilitators {
            remotes[settings.name] = RemoteSettler(
                RemoteFacilitator(settings, client: client), payments: payments, ledger: ledger, money: self,
                logger: logger)
        }
    }

    private func take(_ network: NetworkSettings, _ relayer: RelayerSettings?) {
        let known = chains[network.chainID]
        let isSame = known.map { $0.network.rpc == network.rpc && $0.network.caFile == network.caFile } ?? false
        let rpc =
            isSame
            ? nil
            : RPCClient(
                network: network.name, chainID: network.chainID,
                endpoints: network.rpc.map { RPCEndpoint($0, caFile: network.caFile) }, client: client, logger: logger)
        if let known { return known.adopt(network, rpc: rpc, relayer: relayer) }
        guard let rpc else { return }
        let chain = ChainService(
            network, rpc: rpc, relayer: relayer, ledger: ledger, loop: loop, idleMilliseconds: idleMilliseconds,
            inbox: inbox, logger: logger)
        chains[network.chainID] = chain
        chain.watcher.begin()
    }

    private func takeUp(_ claims: [WatchedClaim]) {
        for (chainID, chain) in chains {
            let own = claims.filter { $0.claim.chainID == chainID }
            chain.takeUp(own)
        }
        let orphans = claims.filter { claim in claim.claim.chainID.map { chains[$0] == nil } ?? true }
        if !orphans.isEmpty {
            logger.warning(
                "\(orphans.count) claims cannot be watched: their networks have no rpc; see farebox ledger pending")
        }
    }

    /// Compares every token that was not found good so far.
    private func checkTokens(_ done: @escaping ([String]) -> Void) {
        var missing = 1
        var mismatches: [String] = []
        func one(_ mismatch: String?) {
            if let mismatch { mismatches.append(mismatch) }
            missing -= 1
            if missing == 0 { done(mismatches) }
        }
        for payment in payments {
            guard let chain = chains[payment.chainID] else { continue }
            missing += 1
            let token = Network.Token(
                address: payment.asset, name: payment.domainName, version: payment.domainVersion,
                decimals: payment.assetDecimals)
            let check = TokenCheck(token, chainID: payment.chainID, place: "\(payment.place): payments.\(payment.name)")
            chain.check(check, at: payment.asset) { outcome in
                if case .mismatch(let reason) = outcome { one(reason) } else { one(nil) }
            }
        }
        one(nil)
    }

    // MARK: Health

    func timerFired(_ timer: Timer) {
        let now = monotonicNanoseconds()
        timer.arm(atNanoseconds: now + Self.healthNanoseconds)
        if now >= nextCheckNanoseconds {
            nextCheckNanoseconds = now + Self.checkNanoseconds
            checkTokens { _ in }
        }
        tellHealth()
    }

    func tellHealth() {
        var troubles: [PaymentTrouble] = []
        for payment in payments {
            if case .remote(let name) = payment.facilitator, let trouble = remotes[name]?.troubles[payment.name] {
                troubles.append(PaymentTrouble(payment: payment.name, code: trouble.code, detail: trouble.detail))
            }
            for trouble in chains[payment.chainID]?.troubles(of: payment) ?? [] {
                troubles.append(
                    PaymentTrouble(
                        payment: payment.name, code: trouble.code, subject: trouble.subject, detail: trouble.detail))
            }
        }
        for fresh in board.put(troubles) {
            logger.warning("\(fresh.detail)", metadata: ["payment": "\(fresh.payment)", "code": "\(fresh.code)"])
        }
    }

    func stop() {
        for chain in chains.values { chain.close() }
        for remote in remotes.values { remote.close() }
        loop.stop()
    }
}

/// Why the money loop cannot do something, for the operator.
struct MoneyFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What is wrong with ways to pay, as any thread may read it.
final class MoneyBoard: Sendable {
    private let current = Mutex<[PaymentTrouble]>([])

    var troubles: [PaymentTrouble] { current.withLock { $0 } }

    /// - Returns: those that were not there before, by payment, code and subject.
    func put(_ troubles: [PaymentTrouble]) -> [PaymentTrouble] {
        current.withLock { current in
            defer { current = troubles }
            return troubles.filter { fresh in
                !current.contains { ($0.payment, $0.code, $0.subject) == (fresh.payment, fresh.code, fresh.subject) }
            }
        }
    }
}
