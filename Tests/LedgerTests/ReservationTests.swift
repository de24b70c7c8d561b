import Testing

@testable import Ledger

/// What is in flight never sums to more than the balance, and play money is neither made nor lost.
@Suite struct ReservationTests {
    @Test func moneyForOneRunsOne() throws {
        let desk = try Desk()
        let answers = (1...64).map { desk.admit(Pay.admission(nonce: $0, binding: $0, order: .first, amount: 10)) }
        var finished: [ObjectIdentifier] = []
        var delivered = 0
        for _ in 0..<64 {
            let running = answers.filter { $0.ticket != nil && !finished.contains(ObjectIdentifier($0)) }
            #expect(running.count <= 1)
            guard let answer = running.first, let ticket = answer.ticket else { break }
            guard case .settled = try #require(desk.settle(ticket).value) else { break }
            desk.ended(ticket, .delivered)
            finished.append(ObjectIdentifier(answer))
            delivered += 1
        }
        #expect(delivered == 1)
        #expect(answers.filter { $0.text == Pay.poor }.count == 63)
        #expect(try desk.balance(Pay.admission()) == 0)
        desk.expectIdle()
    }

    @Test func sixtyFourPaymentsOfARichWalletAllComeThrough() throws {
        let desk = try Desk()
        var admissions = (1...64).map { Pay.admission(nonce: $0, binding: 1, order: .first) }
        for at in admissions.indices { admissions[at].assetDecimals = 6 }
        var open = admissions.map { desk.admit($0) }
        var delivered = 0
        while !open.isEmpty {
            let running = open.filter { $0.ticket != nil }
            try #require(!running.isEmpty && running.count <= 16)
            for answer in running {
                let ticket = try #require(answer.ticket)
                guard case .settled = try #require(desk.settle(ticket).value) else { return }
                desk.ended(ticket, .delivered)
                delivered += 1
            }
            open.removeAll { answer in running.contains { $0 === answer } }
        }
        #expect(delivered == 64)
        #expect(try desk.balance(admissions[0]) == 10_000_000 - 64)
        desk.expectIdle()
    }

    @Test func theHeadWaitsForItsMoneyAndNobodyPassesIt() throws {
        let desk = try Desk()
        let first = try #require(desk.admit(Pay.admission(nonce: 1, binding: 1, order: .first, amount: 6)).ticket)
        let large = desk.admit(Pay.admission(nonce: 2, binding: 2, order: .first, amount: 8))
        let small = desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 1))
        #expect(large.text == "waits" && small.text == "waits")
        desk.ended(first, .uncharged(reason: ""))
        #expect(large.text == "claimed" && small.text == "claimed")
    }

    /// Being looked at in vain does not cost the head its place.
    @Test func theHeadKeepsItsPlace() throws {
        let desk = try Desk()
        let running = try (1...2).map {
            try #require(desk.admit(Pay.admission(nonce: $0, binding: $0, order: .first, amount: 3)).ticket)
        }
        let large = desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 8))
        let small = desk.admit(Pay.admission(nonce: 4, binding: 4, order: .first, amount: 3))
        desk.ended(running[0], .uncharged(reason: ""))
        #expect(large.text == "waits" && small.text == "waits")
        desk.ended(running[1], .uncharged(reason: ""))
        #expect(large.text == "claimed" && small.text == "waits")
    }

    /// What the head alone was blocked by ends with the head.
    @Test(arguments: [true, false]) func whenTheHeadGivesUpTheNextGoesOn(callerGone: Bool) throws {
        let desk = try Desk()
        let running = desk.admit(Pay.admission(nonce: 1, binding: 1, order: .first, amount: 6))
        var large = Pay.admission(nonce: 2, binding: 2, order: .first, amount: 8)
        large.leaseWaitMilliseconds = 1000
        let head = desk.admitted(large)
        let small = desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 1))
        #expect(small.text == "waits")
        if callerGone { desk.callerGone(head.token) } else { desk.pass(milliseconds: 1000) }
        #expect(small.text == "claimed" && running.text == "claimed")
        #expect(head.answer.text == (callerGone ? "waits" : "leaseBusy lease_timeout"))
    }

    /// Of two queues the one goes on whose head came first.
    @Test(arguments: [[SettleOrder.after, .first], [.first, .after]]) func headsOfBothOrdersByArrival(
        orders: [SettleOrder]
    ) throws {
        let desk = try Desk()
        let running = try #require(desk.admit(Pay.admission(nonce: 1, binding: 1, order: .first, amount: 10)).ticket)
        let heads = orders.enumerated().map { index, order in
            desk.admit(Pay.admission(nonce: 2 + index, binding: 2 + index, order: order, amount: 10))
        }
        desk.ended(running, .uncharged(reason: ""))
        #expect(heads.map(\.text) == ["claimed", "waits"])
    }

    /// A retry that waited with its lease, and finds its money tied up, is the first in the queue.
    @Test func aRetryComesBeforeTheQueue() throws {
        let desk = try Desk()
        let gone = desk.admitted(Pay.admission(nonce: 1, binding: 1, order: .first, amount: 6))
        desk.callerGone(gone.token)
        let retry = desk.admit(Pay.admission(nonce: 2, binding: 1, order: .first, amount: 8))
        let running = try #require(desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 4)).ticket)
        let queued = desk.admit(Pay.admission(nonce: 4, binding: 4, order: .first, amount: 7))
        desk.ended(try #require(gone.answer.ticket), .uncharged(reason: ""))
        #expect(retry.text == "waits" && queued.text == "waits")
        desk.ended(running, .uncharged(reason: ""))
        #expect(retry.text == "claimed" && queued.text == "waits")
    }

    @Test func theHeadIsRefusedAsSoonAsTheMoneyIsGone() throws {
        let desk = try Desk()
        let first = try #require(desk.admit(Pay.admission(nonce: 1, binding: 1, order: .first, amount: 6)).ticket)
        let large = desk.admit(Pay.admission(nonce: 2, binding: 2, order: .first, amount: 8))
        let small = desk.admit(Pay.admission(nonce: 3, binding: 3, order: .first, amount: 4))
        #expect(large.text == "waits" && small.text == "waits")
        _ = desk.settle(first)
        #expect(large.text == Pay.poor && small.text == "claimed")
    }

    /// Reservations are shared by both orders, and kept apart by asset.
    @Test func reservationsOfBothOrdersAndOfOneAsset() throws {
        let desk = try Desk()
        let after = try #require(desk.admit(Pay.admission(nonce: 1, binding: 1, amount: 7)).ticket)
        let first = desk.admit(Pay.admission(nonce: 2, binding: 2, order: .first, amount: 7))
        let other = desk.admit(Pay.admission(wallet: 1, nonce: 3, binding: 3, order: .first, amount: 7, asset: 8))
        #expect(first.text == "waits")
        #expect(other.text == "waits", "the queue is one for both assets")
        desk.ended(after, .uncharged(reason: ""))
        #expect(first.text == "claimed" && other.text == "claimed")
    }

    @Test func whatCanNeverBePaidIsRefusedAtOnce() throws {
        let desk = try Desk()
        #expect(desk.admit(Pay.admission(amount: 11)).text == Pay.poor)
        #expect(desk.admit(Pay.admission(amount: .max)).text == Pay.poor)
        desk.expectIdle()
        #expect(desk.admit(Pay.admission(amount: 10)).text == "claimed")
    }

    @Test(arguments: [(0, UInt128(10)), (6, 10_000_000), (18, 10_000_000_000_000_000_000), (40, .max), (-1, 10)])
    func aNewWalletHasTenUnits(decimals: Int, expected: UInt128) {
        #expect(SandboxBalance(newWithDecimals: decimals).balance == expected)
    }

    @Test func settlingTwiceChargesOnce() throws {
        let desk = try Desk()
        let admission = Pay.admission(amount: 4)
        let ticket = try #require(desk.admit(admission).ticket)
        var transactions: Set<String> = []
        for _ in 0..<3 {
            guard case .settled(let transaction, _) = try #require(desk.answered(ticket).value) else { return }
            transactions.insert(transaction)
        }
        guard case .settled = try #require(desk.settle(ticket).value) else { return }
        #expect(transactions.count == 1)
        #expect(try desk.balance(admission) == 6)
        let transaction = try #require(transactions.first)
        #expect(transaction.hasPrefix("sandbox-") && transaction.utf8.count == 72)
    }
}
