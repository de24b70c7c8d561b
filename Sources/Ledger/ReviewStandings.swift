import Bytes

/// What the URL of a review answers.
extension LedgerCore {
    /// Why a claim that may have run is void: the code of a refusal before it ran, otherwise that nothing came of it.
    private static func code(ofVoid run: ClaimRecord) -> String {
        guard !run.requestBytesWritten, let reason = run.reason, reason != "exchange_lost",
            reason.utf8.allSatisfy({ 0x61...0x7A ~= $0 || $0 == 0x5F || 0x30...0x39 ~= $0 })
        else { return reviewUncharged }
        return reason
    }

    func standing(_ url: Bytes32, _ token: AdmissionToken) throws(StoreFault) -> ReviewStanding {
        guard let review = try store.reviews.review(url: url) else { return .unknown }
        if review.expiresAt <= unixNow {
            try sweepReviews()
            guard review.state == .waiting else { return .unknown }
            return .expired
        }
        switch review.state {
        case .rejected: return .rejected(remark: review.remark)
        case .expired: return .expired
        case .waiting, .approved: break
        }
        guard let run = try run(of: review) else { return .unknown }
        switch run.state {
        case .waiting: return try standing(review, waiting: run)
        case .claimed, .running, .answered, .sent, .settled: return .running
        case .void:
            return try needsPayment(review, Self.code(ofVoid: run))
        case .failed: return try needsPayment(review, run.reason ?? Self.used)
        case .unknown: return .pending(receipt(run, review))
        case .owed: return try redeemByURL(review, run, token)
        case .delivered:
            guard let stored = try store.answers.answer(of: run.id.row, keptAt: unixNow) else {
                return .erased(receipt(run, review))
            }
            return .answered(nil, stored, receipt(run, review))
        }
    }

    private func standing(_ review: ReviewRow, waiting run: ClaimRecord) throws(StoreFault) -> ReviewStanding {
        if review.state == .waiting { return .waiting }
        if run.validBefore > unixNow { return .running }
        var run = run
        try end(&run, .windowOver, Self.windowTooShort)
        return try needsPayment(review, Self.windowTooShort)
    }

    private func needsPayment(_ review: ReviewRow, _ code: String) throws(StoreFault) -> ReviewStanding {
        guard let request = try store.reviews.request(of: review.claim) else { return .unknown }
        return .needsPayment(ClaimID(row: review.claim, ledger: store.mark), request, code: code)
    }

    private func receipt(_ run: ClaimRecord, _ review: ReviewRow) -> ReviewReceipt {
        ReviewReceipt(
            key: run.key, amountAtomic: run.amountAtomic, transaction: run.transaction ?? "",
            paymentVersion: review.paymentVersion)
    }

    /// Whoever has the URL has what an identifier that came with the payment would give: the stored answer, once it is paid for. It
    /// asks nothing of the upstream, so it waits for no lease.
    private func redeemByURL(
        _ review: ReviewRow, _ run: ClaimRecord, _ token: AdmissionToken
    ) throws(StoreFault) -> ReviewStanding {
        guard let stored = try store.answers.answer(of: run.id.row) else {
            // A new authorization redeems it.
            return try needsPayment(review, Self.used)
        }
        var claim = run
        guard apply(.redeemed, to: &claim) else { preconditionFailure("an owed claim can be redeemed") }
        claim.attempts += 1
        try save(claim, wasAtRest: true, durable: true)
        let wallet = wallets[claim.wallet] ?? WalletState(claim.wallet)
        wallets[claim.wallet] = wallet
        wallet.leases[claim.order] += 1
        let entry = InFlight(
            claim, wallet: wallet, leaseOrder: claim.order, token: token, isRerun: true, givesStored: true,
            assetDecimals: claim.assetDecimals, keepSeconds: review.keepSeconds)
        wallet.inFlight.append(entry)
        inFlight[claim.id.row] = entry
        inFlightByToken[token] = entry
        let ticket = Ticket(
            id: claim.id, attempt: claim.attempts, token: token, mayForward: true, mailbox: mailbox)
        return .answered(ticket, stored, receipt(claim, review))
    }
}
