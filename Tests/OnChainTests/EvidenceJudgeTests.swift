import Bytes
import Chains
import OnChain
import Testing

@Suite struct EvidenceJudgeTests {
    typealias Place = Sample.Place
    private let ours = Sample.transfer()

    @Test func topicsAreThoseOfTheEvents() {
        #expect(
            EvidenceJudge.authorizationUsed.hex == "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5")
        #expect(
            EvidenceJudge.authorizationCanceled.hex
                == "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81")
        #expect(EvidenceJudge.transfer.hex == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
    }

    private func findings(_ logs: [RPCLog], _ awaited: AwaitedTransfer...) -> [ChainFinding] {
        EvidenceJudge.findings(in: logs) { key in awaited.first { $0.key == key } }.map(\.finding)
    }

    @Test func adjacentLogsProveAClaim() {
        let place = Place(index: 3)
        let logs = [Sample.used(ours, place), Sample.moved(ours, Place(index: 4))]
        #expect(findings(logs, ours) == [.settled(place.onChain)])
        #expect(findings(logs.reversed(), ours) == [.settled(place.onChain)])
        #expect(findings(logs) == [])
    }

    @Test(arguments: [
        // Another recipient, another value: the money went elsewhere.
        [Sample.moved(Sample.transfer(), Place(index: 4), to: Sample.payer)],
        [Sample.moved(Sample.transfer(), Place(index: 4), value: 999)],
        // The next log of the token is another authorization's.
        [Sample.used(Sample.transfer(nonce: 2), Place(index: 4)), Sample.moved(Sample.transfer(), Place(index: 5))],
    ])
    func anotherNextLogOfTheTokenIsAnotherUse(_ rest: [RPCLog]) {
        let place = Place(index: 3)
        #expect(findings([Sample.used(ours, place)] + rest, ours) == [.usedElsewhere(place.onChain)])
    }

    @Test(arguments: [
        [],
        // Not adjacent: something was filtered out.
        [Sample.moved(Sample.transfer(), Place(index: 5))],
        // Of another token, transaction or block.
        [Sample.moved(Sample.transfer(), Place(index: 4), token: Sample.otherToken)],
        [Sample.moved(Sample.transfer(), Place(transaction: 0xF2, index: 4))],
        [Sample.moved(Sample.transfer(), Place(index: 4, fork: 1))],
    ])
    func whatIsNotAdjacentNeedsTheReceipt(_ rest: [RPCLog]) {
        let place = Place(index: 3)
        #expect(findings([Sample.used(ours, place)] + rest, ours) == [.unclear(place.onChain)])
    }

    @Test func aTransferAloneProvesNothing() {
        #expect(findings([Sample.moved(ours, Place())], ours) == [])
        #expect(EvidenceJudge.finding(in: Sample.receipt([Sample.moved(ours, Place())]), for: ours) == nil)
    }

    @Test func oneTransferProvesOneClaim() {
        // One nonce to us and one to itself, in one transaction with one transfer to us.
        let second = Sample.transfer(nonce: 2)
        let logs = [
            Sample.used(ours, Place(index: 0)), Sample.used(second, Place(index: 1)),
            Sample.moved(ours, Place(index: 2)),
        ]
        #expect(
            findings(logs, ours, second)
                == [.usedElsewhere(Place(index: 0).onChain), .settled(Place(index: 1).onChain)])
        #expect(EvidenceJudge.finding(in: Sample.receipt(logs), for: ours) == .usedElsewhere(Place().onChain))
        #expect(EvidenceJudge.finding(in: Sample.receipt(logs), for: second) == .settled(Place().onChain))
    }

    @Test func manyInOneTransactionEachHaveTheirOwn() {
        let claims = (0..<5).map { Sample.transfer(nonce: 10 + $0) }
        let logs = claims.enumerated().flatMap { at, claim in
            [
                Sample.used(claim, Place(index: UInt64(at * 2))),
                Sample.moved(claim, Place(index: UInt64(at * 2 + 1))),
            ]
        }
        let found = EvidenceJudge.findings(in: logs) { key in claims.first { $0.key == key } }
        #expect(found.map(\.key) == claims.map(\.key))
        #expect(found.allSatisfy { if case .settled = $0.finding { true } else { false } })
    }

    @Test func canceledIsSeen() {
        let place = Place(index: 7)
        #expect(findings([Sample.canceled(ours, place)], ours) == [.canceled(place.onChain)])
        #expect(
            EvidenceJudge.finding(in: Sample.receipt([Sample.canceled(ours, place)]), for: ours)
                == .canceled(Place().onChain))
    }

    @Test func removedLogsDoNotCount() {
        var logs = [Sample.used(ours, Place(index: 3)), Sample.moved(ours, Place(index: 4))]
        logs[0].removed = true
        #expect(findings(logs, ours) == [])
        logs[0].removed = false
        logs[1].removed = true
        #expect(findings(logs, ours) == [.unclear(Place().onChain)])
    }

    @Test func aReceiptIsReadByTheTokensOwnLogs() {
        // Other contracts' logs between the two do not matter.
        let logs = [
            Sample.used(ours, Place(index: 0)),
            Sample.moved(ours, Place(index: 1), token: Sample.otherToken),
            Sample.moved(ours, Place(index: 2)),
        ]
        #expect(EvidenceJudge.finding(in: Sample.receipt(logs), for: ours) == .settled(Place().onChain))
        #expect(EvidenceJudge.finding(in: Sample.receipt(logs, succeeded: false), for: ours) == nil)
        #expect(EvidenceJudge.finding(in: Sample.receipt([logs[0]]), for: ours) == .usedElsewhere(Place().onChain))
        // The events of another token with the same words are not the token's.
        let foreign = Sample.transfer()
        let elsewhere = AwaitedTransfer(
            key: AuthorizationKey(
                token: Sample.otherToken, authorizer: foreign.key.authorizer, nonce: foreign.key.nonce),
            to: foreign.to, value: foreign.value, validBefore: foreign.validBefore)
        #expect(EvidenceJudge.finding(in: Sample.receipt(logs), for: elsewhere) == nil)
    }

    @Test func malformedEventsSayNothing() {
        var short = Sample.used(ours, Place(index: 3))
        short.topics.removeLast()
        #expect(findings([short], ours) == [])
        var dirty = Sample.used(ours, Place(index: 3))
        dirty.topics[1] = Bytes32([UInt8](repeating: 1, count: 12) + ours.key.authorizer.bytes.array)!
        #expect(findings([dirty], ours) == [])
        var long = Sample.moved(ours, Place(index: 4))
        long.data.append(0)
        #expect(findings([Sample.used(ours, Place(index: 3)), long], ours) == [.usedElsewhere(Place().onChain)])
    }
}
