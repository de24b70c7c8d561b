/// One admission on its way: new, in a lease queue, or waiting for a claim in flight.
final class Presentation {
    enum Place {
        case moving
        case queued
        /// Waits for the claim's end; a retry with a fresh nonce does so holding its lease, a copy of the same payment holds none.
        case awaiting(row: Int64, holdsLease: Bool)
    }

    let admission: Admission
    let token: AdmissionToken
    let reply: @Sendable (Admitted) -> Void
    var place = Place.moving
    /// When the present waiting is over, in monotonic nanoseconds.
    var deadline: UInt64 = 0
    /// When all waiting for other exchanges is over; set by the first.
    var awaitDeadline: UInt64?

    init(_ admission: Admission, _ token: AdmissionToken, _ reply: @escaping @Sendable (Admitted) -> Void) {
        self.admission = admission
        self.token = token
        self.reply = reply
    }
}

/// A claim that an exchange works on now.
final class InFlight {
    var claim: ClaimRecord
    let wallet: WalletState
    /// Whose lease it holds: the order of the route it came by, which for a rerun need not be the claim's.
    let leaseOrder: SettleOrder
    let token: AdmissionToken
    let isRerun: Bool
    let assetDecimals: Int
    var isCallerGone = false

    init(
        _ claim: ClaimRecord, wallet: WalletState, leaseOrder: SettleOrder, token: AdmissionToken, isRerun: Bool,
        assetDecimals: Int
    ) {
        self.claim = claim
        self.wallet = wallet
        self.leaseOrder = leaseOrder
        self.token = token
        self.isRerun = isRerun
        self.assetDecimals = assetDecimals
    }

    var attempt: Attempt { Attempt(row: claim.id.row, number: claim.attempts) }

    /// What of the wallet's balance it may still take.
    var reservedAtomic: UInt128 { claim.machine.isPaid ? 0 : claim.amountAtomic }
}
