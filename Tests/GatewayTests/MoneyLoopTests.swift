import Bytes
import Chains
import Ledger
import OnChain
import Payments
import Testing

@testable import Gateway

@Suite struct MoneyLoopTests {
    private func transaction(_ settlement: Settlement?) -> String? {
        if case .settled(let transaction, _)? = settlement { transaction } else { nil }
    }

    @Test func isVerifiedAndSettledByOurOwnTransaction() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let asked = rig.node.heard.flatMap { $0 }.count
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        // It is on disk before anybody hears of it.
        #expect(try rig.record(ticket.id).state == .sent)
        #expect(try rig.transactions(ticket.id).map(\.hash) == [rig.chain.heard[0].hash])
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        #expect(transaction(settlement.first) == rig.chain.heard[0].hash.hex)
        let record = try rig.record(ticket.id)
        #expect(record.state == .settled && record.evidenceBlock == rig.chain.head.block.number)
        #expect(rig.chain.heard.count == 1 && rig.node.heard.flatMap { $0 }.count > asked)
        #expect(rig.money.troubles == [])
        rig.ledger.ended(ticket, .delivered)
        rig.stop()
    }

    @Test func manySettleInOneBlock() throws {
        let rig = try MoneyRig()
        try rig.start()
        let requests = (0..<10).map { _ in rig.request() }
        let tickets = try requests.map { try rig.claim($0) }
        let settlements = zip(tickets, requests).map { rig.settle($0, $1) }
        #expect(rig.serve(untilHeard: 10))
        #expect(Set(rig.chain.heard.map(\.nonce)) == Set(0..<10))
        rig.chain.mine()
        #expect(rig.serve { settlements.allSatisfy { $0.first != nil } })
        #expect(Set(settlements.compactMap { transaction($0.first) }) == Set(rig.chain.heard.map(\.hash.hex)))
        rig.stop()
    }

    @Test func waitsForTheConfirmationsAskedFor() throws {
        let rig = try MoneyRig(confirmations: "3")
        try rig.start()
        let request = rig.request()
        let settlement = rig.settle(try rig.claim(request), request)
        #expect(rig.serve(untilHeard: 1))
        for _ in 0..<2 {
            rig.chain.mine()
            let polls = rig.node.heard.count
            rig.serve { rig.node.heard.count > polls + 4 }
            #expect(settlement.first == nil)
        }
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        #expect(transaction(settlement.first) != nil, "\(settlement.all)")
        rig.stop()
    }

    @Test func aStrangersTransactionIsTheReceipts() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.mine(strangers: [request.payload.authorization])
        #expect(rig.serve { settlement.first != nil })
        let named = try #require(transaction(settlement.first))
        #expect(named != rig.chain.heard[0].hash.hex)
        #expect(rig.chain.head.receipts.keys.contains { $0.hex == named })
        rig.stop()
    }

    @Test func usedByAStrangerBeforeItWasSent() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        // While the upstream ran.
        rig.chain.mine(strangers: [request.payload.authorization])
        rig.chain.mine()
        let polls = rig.node.heard.count
        rig.serve { rig.node.heard.count > polls + 2 }
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        #expect(transaction(settlement.first).map { $0 != rig.chain.heard[0].hash.hex } == true)
        rig.stop()
    }

    @Test func aRevertIsRefused() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.reverts = true
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        guard case .refused(let code)? = settlement.first else { return #expect(Bool(false), "\(settlement.all)") }
        #expect(code == PaymentCode.transactionFailed.rawValue)
        #expect(try rig.record(ticket.id).state == .failed)
        rig.stop()
    }

    @Test func whatCannotBeSentIsRefusedAndFoundWhereAStrangerSentIt() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        rig.chain.baseFeeWei = 10_000_000_000
        rig.chain.mine(strangers: [request.payload.authorization])
        let next = rig.request()
        #expect(rig.serve { rig.money.troubles.contains { $0.code == "fees_above_cap" } })
        guard case .unreachable = rig.verify(next) else { return #expect(Bool(false)) }
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve { settlement.first != nil })
        guard case .refused? = settlement.first else { return #expect(Bool(false), "\(settlement.all)") }
        #expect(rig.chain.heard.isEmpty)
        #expect(rig.serve(untilState: .owed, ticket.id))
        rig.stop()
    }

    @Test func silenceIsPendingAndLaterOwed() throws {
        let rig = try MoneyRig(settleTimeout: "1s")
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve { settlement.first != nil })
        guard case .pending(let named)? = settlement.first else { return #expect(Bool(false), "\(settlement.all)") }
        #expect(named == rig.chain.heard[0].hash.hex)
        #expect(try rig.record(ticket.id).state == .unknown)
        rig.chain.mine()
        #expect(rig.serve(untilState: .owed, ticket.id))
        rig.stop()
    }

    @Test func aNodeThatDiesIsPendingToo() throws {
        let rig = try MoneyRig(settleTimeout: "1s")
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        rig.isSilent = true
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve { settlement.first != nil })
        guard case .pending? = settlement.first else { return #expect(Bool(false), "\(settlement.all)") }
        rig.stop()
    }

    @Test func aLostTransactionIsBroadcastAgain() throws {
        let rig = try MoneyRig()
        try rig.start()
        rig.chain.refusals = [""]
        let request = rig.request()
        let settlement = rig.settle(try rig.claim(request), request)
        #expect(rig.serve(untilHeard: 2))
        #expect(rig.chain.heard[0].hash == rig.chain.heard[1].hash)
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        #expect(transaction(settlement.first) != nil, "\(settlement.all)")
        rig.stop()
    }

    @Test func whatIsTooCheapIsSentAgainForMore() throws {
        let rig = try MoneyRig()
        try rig.start()
        rig.chain.refusals = ["transaction underpriced"]
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve { Set(rig.chain.heard.map(\.hash)).count == 2 })
        let first = rig.chain.heard[0]
        let second = try #require(rig.chain.heard.last)
        #expect(second.nonce == first.nonce && second.maxFee * 8 >= first.maxFee * 9 && second.data == first.data)
        #expect(try rig.transactions(ticket.id).map(\.hash) == [first.hash, second.hash])
        rig.chain.forgetPool()
        rig.serve { rig.chain.pool[second.nonce]?.hash == second.hash }
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        #expect(transaction(settlement.first) == second.hash.hex)
        rig.stop()
    }

    @Test func whatAReorganizationTookIsSentAgain() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        rig.ledger.ended(ticket, .delivered)
        let heard = rig.chain.heard.count
        rig.chain.takeBack(1)
        rig.chain.mine()
        rig.chain.mine()
        #expect(rig.serve { (try? rig.record(ticket.id))?.reorganizedAt != nil })
        #expect(rig.serve(untilHeard: heard + 1))
        #expect(rig.chain.heard[heard].hash == rig.chain.heard[0].hash)
        rig.chain.mine()
        #expect(rig.serve { (try? rig.record(ticket.id))?.evidenceBlock == rig.chain.head.block.number })
        let record = try rig.record(ticket.id)
        #expect(record.state == .delivered && record.reorganizedAt == nil)
        rig.stop()
    }

    @Test func aRestartTakesUpWhatWasSent() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        _ = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.forgetPool()
        try rig.restart()
        // The same bytes, from the ledger.
        #expect(rig.serve(untilHeard: 2))
        #expect(rig.chain.heard[1].hash == rig.chain.heard[0].hash)
        rig.chain.mine()
        #expect(rig.serve(untilState: .owed, ticket.id))
        // The next one has the next nonce.
        let next = rig.request()
        let settlement = rig.settle(try rig.claim(next), next)
        #expect(rig.serve { rig.chain.heard.last?.nonce == 1 })
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        rig.stop()
    }

    @Test func aTransactionThatWasMinedWhileNobodyWatchedIsFound() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        _ = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.money.stop()
        rig.ledger.stop()
        rig.chain.mine()
        for _ in 0..<300 { rig.chain.mine() }
        try rig.restart()
        #expect(rig.serve(untilState: .owed, ticket.id))
        rig.stop()
    }

    @Test func finalClaimsAreWatchedNoLonger() throws {
        let rig = try MoneyRig()
        try rig.start()
        let request = rig.request()
        let ticket = try rig.claim(request)
        let settlement = rig.settle(ticket, request)
        #expect(rig.serve(untilHeard: 1))
        rig.chain.mine()
        #expect(rig.serve { settlement.first != nil })
        rig.ledger.ended(ticket, .delivered)
        rig.chain.finalized = rig.chain.head.block.number
        try rig.restart()
        #expect(rig.serve { (try? rig.record(ticket.id))?.isWatched == false })
        rig.stop()
    }

    @Test func aTokenThatIsAnotherIsFatal() throws {
        let rig = try MoneyRig()
        rig.chain.tokenName = "Not USDC"
        let fault = #expect(throws: StartFault.self) { try rig.start() }
        #expect(fault?.description.contains("payments.usdc") == true)
        #expect(fault?.description.contains("Not USDC") == true)
        rig.ledger.stop()
    }

    @Test func anUnreachableNodeIsDegradedAndTriedAgain() throws {
        let rig = try MoneyRig()
        rig.isDown = true
        try rig.start()
        guard case .unreachable = rig.verify(rig.request()) else { return #expect(Bool(false)) }
        #expect(rig.money.troubles.contains { $0.code == "rpc_unreachable" })
        rig.isDown = false
        #expect(rig.serve { rig.money.troubles.isEmpty })
        let request = rig.request()
        _ = try rig.claim(request)
        rig.stop()
    }
}
