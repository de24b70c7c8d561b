import Bytes
import EventLoop
import Foundation
import Ledger
import Logging
import Payments
import Testing

@testable import Gateway

/// A claim at a facilitator, from the lease to what the ledger holds: by its word alone, and beside a chain that is read.
@Suite struct RemoteSettlerTests {
    /// A money loop over a real ledger, before a facilitator, and perhaps a chain, that the test answers for.
    private final class Rig {
        let chain = FakeChain()
        private let node: ScriptedNode
        private let port: ServerPort
        private let folder = ConfigDirectory()
        private let patience = Patience()
        private let ledger: Ledger
        private var money: MoneyLoop!
        private var peers: [LoopbackPeer] = []
        /// Paths of the facilitator that were asked.
        private(set) var asked: [String] = []
        /// The body of the answer to `/settle`.
        var settled = ""
        let request: VerificationRequest

        /// - Parameter settleSeconds: until an exchange is told that its settlement is pending; longer than any test where it is not
        ///   the deadline that is tested.
        init(readsChain: Bool, isClosed: Bool = false, settleSeconds: Int = 60) throws {
            node = try ScriptedNode()
            port = try ServerPort()
            let facilitator = isClosed ? try ServerPort.closed() : port.port
            folder.write(
                "1.yaml",
                """
                networks:
                  base-sepolia: {settle_timeout: \(settleSeconds)s\(readsChain ? ", rpc: \"http://127.0.0.1:\(node.port.port)\"" : "")}
                facilitators: {hosted: {url: "http://127.0.0.1:\(facilitator)"}}
                payments:
                  usdc: {network: base-sepolia, asset: USDC, pay_to: "\(FacilitatorSamples.payTo)", facilitator: hosted}
                upstreams: {legacy: {url: "http://127.0.0.1:9000"}}
                routes: [{match: /a, upstream: legacy, price: $0.02}]

                """)
            let revision = try folder.loader(.run).load(now: 0).get()
            request = try FacilitatorSamples.request()
            ledger = Ledger(LedgerConfiguration(path: folder.path + "/ledger.db"))
            node.script = { [unowned self] calls in
                let answers = Dictionary(uniqueKeysWithValues: calls.map { ($0.id, chain.answer($0)) })
                return .reply { answers[$0.id] }
            }
            let started = Heard<Result<MoneyLoop, StartFault>>()
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            Thread { [ledger] in
                started.put(
                    Result { () throws(StartFault) in
                        try MoneyLoop(
                            revision, ledger: ledger, resolver: Resolver(), idleMilliseconds: 100, logger: quiet)
                    })
            }.start()
            serve { started.first != nil }
            money = try #require(started.first).get()
        }

        func stop() {
            money.stop()
            ledger.stop()
        }

        /// Answers for the facilitator and the chain until it is so.
        @discardableResult func serve(until condition: () -> Bool) -> Bool {
            patience.wait(until: condition) {
                node.serve()
                serveFacilitator()
            }
        }

        private func serveFacilitator() {
            while let peer = (try? port.acceptWaiting()) ?? nil { peers.append(peer) }
            for peer in peers where !peer.isFinished && peer.readAvailable() {
                let text = peer.text
                guard text.hasPrefix("GET") ? text.hasSuffix("\r\n\r\n") : text.hasSuffix("}}}") else { continue }
                peer.forget()
                let path = String(text.split(separator: " ")[1])
                asked.append(path)
                let body =
                    switch path {
                    case "/verify": "{\"isValid\":true}"
                    case "/settle": settled
                    default: "{\"kinds\":[]}"
                    }
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }

        /// The claim is on disk, and nothing was sent.
        func claim(_ order: SettleOrder = .after) throws -> Ticket {
            let signed = request.payload.authorization
            let admission = Admission(
                key: ClaimKey(
                    chain: request.offer.network, asset: request.offer.asset.bytes, payer: signed.from.bytes,
                    nonce: signed.nonce), binding: .zero, order: order, amountAtomic: 20_000,
                payTo: request.offer.payTo.bytes, validBefore: signed.validBefore.clampedToInt64, neededSeconds: 1,
                assetDecimals: 6, facilitator: .remote("hosted"), route: "/a", revision: 1, request: "GET /a",
                isIdempotent: true, inFlightPerWallet: 1)
            let admitted = Heard<Admitted>()
            ledger.admit(admission) { admitted.put($0) }
            serve { admitted.first != nil }
            guard case .verify(let hold)? = admitted.first else { throw MoneyFault("not to be verified") }
            let claimed = Heard<Admitted>()
            ledger.claim(hold, balanceAtomic: 20_000) { claimed.put($0) }
            serve { claimed.first != nil }
            guard case .claimed(let ticket)? = claimed.first else { throw MoneyFault("not claimed") }
            return ticket
        }

        func verify() -> Verdict? {
            let verdict = Heard<Verdict>()
            money.verify(request) { verdict.put($0) }
            serve { verdict.first != nil }
            return verdict.first
        }

        func settle(_ ticket: Ticket) -> Heard<Settlement> {
            let settlement = Heard<Settlement>()
            money.settle(ticket, request) { settlement.put($0) }
            return settlement
        }

        /// As `farebox ledger list` shows it.
        var record: ClaimRecord? { try? LedgerReader(path: folder.path + "/ledger.db").list(limit: 1).first }
    }

    private static let success = """
        {"success":true,"transaction":"\(FacilitatorSamples.hash)","network":"eip155:84532"}
        """
    private static let refusal = """
        {"success":false,"errorReason":"insufficient_funds","transaction":"","network":"eip155:84532"}
        """

    private static func text(_ settlement: Settlement?) -> String {
        switch settlement {
        case .settled(let transaction, let mayForward): "settled \(transaction.prefix(6)) \(mayForward)"
        case .refused(let code): "refused \(code)"
        case .pending(let transaction): "pending \(transaction.prefix(6))"
        case .unavailable: "unavailable"
        case nil: "nothing"
        }
    }

    @Test(
        arguments: [
            (SettleOrder.after, success, "settled 0xabab false", ClaimState.settled),
            (.first, success, "settled 0xabab true", .running),
            (.after, refusal, "refused insufficient_funds", .failed),
            (.first, refusal, "refused insufficient_funds", .failed), (.after, "what?", "pending ", .unknown),
            (.first, success.replacing("84532", with: "1"), "pending 0xabab", .unknown),
        ])
    func withoutAChainItsWordIsAllThereIs(
        _ order: SettleOrder, _ answer: String, _ told: String, _ state: ClaimState
    ) throws {
        let rig = try Rig(readsChain: false)
        rig.settled = answer
        let ticket = try rig.claim(order)
        let settlement = rig.settle(ticket)
        rig.serve { settlement.first != nil }
        #expect(Self.text(settlement.first) == told)
        #expect(rig.record?.state == state)
        #expect(rig.asked.count { $0 == "/settle" } == 1)
        rig.stop()
    }

    @Test func whatNeverLeftHasFailed() throws {
        let rig = try Rig(readsChain: false, isClosed: true, settleSeconds: 2)
        let ticket = try rig.claim()
        let settlement = rig.settle(ticket)
        rig.serve { settlement.first != nil }
        #expect(Self.text(settlement.first).hasPrefix("refused "))
        #expect(rig.record?.state == .failed)
        rig.stop()
    }

    /// The transaction that counts is the chain's, whatever the facilitator calls it.
    @Test func theChainSaysWhatSettled() throws {
        let rig = try Rig(readsChain: true)
        rig.settled = Self.success
        let ticket = try rig.claim()
        let settlement = rig.settle(ticket)
        rig.serve { rig.asked.contains("/settle") }
        #expect(settlement.first == nil)
        #expect(rig.record?.state == .sent)
        rig.chain.mine(strangers: [rig.request.payload.authorization])
        rig.serve { settlement.first != nil }
        guard case .settled(let transaction, _)? = settlement.first else {
            Issue.record("\(Self.text(settlement.first))")
            return
        }
        #expect(transaction != FacilitatorSamples.lowerHash)
        #expect(rig.record?.transaction == transaction)
        #expect(rig.record?.state == .settled)
        rig.stop()
    }

    /// A success that the chain does not show delivers nothing; when it shows it later, it is owed.
    @Test(arguments: [(success, "pending 0xabab"), ("what?", "pending ")]) func aHashThatLiesIsPending(
        _ answer: String, _ told: String
    ) throws {
        // Where a busy machine brings the deadline before the facilitator's word, a later one is taken.
        for seconds in [1, 10, 60] {
            let rig = try Rig(readsChain: true, settleSeconds: seconds)
            defer { rig.stop() }
            rig.settled = answer
            let ticket = try rig.claim()
            let settlement = rig.settle(ticket)
            rig.serve { settlement.first != nil }
            if Self.text(settlement.first) != told && seconds < 60 { continue }
            #expect(Self.text(settlement.first) == told)
            #expect(rig.record?.state == .unknown)
            rig.chain.mine(strangers: [rig.request.payload.authorization])
            #expect(rig.serve { rig.record?.state == .owed })
            return
        }
    }

    @Test func aRefusalEndsTheWaiting() throws {
        let rig = try Rig(readsChain: true)
        rig.settled = Self.refusal
        let ticket = try rig.claim()
        let settlement = rig.settle(ticket)
        rig.serve { settlement.first != nil }
        #expect(Self.text(settlement.first) == "refused insufficient_funds")
        #expect(rig.record?.state == .failed)
        rig.stop()
    }

    @Test func theBalanceIsTheChainsWhereItIsRead() throws {
        let blind = try Rig(readsChain: false)
        #expect("\(blind.verify()!)" == "good(balanceAtomic: Optional(20000))")
        blind.stop()
        let seeing = try Rig(readsChain: true)
        #expect("\(seeing.verify()!)" == "good(balanceAtomic: Optional(1000000000))")
        seeing.chain.balanceAtomic = 19_999
        #expect("\(seeing.verify()!)" == "refused(Payments.PaymentCode.insufficientBalance)")
        seeing.stop()
    }
}
