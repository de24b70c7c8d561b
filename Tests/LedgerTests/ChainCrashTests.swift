import CSQLite
import CrashDisk
import Testing

@testable import Ledger

/// Power lost and writes failed at every single operation of payments on a chain that runs on meanwhile.
@Suite struct ChainCrashTests {
    /// What was told to the money loop and to callers, which no crash may make untrue, and the chain, which no crash undoes.
    final class Outside {
        var chain = ModelChain()
        /// By the hash of what may be public.
        var broadcast: [String: [ClaimKey]] = [:]
        var paid: [ClaimKey: String] = [:]

        func send(_ desk: Desk, _ ticket: Ticket, _ admission: Admission, _ nonce: Int) {
            guard desk.sending(ticket, Pay.transaction(nonce)).text == "go" else { return }
            publish(Pay.transaction(nonce), admission)
        }

        func replace(_ desk: Desk, _ ticket: Ticket, _ admission: Admission, _ nonce: Int) {
            let transaction = Pay.transaction(nonce, replacement: 1)
            if desk.replacing(ticket.id, transaction).value == true { publish(transaction, admission) }
        }

        func sendTogether(_ desk: Desk, _ claims: [(ticket: Ticket, admission: Admission)], _ nonce: Int) {
            guard desk.sending(claims.map(\.ticket), together: Pay.transaction(nonce)).text == "go" else { return }
            publish(Pay.transaction(nonce), claims.map(\.admission))
        }

        func replace(_ desk: Desk, _ claims: [(ticket: Ticket, admission: Admission)], _ nonce: Int) {
            let transaction = Pay.transaction(nonce, replacement: 1)
            guard let last = claims.last, desk.replacing(last.ticket.id, transaction).value == true else { return }
            publish(transaction, claims.map(\.admission))
        }

        private func publish(_ transaction: SentTransaction, _ admissions: [Admission]) {
            broadcast[transaction.hash.hex] = admissions.map(\.key)
            chain.broadcast(
                transaction.hash.hex,
                admissions.map {
                    ModelChain.Payment(key: $0.key, amount: $0.amountAtomic, validBefore: $0.validBefore)
                })
        }

        private func publish(_ transaction: SentTransaction, _ admission: Admission) {
            publish(transaction, [admission])
        }

        func learn(_ desk: Desk, _ evidence: Evidence, _ ticket: Ticket, _ admission: Admission) {
            if case .settlement(.settled(let transaction, _)) = desk.learn(evidence, of: ticket.id).value {
                paid[admission.key] = transaction
            }
        }

        /// Mines one payment and tells of it.
        func settle(_ desk: Desk, _ ticket: Ticket, _ admission: Admission) {
            chain.mine(
                chain.pool.filter { $0.value.contains { $0.key == admission.key } }.map(\.key).sorted(), now: Pay.now)
            guard let use = chain.used[admission.key] else { return }
            learn(desk, .settled(transaction: use.transaction, block: use.block), ticket, admission)
        }

    }

    static func admission(_ number: Int, _ order: SettleOrder = .after, as binding: Int? = nil) -> Admission {
        VerificationTests.chain(
            wallet: binding ?? number, nonce: number, binding: binding ?? number, order: order)
    }

    static func tryToClaim(_ desk: Desk, _ admission: Admission) -> Ticket? {
        desk.admit(admission).hold.flatMap { desk.claim($0).ticket }
    }

    /// A bit of everything; leaves claims in every state that a chain gives them.
    static func live(_ desk: Desk, _ outside: Outside) {
        for wallet in 1...20 { outside.chain.fund(admission(wallet).key.wallet, 5) }
        func claim(_ number: Int, _ order: SettleOrder = .after, as binding: Int? = nil) -> (Ticket, Admission)? {
            let admission = admission(number, order, as: binding)
            return tryToClaim(desk, admission).map { ($0, admission) }
        }
        if let (ticket, admission) = claim(1) {
            outside.send(desk, ticket, admission, 1)
            outside.settle(desk, ticket, admission)
            desk.ended(ticket, .delivered)
            desk.pass(milliseconds: 10)
            _ = desk.learn(.final, of: ticket.id)
        }
        if let (ticket, admission) = claim(2, .first) {
            outside.send(desk, ticket, admission, 2)
            outside.replace(desk, ticket, admission, 2)
            outside.settle(desk, ticket, admission)
            desk.ended(ticket, .undelivered(noRequestByteWritten: false))
            if let rerun = desk.admit(Self.admission(102, .first, as: 2)).ticket { desk.ended(rerun, .delivered) }
        }
        if let (ticket, admission) = claim(3) {
            outside.send(desk, ticket, admission, 3)
            _ = desk.learn(.unknown(transaction: nil), of: ticket.id)
            outside.replace(desk, ticket, admission, 3)
            outside.settle(desk, ticket, admission)
            _ = desk.learn(.reorganized, of: ticket.id)
        }
        if let (ticket, admission) = claim(4, .first) {
            outside.send(desk, ticket, admission, 4)
            _ = desk.learn(.unknown(transaction: nil), of: ticket.id)
        }
        if let (ticket, _) = claim(5) { _ = desk.learn(.refused(code: "reverted"), of: ticket.id) }
        if let (ticket, _) = claim(6, .first) { desk.ended(ticket, .uncharged(reason: "x")) }
        // Left in flight.
        if let (ticket, _) = claim(7, .first) { desk.held.append(ticket) }
        if let (ticket, _) = claim(8) { desk.held.append(ticket) }
        for (number, order) in [(9, SettleOrder.after), (10, .first)] {
            guard let (ticket, admission) = claim(number, order) else { continue }
            desk.held.append(ticket)
            outside.send(desk, ticket, admission, number)
        }
        for (number, order) in [(11, SettleOrder.after), (12, .first)] {
            guard let (ticket, admission) = claim(number, order) else { continue }
            desk.held.append(ticket)
            outside.send(desk, ticket, admission, number)
            outside.settle(desk, ticket, admission)
        }
        // Mined, and nobody has told the ledger.
        if let (ticket, admission) = claim(13) {
            desk.held.append(ticket)
            outside.send(desk, ticket, admission, 13)
            outside.chain.mine([Pay.transaction(13).hash.hex], now: Pay.now)
        }
        // Several in one transaction: replaced, one of them settled and told, the others mined and not told, or not mined at all.
        let company = [(15, SettleOrder.after), (16, .first), (17, .after)].compactMap { claim($0, $1) }
        desk.held += company.map(\.0)
        if company.count == 3 {
            outside.sendTogether(desk, company, 15)
            outside.replace(desk, company, 15)
            outside.settle(desk, company[1].0, company[1].1)
        }
        let waiting = [18, 19].compactMap { claim($0) }
        desk.held += waiting.map(\.0)
        if waiting.count == 2 { outside.sendTogether(desk, waiting, 18) }
        var remote = admission(14, .first)
        remote.facilitator = .remote("hosted")
        if let ticket = tryToClaim(desk, remote) {
            desk.held.append(ticket)
            if desk.sending(ticket, nil).text == "go" {
                outside.chain.broadcast("0xremote", remote.key, amount: 1, validBefore: remote.validBefore)
            }
        }
    }

    static func check(_ old: CrashDisk, _ outside: Outside, _ place: String, seed: Int) throws {
        let desk = try Desk(disk: old.reboot(seed % 4 == 0 ? .none : .some(seed: UInt64(seed) &* 7919)))
        let store = desk.core.store
        #expect(try store.database.value("PRAGMA integrity_check") == "ok", "\(place)")
        #expect(try store.database.value("PRAGMA foreign_key_check") == nil, "\(place)")
        for claim in try store.openClaims() { #expect(claim.state == .unknown, "\(place): \(claim.state)") }
        for (hash, key) in outside.broadcast.flatMap({ hash, keys in keys.map { (hash, $0) } }) {
            let claim = try #require(try store.claim(key), "\(place): sent and not known")
            #expect(
                claim.machine.isPaid || claim.state == .unknown || claim.state == .failed, "\(place): \(claim.state)")
            #expect(
                try store.transactions.all(of: claim.id.row).contains { $0.transaction.hash.hex == hash },
                "\(place): a transaction is public and not on disk")
        }
        for (key, transaction) in outside.paid {
            let claim = try #require(try store.claim(key))
            #expect(claim.machine.isPaid && claim.transaction == transaction, "\(place): a payment is lost")
        }
        try expectTruthIsFound(desk, outside, place, seed: seed)
    }

    /// The chain runs on, the watcher takes up what is watched, and everybody gets what he paid for.
    static func expectTruthIsFound(_ desk: Desk, _ old: Outside, _ place: String, seed: Int) throws {
        var chain = old.chain
        let pool = chain.pool.keys.sorted()
        chain.mine(
            pool.enumerated().filter { ($0.offset + seed) % 2 == 0 }.map(\.element), now: desk.clock.unixSeconds())
        desk.clock.pass(milliseconds: 400_000)
        for watched in desk.watched() {
            let use = chain.used[watched.claim.key]
            _ = desk.learn(
                use.map { .settled(transaction: $0.transaction, block: $0.block) } ?? .refused(code: "expired"),
                of: watched.claim.id)
            _ = desk.learn(.final, of: watched.claim.id)
        }
        #expect(desk.watched().isEmpty, "\(place)")
        #expect(try desk.core.store.openClaims().isEmpty, "\(place): something is unknown for ever")
        for key in chain.used.keys {
            let claim = try #require(try desk.core.store.claim(key), "\(place): paid, and nobody knows")
            #expect(claim.state == .owed || claim.state == .delivered, "\(place): paid and \(claim.state)")
            guard claim.state == .owed else { continue }
            var retry = admission(1000 + Int(claim.id.row), claim.order)
            retry.key = ClaimKey(chain: key.chain, asset: key.asset, payer: key.payer, nonce: retry.key.nonce)
            retry.binding = claim.binding
            retry.validBefore = .max
            let answer = desk.admit(retry)
            #expect(answer.text.hasPrefix("redeemed"), "\(place): what is owed was not honoured: \(answer.text)")
            if let ticket = answer.ticket { desk.ended(ticket, .delivered) }
        }
        desk.expectIdle()
    }

    @Test func theStoryReachesEveryState() throws {
        let desk = try Desk()
        let outside = Outside()
        Self.live(desk, outside)
        let statement = try desk.core.store.database.prepare(
            "SELECT DISTINCT settle || ' ' || state || paid || watched FROM claims ORDER BY 1")
        var states: [String] = []
        while try statement.step() { states.append(statement.text(0)) }
        #expect(
            states == [
                "after delivered10", "after failed01", "after owed11", "after running00", "after sent01",
                "after settled11", "first claimed00", "first delivered11", "first running11", "first sent01",
                "first unknown01", "first void00",
            ])
        try Self.check(desk.disk, outside, "no crash", seed: 1)
    }

    @Test func powerLostAtAnyOperation() throws {
        let whole = CrashDisk()
        let first = try Desk(disk: whole)
        let opened = whole.operations
        Self.live(first, Outside())
        #expect(whole.operations > opened + 100)
        for point in stride(from: opened + 1, through: whole.operations, by: FaultStride.every(4)) {
            let disk = CrashDisk()
            disk.powerFailsAt = point
            let outside = Outside()
            if let desk = try? Desk(disk: disk) { Self.live(desk, outside) }
            #expect(disk.isDown)
            try Self.check(disk, outside, "power lost at \(point)", seed: point)
        }
    }

    /// A write or sync that fails: nobody is told what is not on disk, and nothing is broadcast.
    @Test(arguments: CrashTests.faults.indices) func aFailedOperation(_ fault: Int) throws {
        let (operation, code) = CrashTests.faults[fault]
        let whole = try Desk()
        let opened = whole.disk.operations
        Self.live(whole, Outside())
        let step = FaultStride.every(6)
        for skip in stride(from: fault % step, to: whole.disk.operations - opened, by: step) {
            let disk = CrashDisk()
            let desk = try Desk(disk: disk)
            let outside = Outside()
            disk.failAfter = (skip, operation, code)
            Self.live(desk, outside)
            try Self.check(disk, outside, "fault \(fault) after \(skip)", seed: skip)
        }
    }

    /// Whatever waits for the ledger when it fails is told, once.
    @Test func everyLetterIsAnsweredWhenTheLedgerFails() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.admission(1), nonce: 1)
        let other = try desk.claimed(Self.admission(2))
        let hold = try #require(desk.admit(Self.admission(3)).hold)
        desk.disk.failNext = (.sync, SQLITE_IOERR | 4 << 8)
        let told = desk.together {
            (
                desk.learn(.settled(transaction: "0x1", block: 1), of: ticket.id),
                desk.sending(other, Pay.transaction(2)), desk.claim(hold),
                desk.replacing(ticket.id, Pay.transaction(1, replacement: 1)), desk.admit(Self.admission(4))
            )
        }
        #expect(told.0.text == "unavailable" && told.1.text == "unavailable" && told.2.text == "unavailable")
        #expect(told.3.value == false && told.4.text == "unavailable")
        #expect(desk.sending([ticket, other], together: Pay.transaction(3)).text == "unavailable")
        #expect(desk.core.held.isEmpty)
        #expect(desk.learn(.final, of: ticket.id).text == "unavailable")
        #expect(desk.watched().isEmpty)
    }

    /// The same where a row cannot be read, at whatever point a payment that was verified stands.
    @Test func aFaultWhileClaimingIsToldOnce() throws {
        let desk = try Desk()
        let void = Self.admission(1)
        desk.ended(try desk.claimed(void), .uncharged(reason: ""))
        let hold = try #require(desk.admit(void).hold)
        try desk.core.store.database.execute("UPDATE claims SET amount = '' WHERE state = 'void'")
        #expect(desk.claim(hold).text == "unavailable")
        #expect(desk.core.failure?.contains("amount") == true)
    }

    /// No answer leaves before a sync that came after what it says was written.
    @Test func everyDurableAnswerIsPrecededByASync() throws {
        let desk = try Desk()
        var syncs = desk.disk.syncs
        func expectSynced(_ what: String) {
            #expect(desk.disk.syncs > syncs, "\(what) was answered without a sync")
            syncs = desk.disk.syncs
        }
        let ticket = try desk.claimed(Self.admission(1))
        expectSynced("claimed")
        _ = desk.sending(ticket, Pay.transaction(1))
        expectSynced("sent")
        _ = desk.replacing(ticket.id, Pay.transaction(1, replacement: 1))
        expectSynced("replaced")
        let company = try [2, 3].map { try desk.claimed(Self.admission($0)) }
        expectSynced("claimed")
        _ = desk.sending(company, together: Pay.transaction(2))
        expectSynced("sent together")
        for evidence in [
            Evidence.unknown(transaction: nil), .settled(transaction: "0x1", block: 1), .reorganized, .final,
        ] {
            _ = desk.learn(evidence, of: ticket.id)
            expectSynced("\(evidence)")
        }
    }
}
