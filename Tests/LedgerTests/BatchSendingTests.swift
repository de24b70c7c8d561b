import Bytes
import Testing

@testable import Ledger

/// Several claims in one transaction of the relayer's: all of them are on disk with it, or none.
@Suite struct BatchSendingTests {
    private func admission(_ number: Int, _ order: SettleOrder = .after) -> Admission {
        VerificationTests.chain(wallet: number, nonce: number, binding: number, order: order)
    }

    private func claimed(_ desk: Desk, _ numbers: ClosedRange<Int>) throws -> [Ticket] {
        try numbers.map { try desk.claimed(admission($0, $0 % 2 == 0 ? .first : .after)) }
    }

    @Test func allAreSentInOneCommit() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...5)
        let syncs = desk.disk.syncs
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "go")
        #expect(desk.disk.syncs == syncs + 1)
        for number in 1...5 {
            let claim = try #require(try desk.claim(admission(number)))
            #expect(claim.state == .sent && claim.isWatched && claim.transaction == Pay.transaction(1).hash.hex)
        }
        let watched = desk.watched()
        #expect(watched.map(\.transactions) == Array(repeating: [Pay.transaction(1)], count: 5))
        #expect(watched.map(\.place) == [0, 1, 2, 3, 4])
        #expect(watched.allSatisfy { $0.batchCount == 5 })
    }

    /// Each by its own events: one settled, one by a stranger, one failed, one not known.
    @Test func eachEndsByItself() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...4)
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "go")
        let hash = Pay.transaction(1).hash.hex
        #expect(
            desk.learn(.settled(transaction: hash, block: 5, gasWei: 41), of: tickets[0].id).text == "settled \(hash)")
        #expect(
            desk.learn(.settled(transaction: "0xs", block: 5, gasWei: 40), of: tickets[1].id).text
                == "settled 0xs, forward")
        #expect(desk.learn(.refused(code: "reverted", gasWei: 40), of: tickets[2].id).text == "refused reverted")
        #expect(desk.learn(.unknown(transaction: hash), of: tickets[3].id).text == "pending \(hash)")
        desk.ended(tickets[0], .delivered)
        desk.ended(tickets[1], .undelivered(noRequestByteWritten: false))
        let claims = try (1...4).map { try #require(try desk.claim(admission($0))) }
        #expect(claims.map(\.state) == [.delivered, .owed, .failed, .unknown])
        #expect(claims.map(\.gasWei) == [41, 40, 40, nil])
        desk.expectIdle()
        _ = desk.learn(.final, of: tickets[0].id)
        // Who is left knows its place among all.
        #expect(desk.watched().map(\.place) == [1, 2, 3] && desk.watched().allSatisfy { $0.batchCount == 4 })
    }

    @Test func whoCannotGoIsNamedAndNothingIsWritten() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...4)
        _ = desk.learn(.settled(transaction: "0xs", block: 9), of: tickets[1].id)
        _ = desk.learn(.refused(code: "x"), of: tickets[3].id)
        let syncs = desk.disk.syncs
        #expect(
            desk.sending(tickets, together: Pay.transaction(1)).text
                == "without 1 paid 0xs, forward, 3 unavailable")
        #expect(desk.disk.syncs == syncs, "nothing was written")
        #expect(try desk.state(admission(1)) == .running)
        #expect(try desk.state(admission(3)) == .running)
        #expect(try desk.core.store.transactions.all(of: tickets[0].id.row).isEmpty)
        // The nonce is free, and the rest goes without them.
        #expect(desk.sending([tickets[0], tickets[2]], together: Pay.transaction(1)).text == "go")
    }

    @Test func aWindowThatIsOverFailsItsClaimAlone() throws {
        let desk = try Desk()
        var late = admission(1)
        late.validBefore = Pay.now + 60
        let tickets = [try desk.claimed(late), try desk.claimed(admission(2))]
        desk.clock.pass(milliseconds: 100_000)
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "without 0 \(Pay.late)")
        #expect(try desk.state(late) == .failed)
        #expect(try desk.state(admission(2)) == .running)
    }

    @Test func noClaimGoesTwice() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...3)
        #expect(desk.sending([tickets[0], tickets[0]], together: Pay.transaction(1)).text == "unavailable")
        #expect(desk.sending(Array(tickets[0...1]), together: Pay.transaction(1)).text == "go")
        #expect(desk.sending(tickets[1], Pay.transaction(2)).text == "unavailable", "a member is sent already")
        #expect(
            desk.sending([tickets[2], tickets[1]], together: Pay.transaction(2)).text == "without 1 unavailable")
        var sameNonce = Pay.transaction(1)
        sameNonce.hash = Pay.bytes32(77)
        #expect(desk.sending(tickets[2], sameNonce).text == "unavailable", "the batch's nonce")
        #expect(try desk.state(admission(3)) == .running)
    }

    /// One transaction is on one chain.
    @Test func chainsAreNotMixed() throws {
        let desk = try Desk()
        var elsewhere = admission(2)
        elsewhere.key = ClaimKey(
            chain: "eip155:1", asset: elsewhere.key.asset, payer: elsewhere.key.payer, nonce: elsewhere.key.nonce)
        let tickets = [try desk.claimed(admission(1)), try desk.claimed(elsewhere)]
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "unavailable")
        #expect(try desk.state(elsewhere) == .running)
    }

    @Test func aReplacementIsAllItsClaims() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...3)
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "go")
        // Whichever of them is named.
        #expect(desk.replacing(tickets[2].id, Pay.transaction(1, replacement: 1)).value == true)
        #expect(desk.replacing(tickets[0].id, Pay.transaction(1, replacement: 2)).value == true)
        #expect(desk.replacing(tickets[1].id, Pay.transaction(1, replacement: 2)).value == false, "the same bytes")
        #expect(desk.replacing(tickets[1].id, Pay.transaction(2)).value == false, "a nonce of its own")
        let all = (0...2).map { Pay.transaction(1, replacement: $0) }
        #expect(desk.watched().map(\.transactions) == [all, all, all])
    }

    /// The first of them stands for all: it is kept until the last of the others has gone.
    @Test func retentionKeepsWhatStandsForOthers() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...3)
        #expect(desk.sending(tickets, together: Pay.transaction(1)).text == "go")
        for ticket in tickets {
            _ = desk.learn(.settled(transaction: Pay.transaction(1).hash.hex, block: 5), of: ticket.id)
            desk.ended(ticket, .delivered)
        }
        for ticket in tickets.dropLast() { _ = desk.learn(.final, of: ticket.id) }
        let keep: Int64 = 86_400
        desk.clock.pass(milliseconds: Int(keep) * 4_000)
        var young = admission(9)
        young.validBefore = .max
        desk.release(try #require(desk.admit(young).hold))
        desk.ended(try desk.claimed(young), .uncharged(reason: ""))
        func retain() {
            desk.core.retention = Retention(
                desk.core.store, keepSeconds: keep, now: desk.clock.monotonicNanoseconds())
            for _ in 0..<20 { desk.pass(milliseconds: 60) }
        }
        func left() throws -> [Bool] { try tickets.map { try desk.core.store.claim(row: $0.id.row) != nil } }
        retain()
        #expect(try left() == [true, false, true])
        #expect(desk.watched().map(\.transactions) == [[Pay.transaction(1)]])
        _ = desk.learn(.final, of: tickets[2].id)
        desk.clock.pass(milliseconds: Int(keep) * 4_000)
        retain()
        retain()
        #expect(try left() == [false, false, false])
        #expect(desk.core.failure == nil)
    }

    /// The rows themselves keep a claim in one batch, at a place of its own.
    @Test func theTablesHoldIt() throws {
        let desk = try Desk()
        let tickets = try claimed(desk, 1...4)
        #expect(desk.sending(Array(tickets[0...2]), together: Pay.transaction(1)).text == "go")
        let rows = tickets.map(\.id.row)
        for (claim, leader, place) in [
            (rows[1], rows[3], 5), (rows[3], rows[0], 1), (rows[3], rows[3], 1), (rows[3], 999, 1),
            (rows[3], rows[0], 0),
        ] {
            #expect(throws: StoreFault.self) {
                try desk.core.store.database.execute(
                    "INSERT INTO batch_members VALUES (\(claim), \(leader), \(place))")
            }
        }
    }
}
