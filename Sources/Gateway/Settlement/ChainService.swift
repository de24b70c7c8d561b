import Bytes
import Chains
import EventLoop
import Glibc
import Ledger
import Logging
import OnChain
import Payments

/// Our own settlement on one chain: verifies, sends by its relayers, and watches. On the money loop.
final class ChainService: Settler, ChainWatcherOwner, TimerTarget {
    /// What was verified lately: from which block on its evidence may stand.
    private struct Verified {
        let headBlock: UInt64
        let at: UInt64
    }

    /// How long a verified payment may take to be settled; its upstream runs in between.
    private static let verifiedMilliseconds: UInt64 = 900_000
    private static let verifiedAtMost = 65_536
    /// Where it is not known when a payment was verified, its evidence is looked for so far back.
    static let blocksBefore: UInt64 = 600
    /// How often deadlines are looked at while an exchange waits.
    private static let pulseMilliseconds: UInt64 = 250
    /// What a window has to hold still when a transaction is signed: it has to be mined before its end.
    static let marginSeconds: Int64 = 3

    let chainID: UInt64
    private(set) var network: NetworkSettings
    let relayers: [Relayer]
    private(set) var gasLimit: UInt64
    let ledger: Ledger
    let inbox: Inbox<MoneyThread>
    let logger: Logger
    private(set) var watcher: ChainWatcher!
    private(set) var desk: VerificationDesk!
    private var tokens: [Address: TokenStanding] = [:]
    private var verified: [AuthorizationKey: Verified] = [:]
    /// By the claim's row: who waits for its settlement.
    var settling: [Int64: Settling] = [:]
    /// By the claim's row: what was watched, so that the ledger can be told.
    var names: [Int64: ClaimID] = [:]
    /// Claims from before a start that name no block: watched once a head is known.
    var takenUp: [WatchedClaim] = []
    /// Of configured tokens, these and former ones.
    var decimalsOfAsset: [Address: Int] = [:]
    private let pulse: Timer
    private let loop: EventLoop
    /// Settlements that wait for others to share a transaction with.
    var gathering: SettlementGathering
    private let gatherTimer: Timer
    private let turnEnd = TurnEnd()
    /// Nothing that makes several calls at once was found on this chain: looked for again then, in milliseconds.
    var lacksMulticallUntil: UInt64 = 0
    /// Whose turn it is to send, among those with as few in flight.
    private var firstSender = 0

    /// Told at the end of a turn of the loop, when all that came in it is known.
    private final class TurnEnd: EventHandler {
        weak var owner: ChainService?
        var isScheduled = false

        override func ready(_ events: Readiness) {
            isScheduled = false
            owner?.sendWhatIsDue()
        }
    }

    /// Whether a token is what the configuration says.
    private enum TokenStanding {
        case unchecked(String)
        case good
        case mismatch(String)
    }

    init(
        _ network: NetworkSettings, rpc: RPCClient, relayer: RelayerSettings?, ledger: Ledger, loop: EventLoop,
        idleMilliseconds: UInt64, inbox: Inbox<MoneyThread>, logger: Logger
    ) {
        chainID = network.chainID
        self.network = network
        self.ledger = ledger
        self.inbox = inbox
        self.logger = logger
        let policy = FeePolicy(capWei: network.feeCapWei(relayer))
        let lowBalanceWei = relayer?.lowBalanceWei ?? RelayerSettings.defaultLowBalanceWei
        relayers = (relayer?.keys ?? []).compactMap(\.account).map {
            Relayer($0, chainID: network.chainID, policy: policy, lowBalanceWei: lowBalanceWei)
        }
        self.loop = loop
        gathering = SettlementGathering(atMost: relayer?.batch ?? SettlementGathering.largest)
        gasLimit = relayer?.gasLimit ?? RelayerSettings.defaultGasLimit
        pulse = Timer(loop.timers)
        gatherTimer = Timer(loop.timers)
        watcher = ChainWatcher(rpc: rpc, idleMilliseconds: idleMilliseconds, timers: loop.timers, owner: self)
        let sender = relayers.first?.address ?? Address(.zero)
        desk = VerificationDesk(rpc: rpc, relayer: sender, gasLimit: gasLimit)
        pulse.target = self
        gatherTimer.target = self
        turnEnd.owner = self
    }

    deinit {
        pulse.unlink()
        gatherTimer.unlink()
    }

    var now: UInt64 { watcher.now }

    /// After a reload. Who sends stays; what it may cost does not.
    ///
    /// - Parameter rpc: where the network's nodes are others than before.
    func adopt(_ network: NetworkSettings, rpc: RPCClient?, relayer: RelayerSettings?) {
        self.network = network
        gasLimit = relayer?.gasLimit ?? gasLimit
        if let rpc { watcher.rpc = rpc }
        let sender = relayers.first?.address ?? Address(.zero)
        desk = VerificationDesk(rpc: watcher.rpc, relayer: sender, gasLimit: gasLimit)
        for case (let address, .good) in tokens { desk.noteCode(token: address) }
        for each in relayers {
            each.queue.policy = FeePolicy(capWei: network.feeCapWei(relayer))
            each.lowBalanceWei = relayer?.lowBalanceWei ?? each.lowBalanceWei
        }
        gathering.atMost = relayer?.batch ?? gathering.atMost
    }

    func close() {
        watcher.close()
        pulse.cancel()
        gatherTimer.cancel()
        _ = gathering.takeAll()
        for row in settling.keys { answer(row, .unavailable(reason: "the gateway is stopping")) }
    }

    // MARK: Tokens

    /// Compares a token with the configuration; what cannot be compared now is so later, at the caller's word.
    func check(_ token: TokenCheck, at address: Address, done: @escaping (TokenCheck.Outcome) -> Void) {
        if case .good = tokens[address] { return done(.match) }
        if tokens[address] == nil { tokens[address] = .unchecked("\(network.name): the token was not read yet") }
        watcher.rpc.check(token, deadlineMilliseconds: ChainWatcher.deadlineMilliseconds) { [weak self] outcome in
            guard let self else { return }
            switch outcome {
            case .match:
                tokens[address] = .good
                desk.noteCode(token: address)
            case .mismatch(let reason): tokens[address] = .mismatch(reason)
            case .unreachable(let reason): tokens[address] = .unchecked("\(network.name): \(reason)")
            }
            done(outcome)
        }
    }

    // MARK: Before a claim

    func prove(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        if let trouble = trouble(of: request.offer.asset) { return reply(.unreachable(trouble)) }
        desk.prove(request, done: reply)
    }

    func verify(_ request: VerificationRequest, reply: @escaping @Sendable (Verdict) -> Void) {
        if let trouble = trouble(of: request.offer.asset) { return reply(.unreachable(trouble)) }
        if case .failure(let refusal) = sender(gasLimit: gasLimit) {
            return reply(.unreachable("\(network.name): \(refusal.text)"))
        }
        note(request)
        desk.verify(request, done: reply)
    }

    private func trouble(of token: Address) -> String? {
        switch tokens[token] {
        case .good: watcher.isHeard(now: now) ? nil : "\(network.name): no node has told the newest block lately"
        case .mismatch(let reason), .unchecked(let reason): reason
        case nil: "\(network.name): the token \(token) is not configured"
        }
    }

    /// Who would take a transaction of so much gas now: the one with the fewest in flight, in turn where several have as few.
    func sender(gasLimit: UInt64) -> Result<Relayer, QueueRefusal> {
        var refusal = QueueRefusal.notReady
        var best: Int?
        for at in relayers.indices.map({ ($0 + firstSender) % relayers.count }) {
            if let reason = relayers[at].refusal(gasLimit: gasLimit, now: now) {
                refusal = reason
            } else if relayers[at].queue.inFlight < best.map({ relayers[$0].queue.inFlight }) ?? .max {
                best = at
            }
        }
        guard let best else { return .failure(refusal) }
        return .success(relayers[best])
    }

    /// Another one has its turn where several could send.
    func passTurn() { firstSender = relayers.isEmpty ? 0 : (firstSender + 1) % relayers.count }

    /// A stranger may use an authorization from its first showing on: from there its evidence is looked for.
    func note(_ request: VerificationRequest) {
        guard let head = watcher.list.head?.number else { return }
        let now = now
        if verified.count >= Self.verifiedAtMost {
            verified = verified.filter { $0.value.at + Self.verifiedMilliseconds > now }
            if verified.count >= Self.verifiedAtMost { verified = [:] }
        }
        let key = request.key
        if verified[key] == nil { verified[key] = Verified(headBlock: head, at: now) }
    }

    /// The first block that may hold the payment's evidence.
    func firstBlock(_ key: AuthorizationKey, head: UInt64) -> UInt64 {
        let seen = verified.removeValue(forKey: key)?.headBlock
        // Where blocks are taken back, what stood above a head may come to stand below it.
        let depth = seen == nil ? Self.blocksBefore : ChainWatcher.finalDepth
        let last = min(seen ?? head, head)
        return last - min(last, depth)
    }

    // MARK: Time

    func pulseSoon() {
        if !pulse.isArmed { pulse.arm(atNanoseconds: (now + Self.pulseMilliseconds) * 1_000_000) }
    }

    /// What may be sent is looked at once in a turn.
    func sendSoon() {
        if turnEnd.isScheduled { return }
        turnEnd.isScheduled = true
        loop.callAgain(turnEnd)
    }

    func sendAgain(at milliseconds: UInt64) {
        if !gatherTimer.isArmed { gatherTimer.arm(atNanoseconds: milliseconds * 1_000_000) }
    }

    func timerFired(_ timer: Timer) {
        if timer === gatherTimer { return sendWhatIsDue() }
        watched(watcher.list.expired(now: now))
        turn()
        if !settling.isEmpty { pulseSoon() }
    }

    func ticked() {
        takeUpWaiting()
        turn()
    }

    private func turn() {
        for relayer in relayers { perform(relayer.queue.on(.turn, now: now), of: relayer) }
    }

    // MARK: Health

    /// What keeps payments of this kind from being verified or settled now, or soon will.
    func troubles(of payment: PaymentMethod) -> [SettlerTrouble] {
        var troubles: [SettlerTrouble] = []
        func add(_ code: String, _ detail: String, of subject: String = "") {
            troubles.append(SettlerTrouble(code: code, subject: subject, detail: detail))
        }
        if !watcher.isHeard(now: now) {
            add("rpc_unreachable", "\(network.name): no node has told the newest block lately")
        }
        switch tokens[payment.asset] {
        case .good, nil: break
        case .mismatch(let reason): add("token_mismatch", reason)
        case .unchecked(let reason): add("token_unchecked", reason)
        }
        guard payment.facilitator == .chain else { return troubles }
        for relayer in relayers {
            let name = "\(network.name): relayer \(relayer.address)"
            let subject = "\(relayer.address)"
            if let balance = relayer.balanceWei, balance < relayer.lowBalanceWei {
                add("low_balance", "\(name) holds \(balance) wei, less than low_balance", of: subject)
            }
            guard let refusal = relayer.refusal(gasLimit: gasLimit, now: now), let code = refusal.troubleCode else {
                continue
            }
            add(code, "\(name): \(refusal.text)", of: subject)
        }
        return troubles
    }
}

extension VerificationRequest {
    var key: AuthorizationKey {
        AuthorizationKey(
            token: offer.asset, authorizer: payload.authorization.from, nonce: payload.authorization.nonce)
    }
}
