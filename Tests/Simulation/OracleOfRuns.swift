@testable import Ledger

/// What the upstream is asked for: nothing twice but what may be run again, and nothing unpaid that is to be paid first.
extension Oracle {
    /// The upstream is asked; it may run the request to its end, whatever becomes of us.
    func asked(_ ticket: Ticket, binding: Int, isRerun: Bool, epoch: Int, _ route: Route) {
        let row = ticket.id.row
        guard let number = numbers[row], let payment = payments[number] else {
            return fault("the upstream is asked for claim \(row), which nobody paid")
        }
        if binding != payment.binding { fault("payment \(number) runs a request that it was not made for") }
        let before = payment.executions.map { executions[$0] }
        payments[number]!.executions.append(executions.count)
        executions.append(Execution(number: number, epoch: epoch, isRerun: isRerun))
        world?.say("the upstream is asked for payment \(number)\(isRerun ? " again" : "")")
        if isRerun {
            if payment.paidAt == nil { fault("payment \(number) is rerun and is not paid") }
            let reruns = before.filter(\.isRerun).count + 1
            if reruns > 3 { fault("payment \(number) is rerun \(reruns) times") }
            if !before.isEmpty {
                if route.redeliver == .never { fault("payment \(number) is rerun, never mind the route") }
                if route.redeliver == .safe && !route.isIdempotent {
                    fault("payment \(number) is rerun, which is not safe")
                }
            }
        } else {
            if route.order == .first && !before.isEmpty { fault("payment \(number) runs twice under first") }
            if route.order == .first && payment.paidAt == nil { fault("payment \(number) runs unpaid under first") }
            if let last = before.last, last.epoch == epoch, !last.isUncharged {
                fault("payment \(number) runs twice without having been given up in between")
            }
            if route.order == .after && payment.paidAt != nil { fault("payment \(number) is paid and runs anew") }
        }
    }
}
