@testable import Ledger

/// What a new process finds: everything that a former one said was on disk.
extension Oracle {
    func judgeRecovery(_ server: Server) {
        for entry in active.values {
            payments[entry.number]!.overAt = now
            payments[entry.number]!.callerGoneAt = nil
        }
        active = [:]
        let store = server.core.store
        for number in payments.keys.sorted() {
            guard let payment = payments[number] else { continue }
            let claim: ClaimRecord?
            do { claim = try store.claim(key(payment)) } catch { return fault("after a crash: \(error)") }
            guard let claim else {
                fault("payment \(number) was claimed and is not on disk")
                continue
            }
            numbers[claim.id.row] = number
            if payment.paidAt != nil && !claim.machine.isPaid {
                fault("payment \(number) was paid and is \(claim.state) after a crash")
            }
            if claim.machine.isPaid && payment.paidAt == nil { payments[number]!.paidAt = now }
            if payment.hasFailed && claim.state != .failed && claim.state != .owed {
                fault("payment \(number) failed and is \(claim.state) after a crash")
            }
            if payment.sentAt != nil, !claim.machine.isPaid, claim.state != .unknown, claim.state != .failed {
                fault("payment \(number) was sent and is \(claim.state) after a crash")
            }
            if claim.state == .unknown { payments[number]!.sentAt = payment.sentAt ?? now }
            if claim.state == .failed { payments[number]!.hasFailed = true }
            if claim.state == .failed || claim.state == .void { payments[number]!.wasGivenUp = true }
            payments[number]!.isDelivered = claim.state == .delivered
            payments[number]!.reruns = max(payment.reruns, claim.reruns)
            if !claim.state.isAtRest && claim.state != .unknown {
                fault("payment \(number) is \(claim.state) after a start")
            }
        }
    }
}
