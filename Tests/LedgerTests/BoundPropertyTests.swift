import CrashDisk
import Testing

@testable import Ledger

/// The ledger's windows beside sums that are made anew from a list each time: random payments, ends, evidence, restarts, clocks that are
/// set, and revisions that change windows and limits.
@Suite struct BoundPropertyTests {
    /// One claim as the list knows it; whether it counts is read from its state.
    struct Noted {
        let admission: Admission
        var second: Int64
        var ticket: Ticket?
    }

    struct Bound {
        let code: BoundRefusal.Code
        let limit: UInt128
        let seconds: Int64
    }

    final class World {
        var random: SplitMix
        var desk: Desk
        var noted: [ClaimKey: Noted] = [:]
        var policies: [BoundPolicy] = []
        var nonce = 0
        var startSecond: Int64
        var startNanoseconds: UInt64
        var bounded = 0

        init(seed: UInt64) throws {
            random = SplitMix(state: seed)
            desk = try Desk()
            startSecond = desk.clock.unixSeconds()
            startNanoseconds = desk.clock.monotonicNanoseconds()
            revise()
        }

        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        func chance(_ percent: Int) -> Bool { pick(0...99) < percent }

        var now: Int64 {
            startSecond + Int64((desk.clock.monotonicNanoseconds() - startNanoseconds) / 1_000_000_000)
        }

        func revise() {
            func rate(_ most: Int) -> RateBound? {
                chance(60) ? RateBound(count: pick(0...most), windowSeconds: Int64(pick(1...50))) : nil
            }
            func spend(_ most: Int) -> SpendBound? {
                chance(60)
                    ? SpendBound(
                        attodollars: UInt128(pick(1...most)) * 1_000_000_000_000, windowSeconds: Int64(pick(1...50)))
                    : nil
            }
            policies = ["one", "two", "three"].map {
                BoundPolicy(
                    name: $0, walletRate: rate(6), walletSpend: spend(15), everyoneRate: rate(15),
                    everyoneSpend: spend(40))
            }
        }

        // MARK: The naive sums

        func sum(_ bound: Bound, of admission: Admission, _ policy: String, at time: Int64) throws -> UInt128 {
            var sum: UInt128 = 0
            for (key, one) in noted where one.second > time - bound.seconds {
                let ofWallet = bound.code == .walletRate || bound.code == .walletSpend
                guard (one.admission.facilitator == .sandbox) == (admission.facilitator == .sandbox),
                    one.admission.bounds.contains(where: { $0.name == policy }),
                    !ofWallet || key.wallet == admission.key.wallet,
                    let state = try desk.core.store.claim(key)?.state, state != .void, state != .failed
                else { continue }
                sum += bound.code.isSpend ? one.admission.amountAtomic * 1_000_000_000_000 : 1
            }
            return sum
        }

        func expected(_ admission: Admission) throws -> String {
            var answer = "claimed"
            var longest = 0
            for policy in admission.bounds {
                let bounds = [
                    policy.walletRate.map {
                        Bound(code: .walletRate, limit: UInt128($0.count), seconds: $0.windowSeconds)
                    },
                    policy.walletSpend.map {
                        Bound(code: .walletSpend, limit: $0.attodollars, seconds: $0.windowSeconds)
                    },
                    policy.everyoneRate.map {
                        Bound(code: .everyoneRate, limit: UInt128($0.count), seconds: $0.windowSeconds)
                    },
                    policy.everyoneSpend.map {
                        Bound(code: .everyoneSpend, limit: $0.attodollars, seconds: $0.windowSeconds)
                    },
                ]
                for bound in bounds.compactMap({ $0 }) {
                    let wanted = bound.code.isSpend ? admission.amountAtomic * 1_000_000_000_000 : 1
                    let used = try sum(bound, of: admission, policy.name, at: now)
                    if used + wanted <= bound.limit { continue }
                    var wait = Int.max
                    if wanted <= bound.limit {
                        wait = 1
                        while try sum(bound, of: admission, policy.name, at: now + Int64(wait)) + wanted > bound.limit {
                            wait += 1
                        }
                    }
                    if wait <= longest { continue }
                    longest = wait
                    let left = bound.limit - min(used, bound.limit)
                    answer =
                        "bounded \(bound.code.rawValue) \(policy.name) left "
                        + (bound.code.isSpend ? Attodollars.text(left) : "\(left)")
                        + (wait == .max ? " never" : " in \(wait)")
                }
            }
            return answer
        }

        // MARK: What happens

        func pay() throws {
            var admission: Admission
            if chance(15), let key = noted.keys.randomElement(using: &random),
                try desk.core.store.claim(key)?.state == .void, let old = noted[key]
            {
                admission = old.admission
            } else {
                nonce += 1
                admission = BoundTests.pay(wallet: pick(1...3), nonce: nonce, amount: UInt128(pick(1...6)), [])
                admission.facilitator = chance(60) ? .chain : .sandbox
            }
            admission.order = chance(50) ? .first : .after
            admission.assetDecimals = 6
            admission.bounds = policies.filter { _ in chance(70) }.shuffled(using: &random)
            let expected = try expected(admission)
            var answer = desk.admit(admission)
            if let hold = answer.hold { answer = desk.claim(hold, balance: .max) }
            #expect(answer.text == expected)
            if expected != "claimed" { bounded += 1 }
            if let ticket = answer.ticket {
                noted[admission.key] = Noted(admission: admission, second: now, ticket: ticket)
            }
        }

        func act() throws {
            guard let key = noted.keys.randomElement(using: &random), let one = noted[key] else { return }
            guard let ticket = one.ticket, desk.core.inFlight[ticket.id.row] != nil else {
                if let claim = try desk.core.store.claim(key), chance(50) {
                    let evidence: Evidence =
                        chance(50) ? .settled(transaction: "0x9", block: 1) : .refused(code: "no")
                    _ = desk.learn(evidence, of: claim.id)
                }
                return
            }
            let isChain = one.admission.facilitator == .chain
            switch pick(0...7) {
            case 0, 1: desk.ended(ticket, .uncharged(reason: "down"))
            case 2: desk.post(.lost(ticket.here))
            case 3: desk.ended(ticket, chance(50) ? .delivered : .undelivered(noRequestByteWritten: true))
            case 4: if isChain { _ = desk.sending(ticket, Pay.transaction(Int(ticket.id.row))) }
            case 5, 6:
                if isChain {
                    _ = desk.learn(.settled(transaction: "0x8", block: 1), of: ticket.id)
                } else {
                    _ = one.admission.order == .first ? desk.settle(ticket) : desk.answered(ticket)
                }
            default:
                _ = desk.learn(chance(50) ? .refused(code: "no") : .unknown(transaction: nil), of: ticket.id)
            }
        }

        func redeem() throws {
            for (key, one) in noted {
                guard let claim = try desk.core.store.claim(key), claim.state == .owed, claim.reruns < 3,
                    let owedAt = claim.owedAt, owedAt >= desk.clock.unixSeconds() - 600,
                    claim.facilitator != .sandbox || one.admission.facilitator == .sandbox
                else { continue }
                nonce += 1
                var admission = one.admission
                admission.key = BoundTests.pay(nonce: nonce, []).key
                admission.key = ClaimKey(
                    chain: key.chain, asset: key.asset, payer: key.payer, nonce: Pay.bytes32(nonce))
                admission.bounds = policies
                let answer = desk.admit(admission)
                #expect(answer.text.hasPrefix("redeemed"))
                if let ticket = answer.ticket { desk.ended(ticket, .undelivered(noRequestByteWritten: false)) }
                return
            }
        }

        func restart() throws {
            // Rows of ends may be lost with the power: what is on disk is what counts.
            desk = try Desk(disk: desk.disk.reboot(chance(50) ? .all : .none), clock: desk.clock)
            startSecond = max(desk.clock.unixSeconds(), noted.values.map(\.second).max() ?? 0)
            startNanoseconds = desk.clock.monotonicNanoseconds()
            for key in noted.keys { noted[key]?.ticket = nil }
            if chance(50) { try desk.core.store.tally.open(policies) }
        }
    }

    @Test(arguments: 1...10) func windowsAreExact(seed: Int) throws {
        let world = try World(seed: UInt64(seed))
        for _ in 0..<250 {
            switch world.pick(0...99) {
            case 0..<45: try world.pay()
            case 45..<65: try world.act()
            case 65..<69: try world.redeem()
            case 69..<92: world.desk.pass(milliseconds: world.pick(1...9000))
            case 92..<95: world.desk.clock.jump(seconds: Int64(world.pick(-300...300)))
            case 95..<97: world.revise()
            default: try world.restart()
            }
        }
        #expect(world.bounded > 10 && world.noted.count > 10, "seed \(seed) shows nothing")
    }

    /// The histories that were kept in step are those that the rows give.
    @Test(arguments: 1...6) func historiesAreExact(seed: Int) throws {
        let world = try World(seed: UInt64(1000 + seed))
        world.policies = []
        for _ in 0..<250 {
            switch world.pick(0...9) {
            case 0..<4: try world.pay()
            case 4..<8: try world.act()
            case 8: world.desk.pass(milliseconds: world.pick(1...9000))
            default: try world.redeem()
            }
            if world.chance(2) { try world.restart() }
            let isPlay = world.chance(50)
            let wallet = BoundTests.pay(wallet: world.pick(1...3), nonce: 1, []).key.wallet
            var naive = WalletHistory()
            for (key, one) in world.noted where key.wallet == wallet {
                guard (one.admission.facilitator == .sandbox) == isPlay,
                    let claim = try world.desk.core.store.claim(key)
                else { continue }
                if claim.machine.isPaid {
                    naive.settled += 1
                    naive.spentAttodollars += one.admission.amountAtomic * 1_000_000_000_000
                    naive.firstSettledAt = min(naive.firstSettledAt ?? .max, one.second)
                } else if claim.state == .failed {
                    naive.failed += 1
                }
            }
            #expect(try world.desk.core.store.tally.history(of: wallet, isPlay: isPlay) == naive)
        }
    }
}
