import Testing

@testable import Ledger

/// Payments on a chain that settles, refuses, stays silent, is front-run and takes blocks back, with processes that die, in random
/// order from fixed seeds. After every step the ledger's books are compared with the chain.
@Suite struct ChainSimulationTests {
    static func expectTrueBooks(_ world: ChainWorld, _ place: String) throws {
        let core = world.desk.core
        #expect(world.live.count == core.inFlight.count, "\(place): an exchange is in nobody's hands")
        #expect(world.holds.count == core.held.count, "\(place): a hold is in nobody's hands")
        for wallet in core.wallets.values {
            for order in SettleOrder.allCases {
                let running = wallet.inFlight.filter { $0.leaseOrder == order }.count
                let held = core.held.values.filter {
                    $0.admission.order == order && $0.admission.key.wallet == wallet.wallet
                }.count
                let parked = core.awaiting.values.joined().filter {
                    guard case .awaiting(_, let holdsLease) = $0.place, holdsLease else { return false }
                    return $0.admission.order == order && $0.admission.key.wallet == wallet.wallet
                }.count
                #expect(wallet.leases[order] == running + held + parked, "\(place): a lease leaked")
                #expect(wallet.leases[order] <= (order == .after ? 1 : 3), "\(place): too many leases")
            }
            for entry in wallet.inFlight {
                #expect(try core.store.claim(entry.claim.key) == entry.claim, "\(place): memory and disk differ")
            }
            guard world.isCalm else { continue }
            // What is unpaid in flight and not on the chain yet is covered by what the wallet has there.
            let unpaid = wallet.inFlight.filter { !$0.claim.machine.isPaid && world.chain.used[$0.claim.key] == nil }
            let sum = unpaid.reduce(0 as UInt128) { $0 + $1.claim.amountAtomic }
            #expect(sum <= world.chain.balance(wallet.wallet), "\(place): more is running than there is money for")
        }
        #expect(core.wallets.values.allSatisfy { !$0.isIdle }, "\(place): an idle wallet is kept")
        for (row, count) in world.deliveries {
            #expect(count <= 1, "\(place): claim \(row) was honoured twice")
        }
    }

    static func expectChainAgrees(_ world: ChainWorld, _ place: String) throws {
        for key in world.paid {
            let claim = try world.desk.core.store.claim(key)
            #expect(claim?.machine.isPaid == true, "\(place): a payment is lost")
        }
        for key in world.chain.used.keys {
            let claim = try #require(try world.desk.core.store.claim(key))
            // A void one was used by its payer, unasked.
            if claim.state == .void && !world.isCalm { continue }
            #expect(claim.state == .delivered || claim.state == .owed, "\(place): settled and \(claim.state)")
        }
        for row in world.deliveries.keys where world.deliveries[row] == 1 {
            let claim = try #require(try world.desk.core.store.claim(row: row))
            #expect(claim.state == .delivered && claim.machine.isPaid, "\(place): delivered and not paid")
            #expect(
                world.chain.used[claim.key] != nil || claim.reorganizedAt != nil,
                "\(place): delivered and not on the chain")
        }
    }

    @Test(arguments: 1...6) func anyOrderOfEvents(seed: Int) throws { _ = try Self.live(seed) }

    /// That transactions carry several payments at all.
    @Test func someAreSentTogether() throws {
        let batches = try (31...36).reduce(0) { try $0 + Self.live($1).batches }
        #expect(batches > 0)
    }

    static func live(_ seed: Int) throws -> ChainWorld {
        let world = try ChainWorld(seed: UInt64(seed), isCalm: seed % 2 == 0)
        for step in 0..<250 {
            let place = "seed \(seed) step \(step)"
            world.desk.together {
                for _ in 0..<world.pick(1...3) {
                    switch world.pick(0...99) {
                    case 0..<20: world.admit()
                    case 20..<45: world.verify()
                    case 45..<70: world.act()
                    case 70..<75: world.frontRun()
                    case 75..<78:
                        if let token = world.tokens.randomElement(using: &world.random) { world.desk.callerGone(token) }
                    case 78..<82: world.desk.clock.pass(milliseconds: world.pick(1...4000))
                    case 82..<83:
                        let wallet = Pay.admission(wallet: world.pick(1...3)).key.wallet
                        world.chain.fund(wallet, UInt128(world.pick(1...4)))
                    default: world.mine()
                    }
                }
            }
            world.desk.turn()
            try world.hear()
            try Self.expectTrueBooks(world, place)
            world.watch()
            if !world.isCalm && world.chance(5) { world.reorganize() }
            try world.hear()
            try Self.expectTrueBooks(world, place + ", watched")
            if world.chance(2) { try world.crash() }
        }
        try Self.bringToAnEnd(world, "seed \(seed)")
        return world
    }

    /// Everybody ends, every window closes, every block becomes final.
    static func bringToAnEnd(_ world: ChainWorld, _ place: String) throws {
        for _ in 0..<400 where !world.listening.isEmpty || !world.live.isEmpty || !world.holds.isEmpty {
            world.act()
            world.verify()
            world.mine()
            world.watch()
            world.desk.pass(milliseconds: 1000)
            try world.hear()
            world.listening.removeAll { _ in world.desk.core.waitingByToken.isEmpty }
        }
        world.desk.pass(milliseconds: 2_000_000)
        world.chain.pass(blocks: 100)
        for _ in 0..<8 {
            for watched in world.desk.watched() { world.look(at: watched) }
            try world.hear()
        }
        #expect(world.live.isEmpty && world.holds.isEmpty, "\(place): somebody waits for ever")
        world.desk.expectIdle()
        #expect(world.desk.watched().isEmpty, "\(place): something is watched for ever")
        #expect(try world.desk.core.store.openClaims().isEmpty, "\(place): something is unknown for ever")
        try expectChainAgrees(world, place)
        #expect(world.paid.count > 0 && world.deliveries.count > 0, "\(place): nothing happened")
    }
}
