import CrashDisk
import OnChain

@testable import Ledger

/// The clocks of one world: the wall clock may be set, the monotonic one only goes on.
///
/// @unchecked: a world and all that belongs to it lives on one thread.
final class WorldClock: LedgerClock, @unchecked Sendable {
    static let beginning: Int64 = 1_800_000_000
    fileprivate(set) var milliseconds: UInt64 = 0
    /// By how much the wall clock is wrong.
    fileprivate(set) var skewSeconds: Int64 = 0

    /// As the world has it, and the chain.
    var trueSeconds: Int64 { Self.beginning + Int64(milliseconds / 1000) }
    func unixSeconds() -> Int64 { trueSeconds + skewSeconds }
    func monotonicNanoseconds() -> UInt64 { 1_000_000_000_000 + milliseconds * 1_000_000 }
}

/// One seed's run: callers, a gateway that dies and starts again, its disk, a network, a chain, and an oracle that has nothing from
/// the ledger but what it was told. Nothing in it is left to chance but what the seed draws.
///
/// @unchecked: see `WorldClock`.
package final class World: @unchecked Sendable {
    static let wallets = 2
    /// Play money and money on the chain of each wallet.
    static let balance: UInt128 = 10

    let seed: UInt64
    var random: SplitMix
    private(set) var adversity: Adversity
    var timeline = Timeline()
    let clock = WorldClock()
    var chain: SimulatedChain
    private(set) var disk: CrashDisk
    private(set) var server: Server?
    private(set) var epoch = 0
    let oracle: Oracle
    /// What routes may name; few may be had in a window, so that they are reached.
    private(set) var policies: [BoundPolicy] = []
    private(set) var shoppers: [Shopper] = []
    /// Adversities are over: everything comes to rest.
    private(set) var isResting = false
    private(set) var clockWasSet = false
    /// Nobody moves money but us.
    private(set) var hasCalmChain = true
    private var lastAuthorization: UInt64 = 0
    private var lastHash: UInt64 = 1 << 32
    /// What each process of the gateway leaves behind if it leaves anything behind: a million worlds have one memory.
    private var mortals: [Mortal] = []

    private struct Mortal {
        let name: String
        weak var object: AnyObject?
    }

    /// Told of every event, where somebody wants to read them.
    let trace: ((String) -> Void)?
    /// What happened at all, so that a test can ask whether the adversities do.
    package private(set) var seen: Set<String> = []

    package init(seed: UInt64, trace: ((String) -> Void)? = nil) {
        self.seed = seed
        self.trace = trace
        // Neighbouring seeds shall have nothing in common.
        var random = SplitMix(state: seed &* 0xD134_2543_DE82_EF95 &+ 0x9E37)
        adversity = Adversity(&random)
        self.random = random
        hasCalmChain = adversity.isChainCalm
        chain = SimulatedChain(
            wallets: Self.wallets, balance: Self.balance, timestamp: UInt64(WorldClock.beginning))
        disk = Self.template.reboot(.all)
        oracle = Oracle()
        oracle.world = self
        let seconds = Int64(pick(5...60))
        policies = [
            BoundPolicy(
                name: "wallet", walletRate: RateBound(count: pick(1...4), windowSeconds: seconds),
                walletSpend: SpendBound(
                    attodollars: UInt128(pick(3...9)) * 1_000_000_000_000_000_000, windowSeconds: 2 * seconds)),
            BoundPolicy(
                name: "everyone", everyoneRate: RateBound(count: pick(2...8), windowSeconds: seconds),
                everyoneSpend: SpendBound(
                    attodollars: UInt128(pick(4...16)) * 1_000_000_000_000_000_000, windowSeconds: seconds)),
        ]
    }

    /// A disk with an empty ledger.
    ///
    /// Unsafe: it is made once, and only read afterwards.
    private nonisolated(unsafe) static let template: CrashDisk = {
        let disk = CrashDisk()
        guard let store = try? Store(path: Server.path, vfs: disk.name, now: WorldClock.beginning) else {
            preconditionFailure("an empty ledger cannot be made")
        }
        try? store.close()
        return disk
    }()

    /// What was found wrong; empty where all was well.
    package func run() -> [String] {
        start()
        block()
        for _ in 0..<pick(2...7) {
            let shopper = Shopper(self, number: shoppers.count + 1)
            shoppers.append(shopper)
            after(UInt64(pick(0...20_000))) { shopper.buy() }
        }
        while oracle.faults.isEmpty, timeline.now < 60_000, !isDone { step() }
        rest()
        while oracle.faults.isEmpty, timeline.now < Self.end, !isAtRest { step() }
        if oracle.faults.isEmpty { oracle.judgeAtRest() }
        end()
        if oracle.faults.isEmpty {
            for each in mortals where each.object != nil { oracle.fault("\(each.name) is still there at the end") }
        }
        return oracle.faults
    }

    /// Long after every window.
    private static let end: UInt64 = 4_000_000

    private func step() {
        guard let next = timeline.next() else { return oracle.fault("nothing happens any more") }
        clock.milliseconds = timeline.now
        next()
    }

    private var isDone: Bool { shoppers.allSatisfy(\.isDone) }

    private var isAtRest: Bool {
        guard isDone, let server, server.core.failure == nil, server.isIdle, chain.isQuiet, server.isFinished else {
            return false
        }
        if server.hasMissedNone { return true }
        // The ledger may be about to hear the last of it. What it was not told of is taken up by a start.
        missingSince = missingSince ?? timeline.now
        if timeline.now > missingSince! + 2_000, !hasStartedLast { startLast() }
        return false
    }

    private var missingSince: UInt64?

    private func startLast() {
        hasStartedLast = true
        die(survival: .all, "a last start")
    }

    /// No more adversity; and a start anew, which takes up what only a start does.
    private func rest() {
        isResting = true
        adversity = Adversity()
        disk.powerFailsAt = nil
        disk.failAfter = nil
        disk.failNext = nil
        say("adversities are over")
    }

    private var hasStartedLast = false

    private func end() {
        timeline.removeAll()
        server?.die()
        server = nil
        for shopper in shoppers { shopper.forget() }
        shoppers = []
        oracle.world = nil
    }

    // MARK: Chance and time

    func chance(_ perMille: Int) -> Bool { perMille > 0 && Int.random(in: 0..<1000, using: &random) < perMille }
    func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    func after(_ milliseconds: UInt64, _ action: @escaping () -> Void) {
        timeline.add(at: timeline.now + milliseconds, action)
    }

    func say(_ text: @autoclosure () -> String) {
        guard let trace else { return }
        let time = String(timeline.now)
        trace(String(repeating: " ", count: max(0, 8 - time.count)) + time + "  " + text())
    }

    func note(_ what: String) { seen.insert(what) }

    func setClock() {
        clock.skewSeconds += Int64(pick(0...1) == 0 ? pick(1...600) : -pick(1...600))
        clockWasSet = true
        note("the clock is set")
        say("the wall clock is off by \(clock.skewSeconds) s")
    }

    func newAuthorization() -> UInt64 {
        lastAuthorization += 1
        return lastAuthorization
    }

    func newHash() -> UInt64 {
        lastHash += 1
        return lastHash
    }

    // MARK: The gateway

    private func start() {
        epoch += 1
        if adversity.powerLoss > 0, epoch > 1, chance(200) {
            survival = .some(seed: random.next())
            disk.powerFailsAt = disk.operations + pick(1...30)
        }
        do {
            let server = try Server(self, epoch: epoch)
            self.server = server
            mortals.append(Mortal(name: "process \(epoch)", object: server))
            mortals.append(Mortal(name: "the ledger of process \(epoch)", object: server.core))
            mortals.append(Mortal(name: "the money loop of process \(epoch)", object: server.money))
            say("start \(epoch): \(server.recovered)")
            oracle.judgeRecovery(server)
            server.begin()
        } catch {
            guard disk.isDown else { return oracle.fault("the ledger does not open: \(error)") }
            reboot("power lost at a start")
        }
    }

    /// What the disk keeps if it loses power now.
    var survival = CrashDisk.Survival.none

    func die(survival: CrashDisk.Survival, _ why: String) {
        self.survival = survival
        disk.cutPower()
        server?.die()
        server = nil
        reboot(why)
    }

    private func reboot(_ why: String) {
        say(why)
        note(why)
        mortals.append(Mortal(name: "the disk of process \(epoch)", object: disk))
        disk = disk.reboot(survival)
        if isResting { disk.powerFailsAt = nil }
        let lost = shoppers.flatMap(\.open)
        for call in lost { call.connectionLost() }
        after(UInt64(pick(20...3_000))) { [self] in start() }
    }

    // MARK: The chain

    /// Blocks come every two seconds; where nothing goes wrong any more, a window passes sooner.
    private func block() {
        after(isResting ? 6_000 : 2_000) { [self] in
            adversities()
            chain.mine(atMost: chance(150) && !isResting ? pick(0...1) : 20, timestamp: UInt64(clock.trueSeconds))
            if trace != nil, !chain.head.receipts.isEmpty {
                say(
                    "block \(chain.head.block.number): \(chain.head.mined.count) of ours, settled \(chain.head.settled.keys.sorted())"
                )
            }
            block()
        }
    }

    private func adversities() {
        if chance(adversity.clockJump) { setClock() }
        if chance(adversity.dearGas) { chain.baseFee = UInt128(chance(500) ? 100 : pick(100...2_000)) }
        if isResting { chain.baseFee = 100 }
        if chance(adversity.reorganization) {
            let depth = pick(1...5)
            let (drop, before) = (adversity.drop, chain.takenBack.count)
            chain.takeBack(depth) { !self.chance(drop) }
            note("blocks are taken back")
            if chain.takenBack.count > before { note("a settlement is taken back") }
            say("\(depth) blocks are taken back")
        }
        if chance(adversity.drop) { chain.drop { self.chance(500) } }
        if chance(adversity.stranger) { interfere(.settle, "a stranger settles") }
        if chance(adversity.withdrawal) {
            if chance(500) {
                interfere(.cancel, "a payer cancels")
            } else {
                interfere(.useElsewhere, "a payer uses elsewhere")
            }
        }
        if chance(adversity.drain) {
            note("a wallet's money moves")
            let change = chance(500) ? -pick(1...10) : pick(1...10)
            chain.submit(.move(wallet: pick(1...Self.wallets), change))
        }
    }

    private func interfere(_ deed: SimulatedChain.Deed, _ what: String) {
        let numbers = chain.authorizations.keys.sorted().suffix(5)
        guard let number = numbers.randomElement(using: &random) else { return }
        note(what)
        say("\(what) \(number)")
        chain.submit(.deed(number, deed))
    }
}
