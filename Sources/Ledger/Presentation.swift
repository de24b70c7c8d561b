/// One admission on its way: new, in a lease queue, or waiting for a claim in flight.
final class Presentation {
    enum Place {
        case moving
        case queued
        /// Waits for the claim's end; a retry with a fresh nonce does so holding its lease, a copy of the same payment holds none.
        case awaiting(row: Int64, holdsLease: Bool)
        /// Answered `.verify`: holds its lease until it is claimed or released.
        case held(number: Int)
    }

    /// How far a hold's readings go back.
    struct HoldStart {
        /// `WalletState.settledAtomic` when the hold was given.
        var settledAtomic: UInt128 = 0
        var unixSeconds: Int64 = 0
    }

    /// What the chain said the wallet has, at some time after the hold was given.
    struct Reading {
        /// Nil: the amount at least, which suffices where nothing else of the wallet is in flight.
        let balanceAtomic: UInt128?
        let since: HoldStart
    }

    let admission: Admission
    let token: AdmissionToken
    private(set) var reply: @Sendable (Admitted) -> Void
    var place = Place.moving
    /// When the present waiting is over, in monotonic nanoseconds.
    var deadline: UInt64 = 0
    /// When all waiting for other exchanges is over; set by the first.
    var awaitDeadline: UInt64?
    /// When waiting for a balance that was read to become free is over; set by the first.
    var balanceDeadline: UInt64?
    private(set) var holds = 0
    private var holdStart = HoldStart()
    /// The balance as last read for it.
    var reading: Reading?

    init(_ admission: Admission, _ token: AdmissionToken, _ reply: @escaping @Sendable (Admitted) -> Void) {
        self.admission = admission
        self.token = token
        self.reply = reply
    }

    /// Gives it a hold, with a number of its own, and the reply that is to be answered with it: who was told is not kept, since it
    /// may keep the hold.
    func hold(from start: HoldStart) -> (HoldName, @Sendable (Admitted) -> Void) {
        let told = reply
        reply = { _ in }
        holds += 1
        place = .held(number: holds)
        holdStart = start
        return (HoldName(token: token, number: holds), told)
    }

    /// It comes back from its hold with a balance, and somebody else to tell.
    func verified(balanceAtomic: UInt128?, reply: @escaping @Sendable (Admitted) -> Void) {
        place = .moving
        reading = Reading(balanceAtomic: balanceAtomic, since: holdStart)
        self.reply = reply
    }
}

/// A claim that an exchange works on now.
final class InFlight {
    var claim: ClaimRecord
    /// Unowned: it holds its claims in flight, and the core holds it for as long as there are any.
    unowned let wallet: WalletState
    /// Whose lease it holds: the order of the route it came by, which for a rerun need not be the claim's.
    let leaseOrder: SettleOrder
    let token: AdmissionToken
    let isRerun: Bool
    /// The caller is given the answer that is kept: the upstream is not asked.
    let givesStored: Bool
    let assetDecimals: Int
    /// How long its answer is kept.
    let keepSeconds: Int64
    var isCallerGone = false

    init(
        _ claim: ClaimRecord, wallet: WalletState, leaseOrder: SettleOrder, token: AdmissionToken, isRerun: Bool,
        givesStored: Bool, assetDecimals: Int, keepSeconds: Int64
    ) {
        self.claim = claim
        self.wallet = wallet
        self.leaseOrder = leaseOrder
        self.token = token
        self.isRerun = isRerun
        self.givesStored = givesStored
        self.assetDecimals = assetDecimals
        self.keepSeconds = keepSeconds
    }

    var attempt: Attempt { Attempt(row: claim.id.row, number: claim.attempts) }

    /// What of the wallet's balance it may still take.
    var reservedAtomic: UInt128 { claim.machine.isPaid ? 0 : claim.amountAtomic }
}
