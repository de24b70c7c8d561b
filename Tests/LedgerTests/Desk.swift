import Bytes
import CrashDisk
import Synchronization
import Testing

@testable import Ledger

/// Where a reply lands; a second one is an error of the ledger.
final class Answer<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var callback: @Sendable (Value) -> Void { { value in self.values.withLock { $0.append(value) } } }

    var value: Value? {
        values.withLock {
            #expect($0.count <= 1, "answered twice")
            return $0.first
        }
    }
}

extension Answer where Value == Admitted {
    /// A short name of the answer, for tables.
    var text: String {
        switch value {
        case nil: "waits"
        case .claimed: "claimed"
        case .redeemed(_, let transaction, nil): "redeemed \(transaction.prefix(8))"
        case .redeemed(_, let transaction, let stored?): "redeemed \(transaction.prefix(8)) \(stored.text)"
        case .stored(let stored, let transaction): "stored \(transaction.prefix(8)) \(stored.text)"
        case .idConflict: "idConflict"
        case .verify: "verify"
        case .refused(let code): "refused \(code)"
        case .stillInFlight: "stillInFlight"
        case .pending(let transaction): "pending \(transaction)"
        case .leaseBusy(let why, _): "leaseBusy \(why.rawValue)"
        case .bounded(let refusal):
            "bounded \(refusal.code.rawValue) \(refusal.policy) left \(refusal.leftText) "
                + (refusal.retryAfterSeconds.map { "in \($0)" } ?? "never")
        case .denied(let refusal):
            "denied \(refusal.code.rawValue) \(refusal.policy) \(refusal.missing)"
                + (refusal.retryAfterSeconds.map { " in \($0)" } ?? "")
        case .review(_, let reason): "review \(reason)"
        case .outcomeUnknown: "outcomeUnknown"
        case .unavailable: "unavailable"
        }
    }

    var ticket: Ticket? {
        switch value {
        case .claimed(let ticket), .redeemed(let ticket, _, _): ticket
        default: nil
        }
    }

    var hold: LeaseHold? {
        switch value {
        case .verify(let hold), .review(let hold, _): hold
        default: nil
        }
    }
}

extension StoredAnswer {
    init(_ body: String) { self.init(status: 200, head: Array("A: b\r\n".utf8), body: Array(body.utf8)) }

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A ledger without its thread, on a disk that can lose power. Every call is a batch of its own unless `together` is used.
final class Desk {
    let disk: CrashDisk
    let clock: ManualClock
    let mailbox = Mailbox()
    private(set) var core: LedgerCore
    private(set) var recovered: Recovery.Report
    var tokens: UInt64 = 0
    private var gathered: [Letter]?
    /// Tickets whose exchanges go on.
    var held: [Ticket] = []

    init(disk: CrashDisk = CrashDisk(), clock: ManualClock = ManualClock()) throws {
        self.disk = disk
        self.clock = clock
        let store = try Store(path: "ledger.db", vfs: disk.name, now: clock.unixSeconds())
        recovered = try Recovery.run(store, now: clock.unixSeconds())
        core = LedgerCore(store: store, clock: clock, mailbox: mailbox)
    }

    /// The process is no more: what is on the disk stays as it is, and SQLite's memory comes back.
    deinit {
        disk.cutPower()
        core.store.database.close()
    }

    func admit(_ admission: Admission) -> Answer<Admitted> { admitted(admission).answer }

    func admitted(_ admission: Admission) -> (answer: Answer<Admitted>, token: AdmissionToken) {
        tokens += 1
        let answer = Answer<Admitted>()
        let token = AdmissionToken(number: tokens)
        post(.admit(admission, token, answer.callback))
        return (answer, token)
    }

    func answered(_ ticket: Ticket) -> Answer<Settlement> {
        let answer = Answer<Settlement>()
        post(.answerCharged(ticket.here, answer.callback))
        return answer
    }

    func settle(_ ticket: Ticket, forwardsLater: Bool = false) -> Answer<Settlement> {
        let answer = Answer<Settlement>()
        post(.settle(ticket.here, forwardsLater: forwardsLater, answer.callback))
        return answer
    }

    func forwarding(_ ticket: Ticket) -> Answer<Forwarding> {
        let answer = Answer<Forwarding>()
        post(.forwarding(ticket.here, answer.callback))
        return answer
    }

    func ended(_ ticket: Ticket, _ end: ExchangeEnd) {
        ticket.didEnd()
        post(.ended(ticket.here, end))
    }

    func store(_ ticket: Ticket, _ body: String) { post(.store(ticket.here, StoredAnswer(body))) }

    func callerGone(_ token: AdmissionToken) { post(.callerGone(token)) }

    func resolve(_ id: ClaimID, _ resolution: ClaimResolution) -> Answer<ResolveOutcome> {
        let answer = Answer<ResolveOutcome>()
        post(.resolve(id, resolution, answer.callback))
        return answer
    }

    /// Everything in `body` comes to the ledger as one batch.
    func together<Value>(_ body: () throws -> Value) rethrows -> Value {
        gathered = []
        let value = try body()
        let batch = gathered ?? []
        gathered = nil
        _ = core.run(batch)
        return value
    }

    func pass(milliseconds: Int) {
        clock.pass(milliseconds: milliseconds)
        turn()
    }

    /// What tickets that were let go have left in the mailbox, and what the time brings.
    func turn() {
        var left: [Letter] = []
        mailbox.take(&left, until: 0)
        _ = core.run(left)
    }

    func post(_ letter: Letter) {
        if gathered != nil { gathered?.append(letter) } else { _ = core.run([letter]) }
    }

    /// The claim as the ledger reads it now.
    func claim(_ admission: Admission) throws -> ClaimRecord? { try core.store.claim(admission.key) }

    func state(_ admission: Admission) throws -> ClaimState? { try claim(admission)?.state }

    func balance(_ admission: Admission) throws -> UInt128 {
        try core.sandboxBalance(admission.key, decimals: admission.assetDecimals).balance
    }

    /// A claim that was paid and not delivered.
    func owe(_ admission: Admission, noRequestByteWritten: Bool = false) throws {
        let ticket = try #require(admit(admission).ticket)
        if admission.order == .first { _ = settle(ticket) } else { _ = answered(ticket) }
        ended(ticket, .undelivered(noRequestByteWritten: noRequestByteWritten))
        #expect(try state(admission) == .owed)
    }

    /// No wallet holds anything any more.
    func expectIdle(_ location: SourceLocation = #_sourceLocation) {
        #expect(core.wallets.isEmpty, sourceLocation: location)
        #expect(core.inFlight.isEmpty && core.inFlightByToken.isEmpty, sourceLocation: location)
        #expect(core.waitingByToken.isEmpty && core.awaiting.isEmpty && core.held.isEmpty, sourceLocation: location)
    }
}

/// Admissions for tests: wallets, nonces and bindings by small numbers.
enum Pay {
    static let now: Int64 = 1_800_000_000
    static let used = "refused invalid_exact_evm_nonce_already_used"
    static let poor = "refused invalid_exact_evm_insufficient_balance"
    static let late = "refused invalid_exact_evm_payload_authorization_valid_before"

    static func bytes32(_ number: Int) -> Bytes32 {
        Bytes32([UInt8](repeating: 0, count: 24) + withUnsafeBytes(of: UInt64(number).bigEndian) { Array($0) })!
    }

    static func bytes20(_ number: Int) -> Bytes20 {
        Bytes20([UInt8](repeating: 0, count: 12) + withUnsafeBytes(of: UInt64(number).bigEndian) { Array($0) })!
    }

    /// Ten units of an asset without decimals are a new wallet's grant.
    static func admission(
        wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after, amount: UInt128 = 1,
        chain: String = "eip155:84532", asset: Int = 7, facilitator: ClaimFacilitator = .sandbox
    ) -> Admission {
        Admission(
            key: ClaimKey(chain: chain, asset: bytes20(asset), payer: bytes20(wallet), nonce: bytes32(nonce)),
            binding: bytes32(binding), order: order, amountAtomic: amount, payTo: bytes20(99),
            validBefore: now + 300, neededSeconds: 60, assetDecimals: 0, facilitator: facilitator,
            route: "GET /v1/reports/*", revision: 1,
            request: "GET /v1/reports/\(binding)", isIdempotent: true, inFlightPerWallet: order == .after ? 1 : 16)
    }
}
