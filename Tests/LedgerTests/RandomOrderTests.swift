import CrashDisk
import Testing

@testable import Ledger

/// Payers, copies, retries, callers that leave, exchanges that are lost and processes that die, in random order from fixed seeds.
/// After every step the ledger's own books are checked, at the end what everybody was told.
@Suite struct RandomOrderTests {
    struct Live {
        let ticket: Ticket
        let key: ClaimKey
        let order: SettleOrder
    }

    final class World {
        var random: SplitMix
        var desk: Desk
        var live: [Live] = []
        var open: [(answer: Answer<Admitted>, token: AdmissionToken, admission: Admission)] = []
        var settlements: [(answer: Answer<Settlement>, key: ClaimKey)] = []
        var left: Set<AdmissionToken> = []
        /// The transactions that callers were told of, by the payment they were for.
        var paid: [ClaimKey: String] = [:]

        init(seed: UInt64) throws {
            random = SplitMix(state: seed)
            desk = try Desk()
        }

        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

        func admit() {
            let nonce = pick(1...40)
            var admission = Pay.admission(
                wallet: 1 + nonce % 3, nonce: nonce, binding: chance(5) ? 9 : 1 + nonce % 5,
                order: nonce % 4 == 0 ? .after : .first, amount: UInt128(1 + nonce % 4))
            admission.validBefore = chance(5) ? desk.clock.unixSeconds() + 70 : .max
            admission.inFlightPerWallet = admission.order == .after ? 1 : 3
            admission.leaseQueue = 4
            admission.isIdempotent = nonce % 2 == 0
            admission.termsFault = chance(3) ? "mismatch" : nil
            let (answer, token) = desk.admitted(admission)
            open.append((answer, token, admission))
        }

        /// Does something to one exchange.
        func act() {
            guard let index = live.indices.randomElement(using: &random) else { return }
            let (ticket, key) = (live[index].ticket, live[index].key)
            switch pick(0...9) {
            case 0...3:
                let answer =
                    live[index].order == .after
                    ? desk.answered(ticket) : desk.settle(ticket, forwardsLater: chance(50))
                settlements.append((answer, key))
            case 4: _ = desk.forwarding(ticket)
            case 5: desk.callerGone(ticket.token)
            case 6: desk.ended(ticket, .delivered)
            case 7: desk.ended(ticket, .undelivered(noRequestByteWritten: chance(50)))
            case 8: desk.ended(ticket, .uncharged(reason: ""))
            default: desk.post(.lost(ticket.here))
            }
        }

        /// Takes in what was answered, and forgets tickets that are over.
        func listen() throws {
            for (answer, _, admission) in open {
                guard let value = answer.value else { continue }
                switch value {
                case .claimed(let ticket):
                    #expect(paid[admission.key] == nil, "a paid nonce was claimed again")
                    live.append(Live(ticket: ticket, key: admission.key, order: admission.order))
                case .redeemed(let ticket, let transaction, _):
                    let claim = try #require(try desk.core.store.claim(row: ticket.id.row))
                    #expect(claim.transaction == transaction && claim.reruns <= 3)
                    live.append(Live(ticket: ticket, key: claim.key, order: claim.order))
                case .unavailable: Issue.record("unavailable")
                default: break
                }
            }
            open.removeAll { $0.answer.value != nil }
            for (answer, key) in settlements {
                guard case .settled(let transaction, _) = answer.value else { continue }
                #expect(paid[key] == nil || paid[key] == transaction, "charged twice")
                paid[key] = transaction
            }
            settlements.removeAll { $0.answer.value != nil }
            live.removeAll { desk.core.inFlight[$0.ticket.id.row]?.attempt != $0.ticket.here }
        }

        func expectTrueBooks(_ place: String) throws {
            let core = desk.core
            #expect(live.count == core.inFlight.count, "\(place): an exchange is in nobody's hands")
            var waiting = 0
            for wallet in core.wallets.values {
                for order in SettleOrder.allCases {
                    let running = wallet.inFlight.filter { $0.leaseOrder == order }.count
                    let parked = core.awaiting.values.joined().filter { presentation in
                        guard case .awaiting(_, let holdsLease) = presentation.place, holdsLease else { return false }
                        return presentation.admission.order == order
                            && presentation.admission.key.wallet == wallet.wallet
                    }.count
                    #expect(wallet.leases[order] == running + parked, "\(place): a lease leaked")
                    #expect(wallet.leases[order] <= (order == .after ? 1 : 3), "\(place): too many leases")
                    #expect(wallet.queues[order].count <= 4, "\(place): too long a queue")
                    waiting += wallet.queues[order].count
                }
                for entry in wallet.inFlight {
                    let balance = try core.sandboxBalance(entry.claim.key, decimals: 0).balance
                    #expect(
                        wallet.reservedAtomic(of: entry.claim.key.asset, inSandbox: true) <= balance,
                        "\(place): money for less")
                    #expect(try core.store.claim(entry.claim.key) == entry.claim, "\(place): memory and disk differ")
                }
            }
            waiting += core.awaiting.values.joined().count
            #expect(core.waitingByToken.count == waiting, "\(place): somebody waits nowhere")
            #expect(core.wallets.values.allSatisfy { !$0.isIdle }, "\(place): an idle wallet is kept")
        }

        func crash() throws {
            desk = try Desk(
                disk: desk.disk.reboot(chance(50) ? .none : .some(seed: random.next())), clock: desk.clock)
            live = []
            open = []
            settlements = []
        }

        func expectPaymentsKept(_ place: String) throws {
            for (key, transaction) in paid {
                let claim = try desk.core.store.claim(key)
                #expect(
                    claim?.transaction == transaction && claim?.machine.isPaid == true, "\(place): a payment is lost")
            }
            try CrashTests.expectConserved(desk.core.store.database, place)
        }
    }

    @Test(arguments: 1...10) func anyOrderOfEvents(seed: Int) throws {
        let world = try World(seed: UInt64(seed))
        for step in 0..<150 {
            let place = "seed \(seed) step \(step)"
            world.desk.together {
                for _ in 0..<world.pick(1...3) {
                    switch world.pick(0...99) {
                    case 0..<45: world.admit()
                    case 45..<85: world.act()
                    case 85..<90:
                        if let (_, token, _) = world.open.randomElement(using: &world.random) {
                            world.desk.callerGone(token)
                            world.left.insert(token)
                        }
                    default: world.desk.clock.pass(milliseconds: world.pick(1...4000))
                    }
                }
            }
            try world.listen()
            try world.expectTrueBooks(place)
            if world.chance(1) {
                try world.crash()
                try world.expectPaymentsKept(place)
            }
        }
        // Everybody comes to an end, by time and by their exchanges.
        for _ in 0..<200 where !world.open.isEmpty || !world.live.isEmpty {
            for exchange in world.live { world.desk.ended(exchange.ticket, .undelivered(noRequestByteWritten: false)) }
            world.desk.pass(milliseconds: 5000)
            try world.listen()
            world.open.removeAll { world.left.contains($0.token) }
        }
        #expect(world.open.isEmpty && world.live.isEmpty, "seed \(seed): somebody waits for ever")
        world.desk.expectIdle()
        try world.expectPaymentsKept("seed \(seed), end")
        #expect(world.paid.count > 0)
    }
}
