import Bytes
import Chains
import OnChain

@testable import Ledger

/// What a route asks of those who call it.
struct Route {
    var order = SettleOrder.after
    var isPlay = false
    var amount: UInt128 = 1
    var isIdempotent = true
    var redeliver = Redelivery.safe
    var redeliverForSeconds: Int64 = 600
    var storesAnswers = false
    var inFlight = 1
    var leaseQueue = 4
    var leaseWaitMilliseconds = 10_000
    var confirmations: UInt64 = 1
    var settleMilliseconds: UInt64 = 20_000
    var bounds: [BoundPolicy] = []
    /// What its buyers send names their purchase.
    var hasIdentifiers = false

    init() {}

    init(_ world: World) {
        order = world.chance(500) ? .after : .first
        isPlay = world.chance(350)
        amount = UInt128(world.pick(1...4))
        isIdempotent = world.chance(600)
        redeliver = world.chance(600) ? .safe : world.chance(600) ? .rerun : .never
        redeliverForSeconds = world.chance(700) ? 600 : 20
        storesAnswers = world.chance(400)
        inFlight = order == .after ? 1 : world.pick(1...3)
        leaseQueue = world.chance(800) ? 4 : 1
        leaseWaitMilliseconds = world.chance(800) ? 10_000 : 500
        confirmations = world.chance(700) ? 1 : 3
        settleMilliseconds = UInt64(world.pick(4...20) * 1000)
        bounds = world.policies.filter { _ in world.chance(400) }
        hasIdentifiers = world.chance(250)
    }
}

/// What a caller got.
enum Outcome: Equatable {
    /// The whole of an upstream's answer, with a receipt or free of charge.
    case answer(isPaidFor: Bool)
    case refused(String)
    case pending
    case busy(String)
    case upstreamFailed
    case unavailable
    case lost
}

/// One request on its way, with its payment.
final class Call {
    let number: UInt64
    let shopper: Shopper
    /// What is asked for: the shopper's own, or another's where a payment is shown for something else.
    let binding: Int
    weak var exchange: SimulatedExchange?
    /// The caller waits for an answer still.
    private(set) var isOpen = true
    /// Beside the one that counts for the shopper.
    let isCopy: Bool

    init(_ shopper: Shopper, number: UInt64, binding: Int, isCopy: Bool) {
        self.shopper = shopper
        self.number = number
        self.binding = binding
        self.isCopy = isCopy
    }

    /// The caller gives up.
    func leave() {
        guard isOpen else { return }
        isOpen = false
        shopper.world.say("the caller of payment \(number) leaves")
        shopper.world.note("a caller leaves")
        exchange?.callerLost()
        shopper.ended(self, .lost)
    }

    /// The gateway is gone.
    func connectionLost() {
        guard isOpen else { return }
        isOpen = false
        shopper.ended(self, .lost)
    }

    func got(_ outcome: Outcome) {
        guard isOpen else { return }
        isOpen = false
        shopper.ended(self, outcome)
    }
}

/// Somebody who wants one thing, and asks until it is his or his patience is over: with the same payment, or with a new one, as
/// stock clients do.
final class Shopper {
    unowned let world: World
    /// Also what his requests are bound to.
    let number: Int
    let wallet: Int
    let route: Route
    private var triesLeft: Int
    private var payment: UInt64?
    private(set) var open: [Call] = []
    private(set) var isDone = false
    /// When the windows of his payments end, in Unix seconds.
    private var windowEnds: [UInt64: Int64] = [:]

    init(_ world: World, number: Int) {
        self.world = world
        self.number = number
        wallet = world.pick(1...World.wallets)
        route = Route(world)
        triesLeft = world.pick(1...6)
    }

    func forget() { open = [] }

    func buy() {
        guard triesLeft > 0, !world.isResting else {
            isDone = open.isEmpty
            if !isDone {
                world.after(1_000) { [self] in
                    isDone = isDone || open.isEmpty
                    if !isDone { finish() }
                }
            }
            return
        }
        triesLeft -= 1
        let number = payment.flatMap { world.chance(400) ? $0 : nil } ?? sign()
        payment = number
        send(number, binding: self.number, isCopy: false)
        guard world.chance(world.adversity.copies) else { return }
        world.note("a copy")
        let isForAnother = world.chance(300)
        let later = UInt64(world.pick(0...3_000))
        world.after(later) { [self] in
            send(number, binding: isForAnother ? self.number + 100 : self.number, isCopy: true)
        }
    }

    private func finish() {
        world.after(1_000) { [self] in
            isDone = open.isEmpty
            if !isDone { finish() }
        }
    }

    private func sign() -> UInt64 {
        let number = world.newAuthorization()
        let window = world.pick(20...150)
        let end = world.clock.trueSeconds + Int64(window)
        windowEnds[number] = end
        world.chain.authorize(
            SimulatedChain.Authorization(
                number: number, wallet: wallet,
                transfer: AwaitedTransfer(
                    key: AuthorizationKey(
                        token: SimulatedChain.token, authorizer: SimulatedChain.address(UInt64(0xA00 + wallet)),
                        nonce: SimulatedChain.word(number)),
                    to: SimulatedChain.payee, value: route.amount, validBefore: UInt64(end)),
                isGriefing: world.chance(world.adversity.griefer)))
        return number
    }

    private func send(_ number: UInt64, binding: Int, isCopy: Bool) {
        let call = Call(self, number: number, binding: binding, isCopy: isCopy)
        open.append(call)
        world.say("shopper \(self.number) shows payment \(number) for \(binding)")
        world.after(UInt64(world.pick(1...30))) { [self] in
            guard let server = world.server else { return call.got(.lost) }
            if call.isOpen { server.take(call) }
        }
        let patience = world.chance(world.adversity.impatience) ? world.pick(1...12_000) : 90_000
        world.after(UInt64(patience)) { call.leave() }
    }

    func admission(_ call: Call) -> Admission {
        var admission = Admission(
            key: ClaimKey(
                chain: MoneyDriver.chain, asset: SimulatedChain.token.bytes,
                payer: SimulatedChain.address(UInt64(0xA00 + wallet)).bytes, nonce: SimulatedChain.word(call.number)),
            binding: SimulatedChain.word(UInt64(call.binding)), order: route.order, amountAtomic: route.amount,
            payTo: SimulatedChain.payee.bytes, validBefore: windowEnds[call.number] ?? 0, neededSeconds: 16,
            assetDecimals: 0, facilitator: route.isPlay ? .sandbox : .chain, route: "GET /\(number)", revision: 1,
            request: "GET /\(call.binding)", redeliver: route.redeliver, isIdempotent: route.isIdempotent,
            redeliverForSeconds: route.redeliverForSeconds, inFlightPerWallet: route.inFlight,
            leaseWaitMilliseconds: route.leaseWaitMilliseconds, leaseQueue: route.leaseQueue, bounds: route.bounds)
        if route.hasIdentifiers { admission.paymentID = "purchase-of-shopper-\(number)" }
        return admission
    }

    func ended(_ call: Call, _ outcome: Outcome) {
        open.removeAll { $0 === call }
        world.say("payment \(call.number) for \(call.binding): \(outcome)")
        if call.isCopy { return }
        if case .answer(let isPaidFor) = outcome, isPaidFor || world.chance(500) {
            triesLeft = min(triesLeft, world.chance(100) ? 1 : 0)
        }
        world.after(UInt64(world.pick(50...9_000))) { [self] in buy() }
    }
}
