import Bytes
import EventLoop
import Foundation
import Glibc
import Ledger
import Logging
import Payments
import Synchronization
import Testing

@testable import Gateway

/// A claim at a facilitator, from the lease to what the ledger holds.
@Suite struct RemoteFacilitatorSettlerTests {
    /// Hears what other threads say once.
    private final class Told<Value: Sendable>: Sendable {
        private let value = Mutex<Value?>(nil)
        var said: Value? { value.withLock { $0 } }
        func say(_ new: Value) {
            value.withLock {
                #expect($0 == nil)
                $0 = new
            }
        }
    }

    private final class Witness: PaymentWitness {
        var said: [String] = []
        var reply: (@Sendable (Settlement) -> Void)?

        func expect(
            _ claim: ClaimID, _ request: VerificationRequest, withinMilliseconds: Int,
            reply: @escaping @Sendable (Settlement) -> Void
        ) {
            said.append("expect within \(withinMilliseconds)")
            self.reply = reply
        }

        func named(_ transaction: String, of claim: ClaimID) { said.append("named \(transaction.prefix(6))") }
        func refused(_ claim: ClaimID, code: String) { said.append("refused \(code)") }
    }

    /// A ledger with one payment found good, and a facilitator that the test answers for.
    private final class Case {
        let rig: ClientRig
        let port: ServerPort
        let folder = ConfigDirectory()
        let ledger: Ledger
        let settler: RemoteFacilitatorSettler
        let request: VerificationRequest
        let witness: Witness?
        let answered: UInt16

        init(withWitness: Bool = false, isClosed: Bool = false) throws {
            rig = try ClientRig()
            port = try ServerPort()
            answered = isClosed ? try ServerPort.closed() : port.port
            ledger = Ledger(LedgerConfiguration(path: "\(folder.path)/ledger.db"))
            request = try FacilitatorSamples.request()
            var payment = try revision(moneyAndUpstream).payments[0]
            payment.facilitator = .remote("hosted")
            payment.settlementSeconds = 1
            let facilitator = RemoteFacilitator(
                FacilitatorSettings(
                    name: "hosted", url: try ServiceURL.parse("http://127.0.0.1:\(answered)").get(), access: .open,
                    caFile: nil, timeoutMilliseconds: 10_000, place: payment.place), client: rig.client)
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let watch = FacilitatorWatch(facilitator, payments: [payment], loop: rig.loop, logger: quiet) {}
            witness = withWitness ? Witness() : nil
            settler = try RemoteFacilitatorSettler(
                payment, facilitator: facilitator, watch: watch, ledger: ledger, witness: witness, loop: rig.loop,
                logger: quiet)
        }

        deinit { ledger.stop() }

        func wait<Value>(_ told: Told<Value>) throws -> Value {
            rig.run { told.said != nil }
            return try #require(told.said)
        }

        /// The claim is on disk, and nothing was sent.
        func claim(_ order: SettleOrder) throws -> Ticket {
            let signed = request.payload.authorization
            let admission = Admission(
                key: ClaimKey(
                    chain: request.offer.network, asset: request.offer.asset.bytes, payer: signed.from.bytes,
                    nonce: signed.nonce), binding: .zero, order: order, amountAtomic: 20_000,
                payTo: request.offer.payTo.bytes, validBefore: Int64(time(nil)) + 600, neededSeconds: 30,
                assetDecimals: 6, facilitator: .remote("hosted"), route: "GET /a", revision: 1, request: "GET /a",
                isIdempotent: true, inFlightPerWallet: 1)
            let admitted = Told<Admitted>()
            ledger.admit(admission) { admitted.say($0) }
            guard case .verify(let hold) = try wait(admitted) else { throw Odd() }
            let claimed = Told<Admitted>()
            ledger.claim(hold, balanceAtomic: 20_000) { claimed.say($0) }
            guard case .claimed(let ticket) = try wait(claimed) else { throw Odd() }
            return ticket
        }

        func answer(_ text: String) throws {
            let peer = try port.accept(rig)
            peer.read(rig, until: "}}}")
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            rig.settle()
        }

        /// As `farebox ledger list` would show it.
        func state() throws -> ClaimState {
            ledger.stop()
            return try #require(LedgerReader(path: "\(folder.path)/ledger.db").list(limit: 1).first).state
        }
    }

    private struct Odd: Error {}

    private static let success = """
        {"success":true,"transaction":"\(FacilitatorSamples.hash)","network":"eip155:84532"}
        """
    private static let refusal = """
        {"success":false,"errorReason":"insufficient_funds","transaction":"","network":"eip155:84532"}
        """

    private static func text(_ settlement: Settlement) -> String {
        switch settlement {
        case .settled(let transaction, let mayForward): "settled \(transaction.prefix(6)) \(mayForward)"
        case .refused(let code): "refused \(code)"
        case .pending(let transaction): "pending \(transaction.prefix(6))"
        case .unavailable: "unavailable"
        }
    }

    @Test(
        arguments: [
            (SettleOrder.after, success, "settled 0xabab false", ClaimState.settled),
            (.first, success, "settled 0xabab true", .running),
            (.after, refusal, "refused insufficient_funds", .failed),
            (.first, refusal, "refused insufficient_funds", .failed),
            (.after, "what?", "pending ", .unknown),
            (.first, success.replacing("84532", with: "1"), "pending 0xabab", .unknown),
        ])
    func theFacilitatorsWordIsOnDiskBeforeItIsTold(
        _ order: SettleOrder, _ answer: String, _ told: String, _ state: ClaimState
    ) throws {
        let one = try Case()
        let ticket = try one.claim(order)
        let settled = Told<Settlement>()
        one.settler.settle(ticket, one.request) { settled.say($0) }
        try one.answer(answer)
        #expect(Self.text(try one.wait(settled)) == told)
        #expect(try one.state() == state)
        withExtendedLifetime(ticket) {}
    }

    @Test func whatNeverLeftHasFailed() throws {
        let one = try Case(isClosed: true)
        let ticket = try one.claim(.after)
        let settled = Told<Settlement>()
        one.settler.settle(ticket, one.request) { settled.say($0) }
        #expect(Self.text(try one.wait(settled)) == "refused facilitator_unreachable")
        #expect(try one.state() == .failed)
        withExtendedLifetime(ticket) {}
    }

    /// Where the chain is read, a facilitator's success settles nothing.
    @Test(
        arguments: [
            (success, ["expect within 1000", "named 0xabab"]),
            (refusal, ["expect within 1000", "refused insufficient_funds"]), ("what?", ["expect within 1000"]),
            (success.replacing("84532", with: "1"), ["expect within 1000", "named 0xabab"]),
        ])
    func theChainsWordCounts(_ answer: String, _ said: [String]) throws {
        let one = try Case(withWitness: true)
        let ticket = try one.claim(.after)
        let settled = Told<Settlement>()
        one.settler.settle(ticket, one.request) { settled.say($0) }
        try one.answer(answer)
        one.rig.run { one.witness?.said.count == said.count }
        #expect(one.witness?.said == said)
        #expect(settled.said == nil)
        #expect(try one.state() == .sent)
        withExtendedLifetime(ticket) {}
    }

    @Test func verdictsKeepTheirCodes() throws {
        func verdict(_ answer: String) throws -> String {
            let one = try Case()
            let told = Told<Verdict>()
            one.settler.verify(one.request) { told.say($0) }
            try one.answer(answer)
            return "\(try one.wait(told))"
        }
        #expect(try verdict("{\"isValid\":true}") == "good(balanceAtomic: 20000)")
        #expect(
            try verdict("{\"isValid\":false,\"invalidReason\":\"invalid_exact_evm_insufficient_balance\"}")
                == "refused(Payments.PaymentCode.insufficientBalance)")
        #expect(
            try verdict("{\"isValid\":false,\"invalidReason\":\"kyt_denied\"}")
                == "refusedByFacilitator(code: \"kyt_denied\")")
        #expect(try verdict("").hasPrefix("unreachable"))
        let told = Told<Verdict>()
        let one = try Case()
        one.settler.prove(one.request) { told.say($0) }
        #expect("\(try one.wait(told))" == "refused(Payments.PaymentCode.signature)")
    }
}
