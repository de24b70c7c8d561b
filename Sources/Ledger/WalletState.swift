import Bytes
import DequeModule

/// One value for each order of settlement.
struct PerOrder<Value> {
    var after: Value
    var first: Value

    subscript(order: SettleOrder) -> Value {
        get { order == .after ? after : first }
        set { if order == .after { after = newValue } else { first = newValue } }
    }
}

/// A wallet's leases, queues and reservations. Lives while the wallet has anything in flight or waiting.
final class WalletState {
    let wallet: Wallet
    /// Held by claims in flight, and by retries that wait for one.
    var leases = PerOrder(after: 0, first: 0)
    /// First in, first out, for each order.
    var queues = PerOrder(after: Deque<Presentation>(), first: Deque<Presentation>())
    var inFlight: [InFlight] = []
    /// What of each asset has left the reservations by being paid on the chain, since this value was made.
    private var settledByAsset: [Bytes20: UInt128] = [:]

    init(_ wallet: Wallet) { self.wallet = wallet }

    var isIdle: Bool {
        inFlight.isEmpty && leases.after == 0 && leases.first == 0 && queues.after.isEmpty && queues.first.isEmpty
    }

    func hasFreeLease(for admission: Admission) -> Bool {
        leases[admission.order] < max(admission.inFlightPerWallet, 1)
    }

    /// The unpaid amounts in flight of one asset, in play money or in real; saturates.
    func reservedAtomic(of asset: Bytes20, inSandbox: Bool) -> UInt128 {
        var sum: UInt128 = 0
        for entry in inFlight
        where entry.claim.key.asset == asset && (entry.claim.facilitator == .sandbox) == inSandbox {
            sum = sum.addingSaturated(entry.reservedAtomic)
        }
        return sum
    }

    /// Only ever grows; saturates.
    func settledAtomic(of asset: Bytes20) -> UInt128 { settledByAsset[asset] ?? 0 }

    func noteSettled(_ amountAtomic: UInt128, of asset: Bytes20) {
        settledByAsset[asset] = settledAtomic(of: asset).addingSaturated(amountAtomic)
    }

    /// The exchange that a retry with this binding has to wait for: its caller is gone, or it is a rerun already.
    func exchangeToAwait(for admission: Admission) -> InFlight? {
        inFlight.first {
            $0.claim.binding == admission.binding && $0.claim.bind == .body && ($0.isCallerGone || $0.isRerun)
        }
    }

    /// The queue whose head came first, among those that may go on.
    func nextOrder(except blocked: PerOrder<Bool>) -> SettleOrder? {
        var chosen: SettleOrder?
        for order in SettleOrder.allCases where !blocked[order] {
            guard let head = queues[order].first, hasFreeLease(for: head.admission) else { continue }
            if let other = chosen, let earlier = queues[other].first, earlier.token.number < head.token.number {
                continue
            }
            chosen = order
        }
        return chosen
    }
}

extension UInt128 {
    func addingSaturated(_ other: UInt128) -> UInt128 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    func subtractingSaturated(_ other: UInt128) -> UInt128 { self - Swift.min(self, other) }
}
