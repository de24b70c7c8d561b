import Bytes
import Testing

@testable import Ledger

/// Money on its way: what is on disk before a transaction is broadcast, and what comes of it.
@Suite struct SendingTests {
    static func chain(
        wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after, amount: UInt128 = 1
    ) -> Admission {
        VerificationTests.chain(wallet: wallet, nonce: nonce, binding: binding, order: order, amount: amount)
    }

    /// Three commits that somebody waits for, and the end that nobody does.
    @Test(arguments: SettleOrder.allCases) func aPaymentOnTheChain(order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Self.chain(order: order)
        let syncs = desk.disk.syncs
        let ticket = try desk.claimed(admission)
        #expect(desk.disk.syncs == syncs + 1)
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "go")
        #expect(desk.disk.syncs == syncs + 2)
        var claim = try #require(try desk.claim(admission))
        #expect(claim.state == .sent && claim.isWatched && claim.transaction == Pay.transaction(1).hash.hex)
        #expect(desk.watched().map(\.transactions) == [[Pay.transaction(1)]])
        let forward = order == .first ? ", forward" : ""
        #expect(
            desk.learn(.settled(transaction: "0xmined", block: 105), of: ticket.id).text == "settled 0xmined\(forward)")
        #expect(desk.disk.syncs == syncs + 3)
        claim = try #require(try desk.claim(admission))
        #expect(claim.state == (order == .after ? .settled : .running) && claim.evidenceBlock == 105)
        desk.ended(ticket, .delivered)
        #expect(desk.disk.syncs == syncs + 3)
        #expect(try desk.state(admission) == .delivered)
        desk.expectIdle()
        #expect(desk.watched().map(\.claim.state) == [.delivered])
        #expect(desk.learn(.final, of: ticket.id).text == "recorded delivered")
        #expect(desk.watched().isEmpty)
        #expect(desk.admit(admission).text == Pay.used)
    }

    @Test func whoeverComesAtOnceSharesTheCommits() throws {
        let desk = try Desk()
        let admissions = (1...50).map { Self.chain(wallet: $0, nonce: $0, order: .first) }
        let syncs = desk.disk.syncs
        let holds = desk.together { admissions.map { desk.admit($0) } }
        let claims = desk.together { holds.compactMap(\.hold).map { desk.claim($0) } }
        let tickets = claims.compactMap(\.ticket)
        #expect(tickets.count == 50)
        let sent = desk.together { tickets.enumerated().map { desk.sending($1, Pay.transaction($0)) } }
        #expect(sent.allSatisfy { $0.text == "go" })
        let told = desk.together { tickets.map { desk.learn(.settled(transaction: "0x1", block: 5), of: $0.id) } }
        #expect(told.allSatisfy { $0.text == "settled 0x1, forward" })
        #expect(desk.disk.syncs == syncs + 3)
    }

    @Test(arguments: SettleOrder.allCases) func aRemoteFacilitatorSends(order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Pay.admission(order: order, facilitator: .remote("hosted"))
        let ticket = try desk.claimed(admission, balance: 1)
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "unavailable", "no relayer of ours sends for it")
        #expect(desk.sending(ticket, nil).text == "go")
        #expect(try desk.claim(admission)?.transaction == nil)
        #expect(desk.learn(.unknown(transaction: nil), of: ticket.id).text == "pending ")
        #expect(desk.admit(admission).text == "pending ")
        // A person may say it came though nobody named a transaction.
        #expect(desk.resolve(ticket.id, .owed).value == .done)
        #expect(try desk.state(admission) == .owed)
        var retry = admission
        retry.key = Self.chain(nonce: 2).key
        #expect(desk.admit(retry).text == "redeemed ")
    }

    @Test func ourOwnTransactionIsNeeded() throws {
        let desk = try Desk()
        let ticket = try desk.claimed(Self.chain())
        #expect(desk.sending(ticket, nil).text == "unavailable")
        #expect(try desk.state(Self.chain()) == .running)
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "go")
    }

    /// The sandbox's settlement must not make a claim of a chain's paid.
    @Test(arguments: [ClaimFacilitator.chain, .remote("hosted")]) func playMoneyPaysNoRealPrice(
        facilitator: ClaimFacilitator
    )
        throws
    {
        for order in SettleOrder.allCases {
            let desk = try Desk()
            let admission = Pay.admission(order: order, facilitator: facilitator)
            let ticket = try desk.claimed(admission)
            for answer in [desk.answered(ticket), desk.settle(ticket)] {
                guard case .unavailable = try #require(answer.value) else {
                    Issue.record("\(order) \(facilitator): \(String(describing: answer.value))")
                    return
                }
            }
            #expect(try desk.claim(admission)?.machine.isPaid == false)
            #expect(try desk.core.store.sandboxBalance(admission.key) == nil)
        }
    }

    @Test(arguments: SettleOrder.allCases) func theWindowIsOver(order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Self.chain(order: order)
        let ticket = try desk.claimed(admission)
        desk.clock.pass(milliseconds: 300_000)
        #expect(desk.sending(ticket, Pay.transaction(1)).text == Pay.late)
        let claim = try #require(try desk.claim(admission))
        #expect(claim.state == .failed && claim.isWatched, "it may be used until its window is final")
        #expect(desk.watched().map(\.transactions) == [[]])
        desk.expectIdle()
        #expect(desk.learn(.settled(transaction: "0x1", block: 7), of: ticket.id).text == "recorded owed")
        var retry = admission
        retry.key = Self.chain(nonce: 2).key
        retry.validBefore = .max
        #expect(desk.admit(retry).text == "redeemed 0x1")
    }

    @Test(arguments: SettleOrder.allCases) func refusedBeforeAnythingWasSent(order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Self.chain(order: order)
        let ticket = try desk.claimed(admission)
        let next = desk.admit(Self.chain(nonce: 2, order: order))
        #expect(desk.learn(.refused(code: "reverted"), of: ticket.id).text == "refused reverted")
        #expect(try desk.claim(admission)?.reason == "reverted")
        #expect(try desk.state(admission) == .failed)
        #expect(next.text == "verify", "the lease is free")
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "unavailable")
        desk.release(try #require(next.hold))
        desk.expectIdle()
    }

    /// Evidence before our own transaction: a stranger submitted the authorization.
    @Test(arguments: SettleOrder.allCases) func frontRun(order: SettleOrder) throws {
        let desk = try Desk()
        let admission = Self.chain(order: order)
        let ticket = try desk.claimed(admission)
        let forward = order == .first ? ", forward" : ""
        #expect(desk.learn(.settled(transaction: "0xs", block: 9), of: ticket.id).text == "settled 0xs\(forward)")
        #expect(desk.sending(ticket, Pay.transaction(1)).text == "paid 0xs\(forward)")
        #expect(try desk.core.store.transactions.all(of: ticket.id.row).isEmpty)
        desk.ended(ticket, .delivered)
        #expect(try desk.state(admission) == .delivered)
        desk.expectIdle()
    }

    /// The upstream was at work still when the payment was seen: what is not delivered is owed.
    @Test func frontRunWhileTheUpstreamRuns() throws {
        let desk = try Desk()
        let ticket = try desk.claimed(Self.chain())
        _ = desk.learn(.settled(transaction: "0xs", block: 9), of: ticket.id)
        desk.ended(ticket, .uncharged(reason: "upstream_500"))
        #expect(try desk.state(Self.chain()) == .owed)
        desk.expectIdle()
    }

    /// Under `after` the upstream has run by the time the money is sent: what becomes owed later is not run again where that is not safe.
    @Test(arguments: [Evidence.unknown(transaction: nil), .refused(code: "reverted")])
    func whatRanIsNotRunAgain(evidence: Evidence) throws {
        let desk = try Desk()
        var admission = Pay.admission(nonce: 1, order: .after, facilitator: .chain)
        admission.isIdempotent = false
        let ticket = try desk.sent(admission, nonce: 1)
        _ = desk.learn(evidence, of: ticket.id)
        #expect(desk.learn(.settled(transaction: "0x1", block: 7), of: ticket.id).text == "recorded owed")
        admission.key = Pay.admission(nonce: 2).key
        #expect(desk.admit(admission).text == "outcomeUnknown")
    }

    @Test(arguments: SettleOrder.allCases) func unknownAndThenKnown(order: SettleOrder) throws {
        for (evidence, state) in [
            (Evidence.settled(transaction: "0xm", block: 9), ClaimState.owed), (.refused(code: "expired"), .failed),
        ] {
            let desk = try Desk()
            let admission = Self.chain(order: order)
            let ticket = try desk.sent(admission, nonce: 1)
            let copy = desk.admit(admission)
            #expect(desk.learn(.unknown(transaction: "0xlast"), of: ticket.id).text == "pending 0xlast")
            #expect(copy.text == "pending 0xlast")
            desk.ended(ticket, .uncharged(reason: "late"))
            #expect(try desk.state(admission) == .unknown)
            let retry = desk.admit(Self.chain(nonce: 2, order: order))
            #expect(retry.text == "waits")
            #expect(desk.learn(.unknown(transaction: nil), of: ticket.id).text == "recorded unknown")
            #expect(desk.learn(evidence, of: ticket.id).text == "recorded \(state)")
            #expect(retry.text == (state == .owed ? "redeemed 0xm" : "verify"))
            if let ticket = retry.ticket { desk.ended(ticket, .delivered) }
            if let hold = retry.hold { desk.release(hold) }
            desk.expectIdle()
            #expect(desk.watched().map(\.claim.key) == [admission.key])
        }
    }

    /// The exchange is lost while its money is on its way: the claim is unknown, and what comes of it is recorded.
    @Test func lostWhileSent() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.chain(), nonce: 1)
        desk.post(.lost(ticket.here))
        #expect(try desk.state(Self.chain()) == .unknown)
        #expect(desk.learn(.settled(transaction: "0xm", block: 9), of: ticket.id).text == "recorded owed")
        desk.expectIdle()
    }

    @Test func reorganizedInFlight() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.chain(order: .first), nonce: 1)
        #expect(desk.learn(.reorganized, of: ticket.id).text == "recorded sent")
        _ = desk.learn(.settled(transaction: "0xm", block: 9), of: ticket.id)
        #expect(desk.learn(.reorganized, of: ticket.id).text == "recorded running")
        desk.ended(ticket, .delivered)
        let claim = try #require(try desk.claim(Self.chain(order: .first)))
        #expect(claim.state == .delivered && claim.reorganizedAt == Pay.now && claim.isWatched)
    }

    @Test func twiceInOneBatch() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.chain(), nonce: 1)
        let told = desk.together {
            [
                desk.learn(.settled(transaction: "0xm", block: 9), of: ticket.id),
                desk.learn(.settled(transaction: "0xm", block: 9), of: ticket.id),
                desk.learn(.refused(code: "x"), of: ticket.id), desk.learn(.unknown(transaction: nil), of: ticket.id),
            ]
        }
        #expect(told.map(\.text) == ["settled 0xm", "settled 0xm", "unfit", "unfit"])
    }

    // MARK: The relayer's nonces

    @Test func aNonceBelongsToOneClaim() throws {
        let desk = try Desk()
        let first = try desk.claimed(Self.chain(wallet: 1, nonce: 1))
        let second = try desk.claimed(Self.chain(wallet: 2, nonce: 2))
        #expect(desk.sending(first, Pay.transaction(7)).text == "go")
        #expect(desk.sending(first, Pay.transaction(8)).text == "unavailable", "sent once")
        var sameNonce = Pay.transaction(7)
        sameNonce.hash = Pay.bytes32(1)
        var sameHash = Pay.transaction(9)
        sameHash.hash = Pay.transaction(7).hash
        var tooLarge = Pay.transaction(10)
        tooLarge.nonce = UInt64(Int64.max) + 1
        for transaction in [sameNonce, sameHash, tooLarge] {
            #expect(desk.sending(second, transaction).text == "unavailable")
            #expect(try desk.state(Self.chain(wallet: 2, nonce: 2)) == .running, "nothing was written")
        }
        // Another relayer counts its own nonces, and every chain its own.
        #expect(desk.sending(second, Pay.transaction(7, relayer: 501)).text == "go")
        var elsewhere = Self.chain(wallet: 1, nonce: 3)
        elsewhere.key = ClaimKey(
            chain: "eip155:1", asset: elsewhere.key.asset, payer: elsewhere.key.payer, nonce: elsewhere.key.nonce)
        sameNonce.hash = Pay.bytes32(2)
        #expect(desk.sending(try desk.claimed(elsewhere), sameNonce).text == "go")
    }

    @Test func replacements() throws {
        let desk = try Desk()
        let ticket = try desk.sent(Self.chain(wallet: 1, nonce: 1), nonce: 1)
        let other = try desk.sent(Self.chain(wallet: 2, nonce: 2), nonce: 2)
        let unsent = try desk.claimed(Self.chain(wallet: 3, nonce: 3))
        let syncs = desk.disk.syncs
        #expect(desk.replacing(ticket.id, Pay.transaction(1, replacement: 1)).value == true)
        #expect(desk.disk.syncs == syncs + 1, "on disk before it is broadcast")
        #expect(desk.replacing(ticket.id, Pay.transaction(1, replacement: 1)).value == false, "the same bytes")
        #expect(desk.replacing(ticket.id, Pay.transaction(2, replacement: 3)).value == false, "the other's nonce")
        #expect(desk.replacing(ticket.id, Pay.transaction(3)).value == false, "a nonce of its own")
        #expect(desk.replacing(ticket.id, Pay.transaction(1, replacement: 4, relayer: 501)).value == false)
        #expect(desk.replacing(unsent.id, Pay.transaction(4)).value == false, "nothing to replace")
        #expect(desk.replacing(other.id, Pay.transaction(1, replacement: 5)).value == false)
        _ = desk.learn(.unknown(transaction: nil), of: ticket.id)
        #expect(desk.replacing(ticket.id, Pay.transaction(1, replacement: 2)).value == true)
        _ = desk.learn(.refused(code: "expired"), of: ticket.id)
        #expect(desk.replacing(ticket.id, Pay.transaction(1, replacement: 3)).value == true, "to free the nonce")
        #expect(
            try desk.core.store.transactions.all(of: ticket.id.row).map(\.transaction)
                == (0...3).map { Pay.transaction(1, replacement: $0) })
        #expect(try desk.core.store.transactions.all(of: other.id.row).map(\.number) == [0])
    }

    /// The tables themselves hold it, whatever the code does.
    @Test func theTablesKeepNoncesApart() throws {
        let desk = try Desk()
        _ = try desk.sent(Self.chain(wallet: 1, nonce: 1), nonce: 1)
        _ = try desk.claimed(Self.chain(wallet: 2, nonce: 2))
        for change in [
            "claim = 2, hash = randomblob(32)", "claim = 2, nonce = 9", "claim = 1, hash = randomblob(32), nonce = 9",
        ] {
            let columns =
                "claim, number, chain, relayer, nonce, hash, recipient, call, gas_limit, max_fee_wei,"
                + " priority_fee_wei, raw, head_block, recorded_at"
            try desk.core.store.database.execute(
                "CREATE TEMP TABLE t AS SELECT \(columns) FROM transactions; UPDATE t SET \(change);")
            #expect(throws: StoreFault.self, "\(change)") {
                try desk.core.store.database.execute("INSERT INTO transactions (\(columns)) SELECT * FROM t")
            }
            try desk.core.store.database.execute("DROP TABLE t")
        }
    }
}
