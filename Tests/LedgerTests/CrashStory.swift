import CSQLite
import CrashDisk
import Testing

@testable import Ledger

/// A life of payments, and what must be true of it after whatever happened to its disk.
extension CrashTests {
    /// What callers were told, which no crash may make untrue.
    final class Told {
        var claimed: Set<ClaimKey> = []
        var paid: [ClaimKey: String] = [:]
        var open: [Answer<Admitted>] = []

        func claim(_ desk: Desk, _ admission: Admission) -> Ticket? {
            let answer = desk.admit(admission)
            if case .claimed = answer.value { claimed.insert(admission.key) }
            return answer.ticket
        }

        func settled(_ answer: Answer<Settlement>, _ admission: Admission) {
            if case .settled(let transaction, _) = answer.value { paid[admission.key] = transaction }
        }

        func pay(_ desk: Desk, _ admission: Admission, _ end: ExchangeEnd?) {
            guard let ticket = claim(desk, admission) else { return }
            if admission.order == .after {
                desk.store(ticket, "kept")
                settled(desk.answered(ticket), admission)
            } else {
                settled(desk.settle(ticket, forwardsLater: !admission.isIdempotent), admission)
                _ = desk.forwarding(ticket)
            }
            if let end { desk.ended(ticket, end) } else { desk.held.append(ticket) }
        }
    }

    static let owed = ExchangeEnd.undelivered(noRequestByteWritten: false)

    /// A bit of everything; leaves claims in flight in every state that the sandbox has.
    static func live(_ desk: Desk, _ told: Told, from base: Int = 0) {
        func admission(_ number: Int, wallet: Int, _ order: SettleOrder = .after) -> Admission {
            var admission = Pay.admission(
                wallet: base + wallet, nonce: base + number, binding: base + number, order: order)
            admission.isIdempotent = number % 2 == 0
            return admission
        }
        told.pay(desk, admission(1, wallet: 1), .delivered)
        let void = admission(2, wallet: 1)
        if let ticket = told.claim(desk, void) { desk.ended(ticket, .uncharged(reason: "upstream_500")) }
        told.pay(desk, void, owed)
        var retry = void
        retry.key = admission(3, wallet: 1).key
        if let rerun = desk.admit(retry).ticket { desk.ended(rerun, .delivered) }
        told.pay(desk, admission(4, wallet: 2, .first), owed)
        told.pay(desk, admission(5, wallet: 2, .first), .delivered)
        desk.pass(milliseconds: 30)
        desk.together {
            told.open.append(desk.admit(admission(6, wallet: 3)))
            told.open.append(desk.admit(admission(7, wallet: 3)))
            told.open.append(desk.admit(admission(8, wallet: 4, .first)))
        }
        told.pay(desk, admission(9, wallet: 5), nil)
        told.pay(desk, admission(10, wallet: 5, .first), nil)
        told.pay(desk, admission(11, wallet: 5, .first), nil)
        var again = admission(4, wallet: 2, .first)
        again.key = admission(12, wallet: 2).key
        if let rerun = desk.admit(again).ticket { desk.held.append(rerun) }
        told.pay(desk, admission(14, wallet: 7, .first), owed)
        let late = admission(13, wallet: 6, .first)
        if let ticket = told.claim(desk, late) { desk.held.append(ticket) }
        let paid = admission(15, wallet: 8, .first)
        if let ticket = told.claim(desk, paid) {
            told.settled(desk.settle(ticket, forwardsLater: true), paid)
            desk.held.append(ticket)
        }
    }

    /// What must hold on a disk that a new process opened.
    static func expectSound(_ desk: Desk, _ told: Told, _ place: String) throws {
        let database = desk.core.store.database
        #expect(try database.value("PRAGMA integrity_check") == "ok", "\(place)")
        #expect(try desk.core.store.openClaims().isEmpty, "\(place): something was left in flight")
        for key in told.claimed {
            #expect(try desk.core.store.claim(key) != nil, "\(place): a claim is lost")
        }
        for (key, transaction) in told.paid {
            let claim = try desk.core.store.claim(key)
            #expect(claim?.transaction == transaction, "\(place): a payment is lost")
            #expect(
                claim?.state == .owed || claim?.state == .delivered, "\(place): \(String(describing: claim?.state))")
        }
        try expectConserved(database, place)
        let books = try LedgerVerifier.run(database, mark: desk.core.store.mark, expecting: nil)
        #expect(books.isSound, "\(place): \(books.findings)")
    }

    /// Σ balances + Σ settled = Σ grants, for every wallet.
    static func expectConserved(_ database: Database, _ place: String) throws {
        let statement = try database.prepare(
            """
            SELECT b.granted - b.balance - (SELECT coalesce(sum(c.amount), 0) FROM claims c
                WHERE c.paid AND c.payer = b.payer AND c.asset = b.asset AND c.chain = b.chain)
            FROM sandbox_balances b
            """)
        while try statement.step() { #expect(statement.integer(0) == 0, "\(place): money was made or lost") }
        #expect(
            try database.value(
                "SELECT count(*) FROM claims WHERE paid AND facilitator = 'sandbox' AND payer NOT IN (SELECT payer FROM sandbox_balances)"
            ) == "0",
            "\(place): paid by nobody")
    }

    /// Life goes on: paid nonces stay used, owed requests are redeemed and not charged again.
    static func expectHonoured(_ desk: Desk, _ told: Told, _ place: String) throws {
        for (key, _) in told.paid {
            let claim = try #require(try desk.core.store.claim(key))
            var admission = Pay.admission(order: claim.order)
            admission.key = key
            admission.binding = claim.binding
            #expect(desk.admit(admission).text == Pay.used, "\(place): a paid nonce was taken again")
            guard claim.state == .owed, claim.reruns < 3 else { continue }
            let before = try desk.balance(admission)
            admission.key = ClaimKey(
                chain: key.chain, asset: key.asset, payer: key.payer, nonce: Pay.bytes32(1_000_000 + Int(claim.id.row)))
            let answer = desk.admit(admission)
            // Under `after` the answer is on disk with the settlement.
            let kept = claim.order == .after ? " kept" : ""
            #expect(answer.text == "redeemed sandbox-" + kept, "\(place): what is owed was not honoured")
            if let ticket = answer.ticket { desk.ended(ticket, .delivered) }
            #expect(try desk.balance(admission) == before, "\(place): charged twice")
        }
    }

    /// Opens what is left: nothing unsynced, and one of many mixtures.
    static func check(_ old: CrashDisk, _ told: Told, _ place: String, seed: Int) throws {
        let survivals: [CrashDisk.Survival] = [seed % 5 == 0 ? .all : .none, .some(seed: UInt64(seed) &* 7919)]
        for survival in survivals {
            let desk = try Desk(disk: old.reboot(survival))
            try expectSound(desk, told, "\(place), \(survival)")
            try expectHonoured(desk, told, "\(place), \(survival)")
        }
    }
}
