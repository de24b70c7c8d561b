import CrashDisk
import Testing

@testable import Ledger

/// Payers, exchanges and a money loop around one ledger and one model chain, moved in random steps from a seed.
final class ChainWorld {
    /// One exchange with a ticket.
    final class Live {
        let ticket: Ticket
        let admission: Admission
        /// The one that is paid for: a rerun's is the former claim's.
        let row: Int64
        var isAsked = false
        var isPaid: Bool

        init(_ ticket: Ticket, _ admission: Admission, isPaid: Bool) {
            (self.ticket, self.admission, self.isPaid) = (ticket, admission, isPaid)
            row = ticket.id.row
        }
    }

    var random: SplitMix
    /// Without reorganizations, and nobody but us and strangers after us uses an authorization: then reservations are exact.
    let isCalm: Bool
    var desk: Desk
    var chain = ModelChain()
    var live: [Live] = []
    var holds: [(hold: LeaseHold, admission: Admission, balance: UInt128?)] = []
    /// Told when answered; true when done with.
    var listening: [() throws -> Bool] = []
    var tokens: [AdmissionToken] = []
    var relayerNonce = 0
    var strangers = 0
    /// Transactions that carried several claims.
    var batches = 0
    /// Whom callers were told to be settled.
    var paid: Set<ClaimKey> = []
    var deliveries: [Int64: Int] = [:]

    init(seed: UInt64, isCalm: Bool) throws {
        random = SplitMix(state: seed)
        self.isCalm = isCalm
        desk = try Desk()
        for wallet in 1...3 { chain.fund(Wallet(chain: "eip155:84532", payer: Pay.bytes20(wallet)), 6) }
    }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    var now: Int64 { desk.clock.unixSeconds() }

    // MARK: Payers

    func admit() {
        let nonce = pick(1...60)
        var admission = VerificationTests.chain(
            wallet: 1 + nonce % 3, nonce: nonce, binding: 1 + nonce % 7, order: nonce % 4 == 0 ? .after : .first,
            amount: UInt128(1 + nonce % 3))
        admission.validBefore = Pay.now + Int64(100 + nonce * 20)
        admission.inFlightPerWallet = admission.order == .after ? 1 : 3
        admission.leaseQueue = 4
        admission.isIdempotent = nonce % 2 == 0
        let (answer, token) = desk.admitted(admission)
        tokens.append(token)
        listen(answer, admission)
    }

    func listen(_ answer: Answer<Admitted>, _ admission: Admission) {
        listening.append { [self] in
            guard let value = answer.value else { return false }
            switch value {
            case .verify(let hold): holds.append((hold, admission, nil))
            case .claimed(let ticket):
                #expect(!paid.contains(admission.key), "a paid nonce was claimed again")
                live.append(Live(ticket, admission, isPaid: false))
            case .redeemed(let ticket, _, _): live.append(Live(ticket, admission, isPaid: true))
            case .unavailable(let reason): Issue.record("\(reason)")
            case .refused, .stillInFlight, .pending, .leaseBusy, .bounded, .denied, .outcomeUnknown, .stored,
                .idConflict:
                break
            case .review: Issue.record("nothing is reviewed here")
            }
            return true
        }
    }

    /// Looks at a payment in verification, or comes back from having looked.
    func verify() {
        guard let at = holds.indices.randomElement(using: &random) else { return }
        guard let balance = holds[at].balance else {
            holds[at].balance = chain.balance(holds[at].admission.key.wallet)
            return
        }
        let (hold, admission, _) = holds.remove(at: at)
        switch pick(0...9) {
        case 0: desk.release(hold)
        case 1: break
        default: listen(desk.claim(hold, balance: balance), admission)
        }
    }

    // MARK: Exchanges

    func act() {
        guard let at = live.indices.randomElement(using: &random) else { return }
        let exchange = live[at]
        if exchange.isPaid {
            switch pick(0...5) {
            case 0...3: end(exchange, .delivered)
            case 4: end(exchange, .undelivered(noRequestByteWritten: chance(50)))
            default: lose(exchange)
            }
        } else if exchange.isAsked {
            if chance(10) { lose(exchange) } else if chance(20) { desk.callerGone(exchange.ticket.token) }
        } else {
            switch pick(0...9) {
            case 0...3: send(exchange)
            case 4...6:
                let company = live.filter { !$0.isPaid && !$0.isAsked && $0 !== exchange && chance(70) }
                if company.isEmpty { send(exchange) } else { sendTogether([exchange] + company.prefix(5)) }
            case 7: end(exchange, .uncharged(reason: "upstream_500"))
            case 8: desk.callerGone(exchange.ticket.token)
            default: lose(exchange)
            }
        }
    }

    private func end(_ exchange: Live, _ end: ExchangeEnd) {
        live.removeAll { $0 === exchange }
        if case .delivered = end { deliveries[exchange.row, default: 0] += 1 }
        desk.ended(exchange.ticket, end)
    }

    private func lose(_ exchange: Live) {
        live.removeAll { $0 === exchange }
        exchange.ticket.didEnd()
        desk.post(.lost(exchange.ticket.here))
    }

    private func send(_ exchange: Live) {
        exchange.isAsked = true
        relayerNonce += 1
        let transaction = Pay.transaction(relayerNonce)
        let answer = desk.sending(exchange.ticket, transaction)
        listening.append { [self] in
            guard let value = answer.value else { return false }
            // Now and then it gets lost on the way: the watcher sends it again.
            if case .go = value {
                if chance(80) { broadcast(transaction, exchange.admission) }
            } else {
                wasRefused(exchange, value)
            }
            return true
        }
    }

    /// One transaction for all of them; where some cannot go, another for the rest.
    private func sendTogether(_ exchanges: [Live]) {
        for exchange in exchanges { exchange.isAsked = true }
        relayerNonce += 1
        let transaction = Pay.transaction(relayerNonce)
        let answer = desk.sending(exchanges.map(\.ticket), together: transaction)
        listening.append { [self] in
            guard let value = answer.value else { return false }
            switch value {
            case .go:
                batches += 1
                if chance(80) {
                    chain.broadcast(
                        transaction.hash.hex,
                        exchanges.map(\.admission).map {
                            ModelChain.Payment(key: $0.key, amount: $0.amountAtomic, validBefore: $0.validBefore)
                        })
                }
            case .without(let refused):
                for (place, sending) in refused { wasRefused(exchanges[place], sending) }
                let rest = exchanges.indices.filter { refused[$0] == nil }.map { exchanges[$0] }
                if rest.count > 1 { sendTogether(rest) } else { rest.forEach(send) }
            case .unavailable(let reason): Issue.record("\(reason)")
            }
            return true
        }
    }

    private func wasRefused(_ exchange: Live, _ sending: Sending) {
        switch sending {
        case .go: Issue.record("nothing was written")
        case .alreadyPaid: told(.settled(transaction: "", mayForward: true), exchange.row)
        case .refused: over(exchange.row)
        case .unavailable:
            // Evidence that it failed came before.
            exchange.ticket.didEnd()
            over(exchange.row)
        }
    }

    private func broadcast(_ transaction: SentTransaction, _ admission: Admission) {
        chain.broadcast(
            transaction.hash.hex, admission.key, amount: admission.amountAtomic, validBefore: admission.validBefore)
    }

    private func over(_ row: Int64) { live.removeAll { $0.row == row } }

    private func told(_ settlement: Settlement, _ row: Int64) {
        guard let exchange = live.first(where: { $0.row == row }) else { return }
        switch settlement {
        case .settled:
            exchange.isPaid = true
            if let claim = try? desk.core.store.claim(row: row) { paid.insert(claim.key) }
        case .refused, .pending: over(row)
        case .unavailable: Issue.record("unavailable")
        }
    }

    // MARK: The chain, and who watches it

    func watch() {
        for watched in desk.watched() where chance(30) { look(at: watched) }
    }

    func look(at watched: WatchedClaim) {
        let claim = watched.claim
        if let use = chain.used[claim.key] {
            // Taken back, and another transaction has it now.
            if claim.machine.isPaid && claim.reorganizedAt == nil && claim.transaction != use.transaction {
                say(.reorganized, claim)
            }
            let isKnown = claim.machine.isPaid && claim.evidenceBlock == use.block && claim.reorganizedAt == nil
            if !isKnown || chance(10) { say(.settled(transaction: use.transaction, block: use.block), claim) }
            if isKnown && use.block + ModelChain.finalAfter <= chain.head { say(.final, claim) }
        } else if claim.machine.isPaid && claim.reorganizedAt == nil {
            say(.reorganized, claim)
        } else if now >= claim.validBefore {
            say(claim.machine.isPaid || claim.state == .failed ? .final : .refused(code: "expired"), claim)
        } else {
            if chance(10) { say(.unknown(transaction: nil), claim) }
            for transaction in watched.transactions where chance(50) { broadcastAgain(transaction) }
        }
    }

    /// The same bytes, whoever of their claims is looked at.
    private func broadcastAgain(_ transaction: SentTransaction) {
        let carried = desk.watched().filter { $0.transactions.contains(transaction) }
        for watched in carried {
            #expect(watched.batchCount >= carried.count && watched.place < watched.batchCount)
        }
        #expect(Set(carried.map(\.place)).count == carried.count, "two claims have one place")
        chain.broadcast(
            transaction.hash.hex,
            carried.map {
                ModelChain.Payment(
                    key: $0.claim.key, amount: $0.claim.amountAtomic, validBefore: $0.claim.validBefore)
            })
    }

    private func say(_ evidence: Evidence, _ claim: ClaimRecord) {
        let answer = desk.learn(evidence, of: claim.id)
        listening.append { [self] in
            guard let value = answer.value else { return false }
            if case .settlement(let settlement) = value { told(settlement, claim.id.row) }
            return true
        }
    }

    /// Somebody else submits what he could read: from `sent` on anybody, the payer himself at any time.
    func frontRun() {
        let candidates = live.filter { !$0.isPaid && ($0.isAsked || !isCalm) }
        guard let exchange = candidates.randomElement(using: &random) else { return }
        strangers += 1
        let admission = exchange.admission
        chain.broadcast(
            "0xstranger\(strangers)", admission.key, amount: admission.amountAtomic,
            validBefore: admission.validBefore)
    }

    func mine() {
        let pool = chain.pool.keys.sorted().shuffled(using: &random)
        chain.mine(Array(pool.prefix(pick(0...4))), now: now)
    }

    func reorganize() {
        var again: [String: [ModelChain.Payment]] = [:]
        for use in chain.reorganize() {
            guard let claim = try? desk.core.store.claim(use.key) else { continue }
            let payment = ModelChain.Payment(
                key: use.key, amount: claim.amountAtomic, validBefore: claim.validBefore)
            again[use.transaction, default: []].append(payment)
        }
        for (transaction, payments) in again { chain.broadcast(transaction, payments) }
    }

    // MARK: Time

    func hear() throws {
        while true {
            let before = listening
            listening = []
            let left = try before.filter { try !$0() }
            let isQuiet = listening.isEmpty && left.count == before.count
            listening = left + listening
            if isQuiet { break }
        }
        live.removeAll { desk.core.inFlight[$0.ticket.id.row]?.attempt != $0.ticket.here }
        holds.removeAll { desk.core.held[$0.hold.token] == nil }
    }

    func crash() throws {
        (live, holds, listening, tokens) = ([], [], [], [])
        desk = try Desk(disk: desk.disk.reboot(chance(50) ? .none : .some(seed: random.next())), clock: desk.clock)
        // An end that was not on disk may be had once more, uncharged.
        for row in deliveries.keys where try desk.core.store.claim(row: row)?.state != .delivered {
            deliveries[row] = 0
        }
    }
}
