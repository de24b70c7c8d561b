import Bytes
import Chains
import OnChain
import Testing

/// Payments, strangers, losses, reorganizations, lagging nodes and restarts in random order, before a model chain: nothing is
/// called settled that is not, everything that is settled is found, and no nonce serves two claims.
@Suite struct ChainModelTests {
    @Test func holdsInEveryOrder() {
        var seen: Set<String> = []
        for seed in 1...30 {
            var world = ModelWorld(seed: UInt64(seed))
            for _ in 0..<200 { world.step() }
            world.comeToRest()
            #expect(world.faults == [], "seed \(seed)")
            seen.formUnion(world.seen)
        }
        let wanted: Set<String> = [
            "settled", "refused reverted", "refused windowOver", "refused canceled", "refused usedElsewhere", "unknown",
            "reorganized", "final", "replacement", "freeing", "settled by a stranger", "settled in a batch",
            "refused in a batch", "a batch partly settled", "a batch reverted", "a batch replaced",
            "a stranger settled one of a batch",
        ]
        #expect(seen.isSuperset(of: wanted), "\(wanted.subtracting(seen))")
    }
}

/// The driver's part, as a model: one relayer, one ledger, one node that may be wrong.
struct ModelWorld {
    private enum Standing { case sent, settled, refused }

    private struct Claim {
        var rows: [RelayTransaction] = []
        var standing = Standing.sent
        var isFinal = false
        var confirmations: UInt64
        var sinceBlock: UInt64
        var share = BatchShare.whole
        var gasWei: UInt128?
    }

    private(set) var faults: [String] = []
    private(set) var seen: Set<String> = []
    private var random: ModelRandom
    private var chain = ModelChain()
    private var queue = RelayerQueue(address: Sample.relayer, policy: FeePolicy(capWei: 1_000_000))
    private var list = Watchlist()
    private var claims: [Int64: Claim] = [:]
    private var now: UInt64 = 1_000
    private var lastClaim: Int64 = 0
    private var lastHash: UInt64 = 1 << 20
    private var wantsRecount = true
    /// Nothing goes wrong any more.
    private var isCalm = false

    init(seed: UInt64) { random = ModelRandom(seed: seed) }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<20: pay()
        case 20..<45: chain.mine(atMost: random.chance(80) ? 10 : random.chance(50) ? 1 : 0)
        case 45..<50: interfere()
        case 50..<53:
            chain.takeBack(Int.random(in: 1...5, using: &random), keepsTransactions: random.chance(50))
        case 53..<55: chain.pool = chain.pool.filter { _ in random.chance(50) }
        case 55..<57: restart()
        case 57..<60: now += UInt64.random(in: 5_000...40_000, using: &random)
        default: tick()
        }
    }

    /// The adversities end, windows and all.
    mutating func comeToRest() {
        isCalm = true
        for _ in 0..<400 {
            chain.mine(atMost: 100)
            now += 2_000
            tick()
        }
        for (id, claim) in claims.sorted(by: { $0.key < $1.key }) {
            let isPaid = chain.settlement(of: id) != nil
            if isPaid != (claim.standing == .settled) {
                fault("claim \(id) is \(claim.standing), paid on the chain: \(isPaid)")
            }
            if !claim.isFinal { fault("claim \(id) is not final") }
        }
        if queue.inFlight != 0 { fault("\(queue.inFlight) in flight") }
        if list.count != 0 { fault("\(list.count) watched") }
        var owner: [UInt64: Int64] = [:]
        for (id, claim) in claims {
            // One transaction's claims are one another's company, and nobody else's.
            let leader = claim.rows[0].claims[0]
            for row in claim.rows where owner.updateValue(leader, forKey: row.nonce).map({ $0 != leader }) ?? false {
                fault("nonce \(row.nonce) is of two transactions")
            }
            if Set(claim.rows.map(\.nonce)).count > 1 { fault("claim \(id) has several nonces") }
        }
        checkBatches()
    }

    private mutating func checkBatches() {
        for (id, claim) in claims where claim.rows[0].claims.first == id && claim.share.count > 1 {
            let members = claim.rows[0].claims.map { claims[$0]! }
            let settled = members.filter { $0.standing == .settled }
            if (1..<members.count).contains(settled.count) { seen.insert("a batch partly settled") }
            if claim.rows.count > 1 { seen.insert("a batch replaced") }
            let costs = members.compactMap(\.gasWei)
            if costs.count == members.count, Set(members.map { $0.rows.count }).count == 1,
                costs.reduce(0, +) != 1_000_003
            {
                fault("the shares of claim \(id)'s batch sum to \(costs.reduce(0, +))")
            }
        }
    }

    private mutating func fault(_ text: String) { faults.append(text) }

    // MARK: Payments

    private mutating func pay() {
        guard let head = list.head else { return }
        let count = random.chance(40) ? Int.random(in: 2...6, using: &random) : 1
        let ids = (1...count).map { lastClaim + Int64($0) }
        lastClaim += Int64(count)
        for id in ids {
            chain.transfers[id] = Sample.transfer(
                nonce: UInt64(id), payer: Sample.address(0xA00 + UInt64(id % 7)),
                validBefore: chain.head.block.timestamp + UInt64.random(in: 10...120, using: &random))
        }
        guard
            let unsigned = try? queue.take(
                RelayJob(
                    claims: ids, to: count > 1 ? Multicall3.address : Sample.token, call: [1], gasLimit: 100_000),
                now: now)
        else { return }
        let signed = sign(unsigned)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<5: perform(queue.on(.withdrawn(nonce: signed.nonce), now: now))
        case 5..<8: perform(queue.on(.abandoned(nonce: signed.nonce), now: now))
        default:
            // A stranger may have had one before, and another may take all gas.
            if random.chance(count > 1 ? 20 : 5) {
                chain.submit(ids.randomElement(using: &random)!, .settle)
                chain.mine(atMost: 10)
            }
            if random.chance(5) {
                chain.griefers[ids.randomElement(using: &random)!] = random.chance(50) ? .whole : .fromHereOn
            }
            for (place, id) in ids.enumerated() {
                let claim = Claim(
                    rows: [signed], confirmations: random.chance(70) ? 1 : 3,
                    sinceBlock: min(head.number, chain.head.block.number),
                    share: BatchShare(place: place, of: count))
                claims[id] = claim
                list.add(order(id, claim, deadline: now + 20_000), now: now)
            }
            perform(queue.on(.durable(signed.hash), now: now))
        }
    }

    private func order(_ id: Int64, _ claim: Claim, deadline: UInt64?) -> WatchOrder {
        var standing = WatchOrder.Standing.open
        if claim.standing == .settled { standing = .settled }
        if claim.standing == .refused { standing = .refused }
        return WatchOrder(
            claim: id, transfer: chain.transfers[id]!, confirmations: claim.confirmations,
            sinceBlock: claim.sinceBlock, deadline: deadline, standing: standing,
            sender: WatchOrder.Sender(relayer: Sample.relayer, nonce: claim.rows[0].nonce),
            hashes: claim.rows.map(\.hash), share: claim.share)
    }

    private mutating func interfere() {
        guard let id = claims.keys.sorted().suffix(6).randomElement(using: &random) else { return }
        chain.submit(id, random.chance(60) ? .settle : random.chance(50) ? .useElsewhere : .cancel)
    }

    private mutating func sign(_ unsigned: UnsignedTransaction) -> RelayTransaction {
        lastHash += 1
        let signed = RelayTransaction(
            claims: unsigned.claims, nonce: unsigned.nonce, to: unsigned.to, call: unsigned.call,
            gasLimit: unsigned.gasLimit, fees: unsigned.fees, hash: Sample.word(lastHash), raw: [])
        queue.signed(signed, now: now)
        return signed
    }

    private mutating func perform(_ actions: [QueueAction]) {
        for action in actions {
            switch action {
            case .broadcast(let transaction):
                if !isCalm && random.chance(10) {
                    if random.chance(50) { _ = chain.take(transaction) }
                    perform(queue.on(.answered(transaction.hash, .unreachable), now: now))
                } else if !isCalm && random.chance(5) {
                    perform(queue.on(.answered(transaction.hash, .accepted), now: now))
                } else {
                    perform(queue.on(.answered(transaction.hash, chain.take(transaction)), now: now))
                }
            case .sign(let unsigned):
                seen.insert("\(unsigned.kind)")
                let signed = sign(unsigned)
                for id in unsigned.claims where claims[id] != nil {
                    claims[id]!.rows.append(signed)
                    list.add(hash: signed.hash, to: id)
                }
                perform(queue.on(.durable(signed.hash), now: now))
            case .recount: wantsRecount = true
            case .restore: perform(queue.on(.restored(rows), now: now))
            }
        }
    }

    /// As the ledger gives them: each once, with those of its claims that are watched still.
    private var rows: [RelayTransaction] {
        var found: [Bytes32: RelayTransaction] = [:]
        for (id, claim) in claims where !claim.isFinal {
            for row in claim.rows {
                found[row.hash] = RelayTransaction(
                    claims: (found[row.hash]?.claims ?? []) + [id], nonce: row.nonce, to: row.to, call: row.call,
                    gasLimit: row.gasLimit, fees: row.fees, hash: row.hash, raw: row.raw)
            }
        }
        return Array(found.values)
    }

    private mutating func restart() {
        queue = RelayerQueue(address: Sample.relayer, policy: queue.policy)
        list = Watchlist()
        wantsRecount = true
        perform(queue.on(.restored(rows), now: now))
        for (id, claim) in claims.sorted(by: { $0.key < $1.key }) where !claim.isFinal {
            list.add(order(id, claim, deadline: nil), now: now)
            if claim.standing != .sent { _ = queue.on(.over(claim: id), now: now) }
        }
    }

    // MARK: Ticks

    private mutating func tick() {
        now += 500
        // A node may be some blocks behind.
        let behind = !isCalm && random.chance(15) ? Int.random(in: 1...3, using: &random) : 0
        let height = max(1, chain.blocks.count - behind)
        let probe = list.probe(now: now)
        let answers = chain.answer(probe, seen: height)
        tell(list.take(answers, to: probe, now: now))
        if !list.heads.isLost, list.head?.hash == answers.latest?.hash, let count = answers.counts[Sample.relayer] {
            _ = queue.on(.priced(GasPrice(baseFeeWei: 100, priorityFeeWei: 10)), now: now)
            let pending = chain.pool.keys.max().map { max($0 + 1, count) } ?? count
            perform(queue.on(.counted(latest: count, pending: wantsRecount ? pending : nil), now: now))
            wantsRecount = false
        }
        let plan = list.plan(now: now)
        let answersScan = isCalm || random.chance(85)
        tell(list.take(chain.answer(plan, seen: height, answersScan: answersScan), to: plan, now: now))
        for audit in plan.audits {
            let said = [chain.answer(audit, seen: chain.blocks.count), chain.answer(audit, seen: height), nil]
            tell(list.audited(audit, said, now: now))
        }
        tell(list.expired(now: now))
        perform(queue.on(.turn, now: now))
    }

    private mutating func tell(_ outcomes: [WatchOutcome]) {
        for outcome in outcomes {
            switch outcome {
            case .settled(let id, let place, let gasWei):
                claims[id]!.gasWei = gasWei ?? claims[id]!.gasWei
                settled(id, place)
            case .refused(let id, let reason, let gasWei):
                claims[id]!.gasWei = gasWei ?? claims[id]!.gasWei
                seen.insert("refused \(reason)")
                if claims[id]!.share.count > 1 { noteRefusedInBatch(id, reason) }
                if claims[id]!.standing == .settled, chain.settlement(of: id) != nil {
                    fault("claim \(id) is paid and refused")
                }
                claims[id]!.standing = .refused
                _ = queue.on(.over(claim: id), now: now)
            case .unknown: seen.insert("unknown")
            case .reorganized(let id):
                seen.insert("reorganized")
                if claims[id]!.standing != .settled { fault("claim \(id) was not settled and is taken back") }
            case .final(let id):
                seen.insert("final")
                if claims[id]!.isFinal { fault("claim \(id) is final twice") }
                claims[id]!.isFinal = true
                _ = queue.on(.over(claim: id), now: now)
            }
        }
    }

    private mutating func noteRefusedInBatch(_ id: Int64, _ reason: WatchRefusal) {
        if reason == .reverted { seen.insert("refused in a batch") }
        let receipts = claims[id]!.rows.compactMap { row in chain.blocks.lazy.compactMap { $0.receipts[row.hash] }.first
        }
        if receipts.contains(where: { !$0.succeeded }) { seen.insert("a batch reverted") }
    }

    private mutating func settled(_ id: Int64, _ place: ChainPlace) {
        seen.insert("settled")
        let isBatch = claims[id]!.share.count > 1
        if claims[id]!.rows.contains(where: { $0.hash == place.transaction }) {
            if isBatch { seen.insert("settled in a batch") }
        } else {
            seen.insert(isBatch ? "a stranger settled one of a batch" : "settled by a stranger")
        }
        guard let block = chain.settlement(of: id), block.block.number == place.block,
            block.block.hash == place.blockHash, block.receipts[place.transaction] != nil
        else { return fault("claim \(id) is called settled and is not") }
        let depth = chain.head.block.number - place.block + 1
        if claims[id]!.standing != .settled && depth < claims[id]!.confirmations {
            fault("claim \(id) is called settled at \(depth) of \(claims[id]!.confirmations) confirmations")
        }
        claims[id]!.standing = .settled
        _ = queue.on(.over(claim: id), now: now)
    }
}
