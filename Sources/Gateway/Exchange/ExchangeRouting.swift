import Bytes
import HTTP

extension Exchange {
    /// Canonicalizes the target, finds its route, and decides what it takes to go on.
    func routeRequest() -> Progress {
        switch head.form {
        case .origin, .absolute: break
        case .asterisk: return answer(.noContent(allow: Route.anyMethod))
        case .authority: return refuseTunnel()
        }
        switch CanonicalTarget.read(head.pathAndQuery, into: &rewrittenTarget) {
        case .same(let length):
            pathLength = length
            // An absolute form may have no path at all.
            if length == 0 {
                rewrittenTarget.clear()
                rewrittenTarget.append("/")
                rewrittenTarget.append(head.pathAndQuery)
                targetIsRewritten = true
                pathLength = 1
            }
        case .rewritten(let length):
            targetIsRewritten = true
            pathLength = length
        case .refused(let fault):
            return answer(refusing: .malformed(fault))
        }
        if isAdmin { return answerAdmin() }
        if visit != nil { return routeReviewed() }
        if ReviewURL.contains(path) { return visitReview(ReviewURL.hash(ofPath: path)) }
        if head.method == .trace { return refuseTunnel() }
        if asksForKeys { return answerKeys() }
        if head.method == .options, let preflight = preflightOnPriced() { return answer(preflight) }
        let prepared = prepared
        switch prepared.table.match(method: head.bytes(of: head.methodRange), host: host, path: path) {
        case .route(let index):
            let route = prepared.revision.routes[index]
            self.route = route
            if route.isPriced { return price(route) }
            if route.hasMenu, let menu = route.menu { return enter(menu, route) }
            // Asked for here, since most free routes have no bounds.
            if !route.doors.policies.isEmpty, let refused = refusalOfFree(doors(of: route)) { return answer(refused) }
            return startForwarding(to: route.upstream)
        case .optionsOnPriced(let index):
            let route = prepared.revision.routes[index]
            self.route = route
            if route.hasMenu, let menu = route.menu { return enter(menu, route) }
            return answer(.noContent(allow: route.allow))
        case .notFound:
            switch prepared.revision.settings.unmatched {
            case .deny: return answer(.notFound)
            case .free(let upstream):
                if let refused = refusalOfFree(prepared.doors.unmatched) { return answer(refused) }
                return startForwarding(to: upstream)
            }
        case .methodNotAllowed(let methods): return answer(.methodNotAllowed(allow: prepared.table.allowText(methods)))
        case .ambiguousSpelling: return answer(.ambiguousSpelling)
        }
    }

    /// CONNECT and TRACE are never served, and what follows them may be no HTTP.
    private func refuseTunnel() -> Progress {
        downstream?.closeAfterAnswer()
        return answer(.methodNotAllowed(allow: Route.anyMethod))
    }

    /// The authority that the request names; empty where HTTP/1.0 names none.
    var host: UnsafeRawBufferPointer { head.bytes(of: head.authority) }

    /// A free route, an unmatched path, or one whose caller need not pay: forwarded as it comes, body and all.
    func startForwarding(to index: Int) -> Progress {
        if message == nil, case .length(let length) = head.framing, let limit = worker.limits.bodyBytes, length > limit
        {
            return answer(refusing: .bodyTooLarge)
        }
        upstream = worker.upstreams[index]
        stage = .forwarding
        return .ready
    }

    /// A priced route: without a payment the 402, with one its reading; before both, who need not pay.
    func price(_ route: Route) -> Progress {
        let doors = doors(of: route)
        if !doors.customers.isEmpty, let customer = customer(doors) { return admit(customer, to: route) }
        let fields = head.fields
        let v2 = fields.count(of: .paymentSignature)
        let v1 = fields.count(of: .xPayment)
        if v1 + v2 > 1 || v1 + v2 == 0 && message?.holdsPayment != true {
            if v1 + v2 == 0, let grant = freeGrant(doors) { return serve(grant, by: route) }
            if let refused = refusalOfUnpaid(doors) { return answer(refused) }
            return v1 + v2 == 0 ? answer(challenging: route, error: nil) : answer(.severalPayments)
        }
        if let refused = refusalOfUnproven(doors) { return answer(refused) }
        // Before anything is charged: what is too large here could not be delivered later.
        let limit = route.terms?.bind == .body ? worker.limits.maxPricedBodyBytes : worker.limits.bodyBytes ?? .max
        if message == nil, case .length(let length) = head.framing, length > limit {
            return answer(refusing: .bodyTooLarge)
        }
        upstream = worker.upstreams[route.upstream]
        stage = .reading
        return .ready
    }

    /// A browser's question before a cross-origin call to a priced route (Fetch, "CORS-preflight request"): answered here,
    /// because the API never sees unpaid requests. Nil where the route is free: the API answers for itself.
    private func preflightOnPriced() -> Answer? {
        guard prepared.revision.settings.cors, head.fields.contains(.origin),
            let wanted = head.fields.first(.accessControlRequestMethod)
        else { return nil }
        let table = prepared.revision.table
        guard case .route(let index) = table.match(method: head.bytes(of: wanted.value), host: host, path: path),
            prepared.revision.routes[index].terms != nil
        else { return nil }
        route = prepared.revision.routes[index]
        return .preflight
    }

    // MARK: The request's body

    /// Body bytes from the caller, good until the call returns.
    func requestBody(_ bytes: UnsafeRawBufferPointer) {
        requestBodyBytes += bytes.count
        record.bytesIn += bytes.count
        if let message { return collect(bytes, message) }
        if let purchase, purchase.collectsBody {
            if requestBodyBytes > worker.limits.maxPricedBodyBytes { return requestFailed(.bodyTooLarge) }
            return collect(bytes, purchase)
        }
        if let limit = worker.limits.bodyBytes, requestBodyBytes > limit { return requestFailed(.bodyTooLarge) }
        guard let connection else {
            if stage == .ended || stage == .delivering { return }
            earlyBody.append(bytes)
            downstream?.pauseBody()
            return
        }
        sendBody(bytes, to: connection)
        if connection.hasUnsentBytes { downstream?.pauseBody() }
    }

    /// The body is whole.
    func requestEnded(trailers: TrailerSection?) {
        requestIsWhole = true
        if message != nil {
            if stage == .judging { advance() }
            return
        }
        if let purchase, purchase.collectsBody { return bodyCollected(purchase) }
        guard let connection else { return }
        endBody(trailers, to: connection)
    }

    /// The body cannot be had: answered if nothing of an answer has left, else broken off.
    func requestFailed(_ fault: RequestFault) {
        requestIsWhole = true
        switch stage {
        case .ended, .delivering, .releasing: return
        // The ledger is moving the money: what became of it must be known before anything else is done.
        case .settlingFirst, .settlingAfter:
            requestFault = fault
            return
        case .admitting: tellCallerGone()
        case .routing, .judging, .reading, .collecting, .proving, .probing, .verifying, .reviewing, .forwarding,
            .answering:
            break
        }
        abandonConnection()
        if answerStarted { return breakOff() }
        answer(refusing: fault)
        advance()
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer, to connection: ClientConnection) {
        guard case .chunked = head.framing else { return connection.send(bytes, .empty) }
        worker.framing.clear()
        worker.framing.appendChunkStart(count: bytes.count)
        connection.send(worker.framing.readable, bytes)
        connection.send(.crlf, .empty)
    }

    func endBody(_ trailers: TrailerSection?, to connection: ClientConnection) {
        if case .chunked = head.framing {
            worker.framing.clear()
            worker.framing.appendLastChunk()
            // A trailer could name what the configuration sets.
            if upstream?.fieldLines.isEmpty == true { trailers?.appendAllowed(to: &worker.framing) }
            worker.framing.appendEmptyLine()
            connection.send(worker.framing.readable, .empty)
        }
        connection.requestEnded()
    }
}

extension UnsafeRawBufferPointer {
    static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private static let crlfText: StaticString = "\r\n"
    static var crlf: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: crlfText.utf8Start, count: 2) }
}
