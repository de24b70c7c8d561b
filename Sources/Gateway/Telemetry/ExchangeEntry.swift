import Bytes
import Chains
import EventLoop
import Payments

extension Exchange {
    /// What the access log says of this exchange. Good until the exchange ends.
    func entry(outcome: ExchangeRecord.Outcome) -> AccessEntry {
        let now = worker.loop.nowNanoseconds
        let answered = record.upstreamFirstByteNanoseconds
        return AccessEntry(
            endedNanoseconds: wallNanoseconds(), client: clientText,
            method: record.targetIsUnknown ? .empty : head.bytes(of: head.methodRange),
            target: record.targetIsUnknown ? .empty : targetText,
            host: record.targetIsUnknown ? .empty : host, route: route?.matchText ?? "",
            revision: prepared.revision.number, status: record.status,
            totalNanoseconds: now &- record.startedNanoseconds,
            upstreamNanoseconds: answered > 0 ? answered &- record.upstreamStartedNanoseconds : nil,
            bytesIn: head.bytes.count + record.bytesIn, bytesOut: record.bytesOut,
            upstream: record.upstreamStartedNanoseconds > 0 ? upstream?.settings.name ?? "" : "",
            outcome: outcome.rawValue, error: errorCode,
            customer: record.customer ?? "", policy: record.policy ?? "",
            payment: purchase.map { purchase in
                AccessEntry.Payment(
                    payer: purchase.payerText, amountAtomic: purchase.offer.amountAtomic.decimalText,
                    network: purchase.offer.network, transaction: purchase.transaction)
            })
    }

    private var clientText: UnsafeRawBufferPointer { caller?.peerText ?? .empty }

    /// Whoever has a review's URL has its answer: it is not for logs.
    private var targetText: UnsafeRawBufferPointer {
        var isAsked = ReviewURL.contains(head.pathAndQuery)
        if case .asking? = visit?.errand { isAsked = true }
        guard isAsked else { return head.bytes(of: head.target) }
        return ReviewURL.shown.bytes
    }

    private var errorCode: String {
        if let fault = record.upstreamFault { return "\(fault.code)" }
        // The commonest of all is not noted: a request without a payment.
        return record.code ?? (record.outcome == .challenged ? PaymentCode.paymentRequired.rawValue : "")
    }
}
