import Bytes
import Chains
import EventLoop
import Foundation
import Ledger
import Logging
import Synchronization
import Testing

@testable import Gateway
@testable import Payments

/// What other threads say, for a test to look at.
final class Heard<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    func put(_ value: Value) { values.withLock { $0.append(value) } }
    var all: [Value] { values.withLock { $0 } }
    var first: Value? { all.first }
}

/// A real money loop over a real ledger, before a chain that the test mines.
final class MoneyRig {
    let chain = FakeChain()
    let node: ScriptedNode
    private let patience = Patience()
    private let folder = ConfigDirectory()
    private(set) var ledger: Ledger
    private(set) var money: MoneyLoop!
    /// The node takes connections and says nothing.
    var isSilent = false
    /// The node hangs up.
    var isDown = false
    private var lastNonce: UInt64 = 0
    /// Held as exchanges hold them: one that is let go counts as lost.
    private var tickets: [Ticket] = []
    private let revision: Revision

    static let relayerKey = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

    init(settleTimeout: String = "20s", confirmations: String = "1") throws {
        node = try ScriptedNode()
        folder.write(
            "1.yaml",
            """
            networks:
              base-sepolia: {rpc: "http://127.0.0.1:\(node.port.port)", confirmations: \(confirmations), settle_timeout: \(settleTimeout)}
            relayer: {key: {env: KEY}}
            payments:
              usdc: {network: base-sepolia, asset: USDC, pay_to: "\(FakeChain.payee)", facilitator: self}
            upstreams: {legacy: {url: "http://127.0.0.1:9000"}}
            routes: [{match: /a, upstream: legacy, price: $0.02}]

            """)
        revision = try folder.loader(.run, environment: ["KEY": Self.relayerKey]).load(now: 0).get()
        ledger = Ledger(LedgerConfiguration(path: folder.path + "/ledger.db"))
        node.script = { [unowned self] calls in
            if isSilent { return .silence }
            if isDown { return .close }
            let answers = Dictionary(uniqueKeysWithValues: calls.map { ($0.id, chain.answer($0)) })
            return .reply { answers[$0.id] }
        }
    }

    /// Starts the loop on a thread of its own while the node is served here.
    func start() throws {
        let started = Heard<Result<MoneyLoop, StartFault>>()
        let (revision, ledger) = (revision, ledger)
        Thread {
            do throws(StartFault) {
                started.put(
                    .success(
                        try MoneyLoop(
                            revision, ledger: ledger, resolver: Resolver(), idleMilliseconds: 100,
                            logger: Logger(label: "money-tests"))))
            } catch {
                started.put(.failure(error))
            }
        }.start()
        serve { started.first != nil }
        money = try #require(started.first).get()
    }

    /// As a gateway that is stopped and started again.
    func restart() throws {
        money.stop()
        ledger.stop()
        ledger = Ledger(LedgerConfiguration(path: folder.path + "/ledger.db"))
        try start()
    }

    func stop() {
        money.stop()
        ledger.stop()
    }

    /// Answers the loop until it is so.
    @discardableResult func serve(until condition: () -> Bool) -> Bool {
        patience.wait(until: condition) { node.serve() }
    }

    // MARK: Payments

    var offer: Offer { revision.routes[0].terms!.offers[0] }

    func request() -> VerificationRequest {
        lastNonce += 1
        let now = UInt64(time(nil))
        let authorization = TransferWithAuthorization(
            from: Address.parse("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")!.address, to: offer.payTo,
            value: UInt256(offer.amountAtomic), validAfter: .zero, validBefore: UInt256(now + 300),
            nonce: UInt256(lastNonce).bytes)
        return VerificationRequest(
            offer: offer,
            payload: PaymentPayload(
                version: .v2, scheme: Offer.scheme, network: offer.network, accepted: nil,
                authorization: authorization, signature: [UInt8](repeating: 1, count: 64) + [27],
                paymentIdentifier: nil, json: []),
            resourceURL: "https://shop.example.com/a")
    }

    /// Admitted, verified, claimed: what an exchange does before it settles.
    func claim(_ request: VerificationRequest) throws -> Ticket {
        let authorization = request.payload.authorization
        let admitted = Heard<Admitted>()
        ledger.admit(
            Admission(
                key: ClaimKey(
                    chain: offer.network, asset: offer.asset.bytes, payer: authorization.from.bytes,
                    nonce: authorization.nonce),
                binding: authorization.nonce, order: .after, amountAtomic: offer.amountAtomic,
                payTo: offer.payTo.bytes, validBefore: authorization.validBefore.clampedToInt64, neededSeconds: 1,
                assetDecimals: 6, facilitator: .chain, route: "/a", revision: 1, request: "GET /a", isIdempotent: true,
                inFlightPerWallet: 16)
        ) { admitted.put($0) }
        #expect(serve { admitted.first != nil })
        guard case .verify(let hold) = try #require(admitted.first) else { throw MoneyFault("not to be verified") }
        let verdict = verify(request)
        guard case .good(let balance) = verdict else { throw MoneyFault("\(verdict)") }
        let claimed = Heard<Admitted>()
        ledger.claim(hold, balanceAtomic: balance) { claimed.put($0) }
        #expect(serve { claimed.first != nil })
        guard case .claimed(let ticket) = try #require(claimed.first) else { throw MoneyFault("not claimed") }
        tickets.append(ticket)
        return ticket
    }

    func verify(_ request: VerificationRequest) -> Verdict {
        let verdict = Heard<Verdict>()
        money.verify(request) { verdict.put($0) }
        #expect(serve { verdict.first != nil })
        return verdict.first ?? .unreachable("the test waited too long")
    }

    func settle(_ ticket: Ticket, _ request: VerificationRequest) -> Heard<Settlement> {
        let settlement = Heard<Settlement>()
        money.settle(ticket, request) { settlement.put($0) }
        return settlement
    }

    /// Until the node has heard so many transactions.
    @discardableResult func serve(untilHeard count: Int) -> Bool { serve { self.chain.heard.count >= count } }

    /// What the ledger holds of a claim.
    func record(_ id: ClaimID) throws -> ClaimRecord {
        let claims = try LedgerReader(path: folder.path + "/ledger.db").list(limit: 100)
        return try #require(claims.first { $0.id == id })
    }

    func transactions(_ id: ClaimID) throws -> [SentTransaction] {
        try LedgerReader(path: folder.path + "/ledger.db").transactions(of: id).map(\.transaction)
    }

    func serve(untilState state: ClaimState, _ id: ClaimID) -> Bool {
        serve { ((try? self.record(id))?.state) == state }
    }
}
