import CrashDisk

@testable import Ledger

/// One process of the gateway: a ledger without its thread, the money loop's part, and the exchanges. Every letter, answer and
/// message takes some time of its own.
///
/// @unchecked: see `WorldClock`.
final class Server: @unchecked Sendable {
    static let path = "ledger.db"

    let world: World
    let epoch: Int
    /// Nil once the process is dead: whoever waits for its answers is let go.
    private(set) var core: LedgerCore!
    let recovered: Recovery.Report
    private let mailbox = Mailbox()
    private var nextTurnAt = UInt64.max
    private(set) var isAlive = true
    private(set) var money: MoneyDriver!
    private(set) var exchanges: [ObjectIdentifier: SimulatedExchange] = [:]
    private var lastToken: UInt64 = 0

    init(_ world: World, epoch: Int) throws {
        self.world = world
        self.epoch = epoch
        let now = world.clock.unixSeconds()
        let database = try Database(path: Self.path, vfs: world.disk.name)
        do {
            let store = try Store(database, vfs: world.disk.name, now: now)
            recovered = try Recovery.run(store, now: now)
            core = LedgerCore(store: store, clock: world.clock, mailbox: mailbox)
        } catch {
            world.disk.cutPower()
            database.close()
            throw error
        }
        money = MoneyDriver(self)
    }

    func begin() { money.begin() }

    /// The process is no more; SQLite's memory comes back, and nothing of what was under way happens.
    func die() {
        guard isAlive else { return }
        isAlive = false
        world.disk.cutPower()
        core.store.database.close()
        core = nil
        _ = mailbox.close()
        exchanges = [:]
        money = nil
    }

    /// The core's own books are empty.
    var isIdle: Bool {
        exchanges.isEmpty && core.wallets.isEmpty && core.inFlight.isEmpty
            && core.waitingByToken.isEmpty && core.awaiting.isEmpty && core.held.isEmpty
    }

    /// Nothing is watched any more.
    var isFinished: Bool { money.isIdle }

    /// Nothing is watched that is to be: some claims are taken up only at a start.
    var hasMissedNone: Bool { (try? core.store.watchedClaims().isEmpty) ?? false }

    // MARK: The ledger's thread

    /// Runs later, unless the process is dead by then.
    func after(_ milliseconds: UInt64, _ action: @escaping () -> Void) {
        world.after(milliseconds) { [self] in
            if isAlive { action() }
        }
    }

    /// From the ledger's thread to another, with what it says at once about what was committed.
    func reply<Value: Sendable>(
        committed: @escaping (Value) -> Void = { _ in }, _ body: @escaping (Value) -> Void
    ) -> @Sendable (Value) -> Void {
        let told = Told(committed: committed, body: body)
        return { [self] value in
            // What a process says that is dying is heard by nobody.
            if !isAlive || world.disk.isDown { return }
            told.committed(value)
            after(UInt64(world.chance(800) ? 0 : world.pick(1...40))) { told.body(value) }
        }
    }

    /// @unchecked: see `WorldClock`.
    private struct Told<Value>: @unchecked Sendable {
        let committed: (Value) -> Void
        let body: (Value) -> Void
    }

    func newToken() -> AdmissionToken {
        lastToken += 1
        return AdmissionToken(number: lastToken)
    }

    func post(_ letter: Letter) {
        mailbox.post(letter)
        turn(in: UInt64(world.chance(600) ? 0 : world.pick(1...5)))
    }

    private func turn(in milliseconds: UInt64) {
        let at = world.timeline.now + milliseconds
        if nextTurnAt <= at { return }
        nextTurnAt = at
        after(milliseconds) { [self] in
            if nextTurnAt == at { turn() }
        }
    }

    private func turn() {
        nextTurnAt = .max
        let adversity = world.adversity
        if world.disk.powerFailsAt == nil, world.chance(adversity.powerLoss) {
            world.survival =
                world.chance(adversity.writesSurvive) ? .some(seed: world.random.next()) : .none
            if world.chance(250) { world.survival = .all }
            world.disk.powerFailsAt = world.disk.operations + world.pick(1...20)
        }
        if world.chance(adversity.diskFault) {
            let operation: CrashDisk.Operation = world.chance(500) ? .write : .sync
            world.disk.failAfter = (world.pick(0...6), operation, 10)
        }
        // Nobody's, so that an empty mailbox is not waited for.
        mailbox.post(.callerGone(AdmissionToken(number: 0)))
        var batch: [Letter] = []
        mailbox.take(&batch, until: 0)
        let hadFailed = core.failure != nil
        _ = core.run(batch)
        if world.disk.isDown { return world.die(survival: world.survival, "power lost") }
        if let failure = core.failure {
            if hadFailed { return }
            world.note("the store failed")
            world.say("the store failed: \(failure)")
            // Somebody starts it anew.
            after(UInt64(world.pick(100...5_000))) { [self] in
                world.die(survival: .some(seed: world.random.next()), "started anew after a fault")
            }
            return
        }
        if world.chance(adversity.kill) { return world.die(survival: .all, "killed") }
        if let deadline = core.nextDeadline {
            let now = world.clock.monotonicNanoseconds()
            turn(in: (max(deadline, now) - now) / 1_000_000 + 1)
        }
    }

    // MARK: Exchanges

    func take(_ call: Call) {
        let exchange = SimulatedExchange(self, call)
        exchanges[ObjectIdentifier(exchange)] = exchange
        exchange.begin()
    }

    func forget(_ exchange: SimulatedExchange) {
        exchanges[ObjectIdentifier(exchange)] = nil
        // What was let go without an end has left a letter.
        turn(in: 1)
    }
}
