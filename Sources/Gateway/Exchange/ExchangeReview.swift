import Bytes
import Chains
import HTTP
import Ledger
import Payments

/// Requests that wait for a person, and whoever asks after them.
extension Exchange {
    /// What `reviewing` does, by what the exchange has to do with a review.
    func review() -> Progress {
        guard let visit else { preconditionFailure("only a visit is under review") }
        switch visit.errand {
        case .entering(let why): return enterReview(visit, why)
        case .asking(let url): return askReview(visit, url)
        case .deciding(let id, let decision): return decideReview(visit, id, decision)
        case .listing: return listReviews(visit)
        case .paying, .running: preconditionFailure("a stored request goes the way of every request")
        }
    }

    // MARK: Entering

    /// The payment has to wait: its request is stored, whole, and the caller is told where to ask.
    private func enterReview(_ visit: ReviewVisit, _ why: String) -> Progress {
        guard let purchase, let route, let url = visit.url else { preconditionFailure("only a purchase waits") }
        guard let held = visit.held else { return storeForReview(visit, purchase, why, url) }
        switch held {
        case .waiting(let id, let position):
            return answer(waiting: id, at: prepared.revision.settings.publicURL + url.path, position: position)
        case .rejected(let remark): return answer(.reviewRejected(remark))
        case .full(let ofWallet): return answer(.reviewFull(ofWallet: ofWallet))
        case .otherwise(.refused(let code)): return answer(challenging: route, code: code)
        case .otherwise(let admitted):
            self.visit = nil
            purchase.admitted = admitted
            stage = .admitting
            return .ready
        }
    }

    private func storeForReview(
        _ visit: ReviewVisit, _ purchase: Purchase, _ why: String, _ url: ReviewURL
    ) -> Progress {
        guard visit.held == nil, purchase.holdsLease else { return .pending }
        let settings = prepared.revision.settings.review
        // What its answer has of a body could not be told at the URL, which is asked by GET.
        if head.method == .head { return refuseReview(purchase, .reviewNotForHead) }
        var body: [UInt8] = []
        if let kept = purchase.body {
            if kept.count > settings.bodyBytes { return refuseReview(purchase, .reviewBodyTooLarge) }
            kept.rewind()
            body.reserveCapacity(kept.count)
            reading: while true {
                switch kept.peek(atMost: kept.count) {
                case .bytes(let bytes):
                    body.append(contentsOf: bytes)
                    kept.consume(bytes.count)
                case .pending: return .pending
                case .end: break reading
                case .failed: return refuseReview(purchase, .cannotHold)
                }
            }
        } else if !(head.framing == .none || head.framing == .length(0)) {
            return refuseReview(purchase, .reviewBodyTooLarge)
        }
        guard let hold = purchase.takeHold() else { preconditionFailure("what is to wait holds its lease") }
        worker.ledger.hold(
            forReview: hold, storedRequest(purchase, body), why: why, url: url.hash, limits: settings.limits,
            reply: reviewReply { $0.held = $1 })
        return .pending
    }

    private func refuseReview(_ purchase: Purchase, _ refusal: Answer) -> Progress {
        if let hold = purchase.takeHold() { worker.ledger.release(hold) }
        return answer(refusal)
    }

    /// The request as it will be read again: canonical, and without what concerns this connection alone.
    private func storedRequest(_ purchase: Purchase, _ body: [UInt8]) -> ReviewRequest {
        var text = ByteBuffer(capacity: head.bytes.count + 64)
        text.append(head.bytes(of: head.methodRange))
        text.append(byte: 0x20)
        text.append(target)
        text.append(host.isEmpty ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n")
        if !host.isEmpty {
            text.append("Host: ")
            text.append(host)
            text.appendEmptyLine()
        }
        head.appendFields(
            except: FieldIDSet.hopByHop.union(.payment).union([.host, .contentLength, .expect]), to: &text)
        if head.framing != .none { text.appendField("Content-Length", decimal: body.count) }
        return ReviewRequest(
            head: Array(text.readable), payment: paymentLines(), body: body,
            paymentVersion: purchase.payload.version == .v2 ? 2 : 1,
            callerAddress: String(decoding: caller?.peerText ?? .empty, as: UTF8.self))
    }

    private func paymentLines() -> [UInt8] {
        var lines: [UInt8] = []
        for place in 0..<head.fields.count {
            let field = head.fields[place]
            if field.id == .paymentSignature || field.id == .xPayment { lines += head.bytes(of: field.line) }
        }
        return lines
    }

    // MARK: Asking

    /// Somebody asks at the URL of a review, perhaps with a payment.
    func visitReview(_ url: Bytes32) -> Progress {
        guard head.method == .get else { return answer(.methodNotAllowed(allow: "GET")) }
        guard head.framing == .none || head.framing == .length(0) else { return answer(.reviewTakesNoBody) }
        visit = ReviewVisit(.asking(url: url))
        stage = .reviewing
        return .ready
    }

    private func askReview(_ visit: ReviewVisit, _ url: Bytes32) -> Progress {
        guard let standing = visit.standing else {
            if visit.isFirstToAsk() { worker.ledger.review(url: url, reply: standingReply()) }
            return .pending
        }
        switch standing {
        case .unknown: return answer(.reviewUnknown)
        case .waiting: return answer(.reviewWaiting)
        case .running: return answer(.reviewRunning)
        case .rejected(let remark): return answer(.reviewRejected(remark))
        case .expired: return answer(.reviewExpired)
        case .needsPayment(let id, let request, let code):
            visit.errand = .paying(id, code: code)
            return take(request, payment: paymentLines(), visit) ? .ready : answer(.reviewRouteGone)
        case .pending(let receipt): return answer(reviewPending: receipt)
        case .answered(let ticket, let stored, let receipt):
            visit.ticket = ticket
            return answer(reviewed: stored, receipt)
        case .erased(let receipt): return answer(reviewErased: receipt)
        case .unavailable: return answer(.ledgerUnavailable)
        }
    }

    /// Puts a stored request in the place of what came, if it can be read still: from there on it goes the way of every request.
    private func take(_ request: ReviewRequest, payment: [UInt8], _ visit: ReviewVisit) -> Bool {
        var text = ByteBuffer(capacity: request.head.count + payment.count + 2)
        text.append(request.head)
        let isOldCaller = downstream != nil && head.minorVersion == 0
        if isOldCaller, let lineEnd = request.head.firstIndex(of: 0x0D), lineEnd > 0 {
            // Answers are framed as who asks understands them.
            text.mutableReadable[lineEnd - 1] = 0x30
        }
        text.append(payment)
        text.appendEmptyLine()
        guard case .complete = RequestParser.parse(text.readable, into: head, limits: worker.headLimits) else {
            return false
        }
        visit.takes(request)
        rewrittenTarget.clear()
        targetIsRewritten = false
        pathLength = 0
        requestIsWhole = true
        stage = .routing
        return true
    }

    // MARK: Running

    /// Takes up a request that a person let through, with the payment that waited; nobody listens.
    func begin(_ run: ReviewRun) {
        prepare(nil)
        let visit = ReviewVisit(.running(run))
        self.visit = visit
        if !take(run.request, payment: run.request.payment, visit) {
            record.targetIsUnknown = true
            _ = answer(.reviewRouteGone)
        }
        advance()
    }

    /// The route that a stored request has now. What costs nothing any more is not run by whoever asks.
    func routeReviewed() -> Progress {
        let table = prepared.table
        guard case .route(let index) = table.match(method: head.bytes(of: head.methodRange), host: host, path: path),
            prepared.revision.routes[index].isPriced
        else { return answer(.reviewRouteGone) }
        let route = prepared.revision.routes[index]
        self.route = route
        // Neither customers nor free quotas: the answer would be given for nothing to whoever asks.
        switch head.fields.count(of: .paymentSignature) + head.fields.count(of: .xPayment) {
        case 0: return answer(challenging: route, code: visit?.challengeCode)
        case 1: break
        default: return answer(.severalPayments)
        }
        if let refused = refusalOfUnproven(doors(of: route)) { return answer(refused) }
        upstream = worker.upstreams[route.upstream]
        stage = .reading
        return .ready
    }

    /// What the payment that waited was made for: the terms that it was taken for then, whatever the route asks now. Nil where the
    /// payment is no such one.
    func agreementsAsClaimed(_ payload: PaymentPayload, _ terms: Terms) -> [Agreement]? {
        guard case .running(let run) = visit?.errand else { return nil }
        let claim = run.claim
        var terms = terms
        terms.order = claim.order
        return Matching.candidates(for: payload, among: terms.offers).filter {
            $0.network == claim.key.chain && $0.asset.bytes == claim.key.asset
                && ClaimFacilitator($0.facilitator) == claim.facilitator
        }.map { offer in
            Agreement(
                offer: offer.priced(at: claim.amountAtomic, to: Address(claim.payTo)), terms: terms,
                revision: claim.revision, fault: nil)
        }
    }

    /// The exchange ends: the ledger is told what became of a stored request, or of its answer.
    func conclude(
        _ visit: ReviewVisit, _ outcome: ExchangeRecord.Outcome, delivered: Bool
    ) -> ExchangeRecord.Outcome {
        switch visit.errand {
        case .running(let run):
            // What time alone may mend is tried again.
            let isRefused = (400...499).contains(record.status) && record.status != 409 && record.status != 429
            let refusal = visit.wasClaimed || !isRefused ? nil : record.code ?? "\(record.status)"
            worker.ledger.ended(run, refusal: refusal)
            worker.services.reviews.ended(isSettled: visit.wasClaimed || isRefused)
        case .asking:
            if case .answered(let ticket?, _, _)? = visit.standing {
                worker.ledger.ended(ticket, delivered ? .delivered : .undelivered(noRequestByteWritten: true))
                return delivered ? .delivered : .owed
            }
        case .entering, .paying, .deciding, .listing: break
        }
        return outcome
    }

    // MARK: What the ledger says

    /// A closure for another thread that notes `value` with the visit and resumes this exchange.
    func reviewReply<Value: Sendable>(
        _ note: @escaping @Sendable (ReviewVisit, Value) -> Void
    ) -> @Sendable (Value) -> Void {
        resuming { exchange, value in
            guard let visit = exchange.visit else { return false }
            note(visit, value)
            return true
        }
    }

    /// The same, but an answer that finds nobody stays owed.
    private func standingReply() -> @Sendable (ReviewStanding) -> Void {
        resuming { exchange, standing in
            guard let visit = exchange.visit else { return false }
            visit.standing = standing
            return true
        } orElse: { worker, standing in
            if case .answered(let ticket?, _, _) = standing {
                worker.ledger.ended(ticket, .undelivered(noRequestByteWritten: true))
            }
        }
    }
}
