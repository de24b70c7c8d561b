import Bytes
import Chains
import HTTP
import Ledger
import Payments

extension Exchange {
    /// Reads the payment header, finds the terms it was made for, and proves its payer.
    func readPayment() -> Progress {
        guard let route, let terms = route.terms else {
            preconditionFailure("a payment is read on priced routes alone")
        }
        let payload: PaymentPayload
        do throws(PaymentFault) {
            guard let read = try readPayload() else { return answer(challenging: route, error: nil) }
            payload = read
        } catch {
            if error.code == .mixedHeaders { return answer(.severalPayments) }
            return answer(challenging: route, error: error.code)
        }
        let agreements = agreementsAsClaimed(payload, terms) ?? agreements(payload, terms)
        guard let best = agreements.first else {
            return answer(challenging: route, error: Matching.refusal(of: payload, among: terms.offers))
        }
        switch LocalChecks.prove(payload, among: agreements.map(\.offer)) {
        case .failure(let code):
            // It may be a contract's signature, of which only the chain can tell.
            guard let agreed = agreements.first(where: { $0.offer.facilitator != .sandbox }) else {
                return answer(challenging: route, error: best.fault ?? code)
            }
            purchase = Purchase(payload, agreed, isProven: false, collectsBody: message == nil)
        case .success(let proven):
            guard let agreed = agreements.first(where: { $0.offer.domainSeparator == proven.domainSeparator }) else {
                preconditionFailure("a payment is proven for one of its candidates")
            }
            let doors = doors(of: route)
            payerIsProven(doors)
            let payer = payload.authorization.from.bytes
            if let refused = refusalOfPayer(doors, payer) {
                purchase = Purchase(payload, agreed, isProven: true, collectsBody: message == nil)
                return answer(refused)
            }
            if visit == nil, let grant = freeGrant(doors, payer: payer) { return serve(grant, by: route) }
            purchase = Purchase(payload, agreed, isProven: true, collectsBody: message == nil)
        }
        stage = .collecting
        return .ready
    }

    /// The payment of the head, or of the message; both may carry the same one.
    private func readPayload() throws(PaymentFault) -> PaymentPayload? {
        let carried = try PaymentHeader.decode(v2: payment(.paymentSignature), v1: payment(.xPayment))
        guard let held = try message?.payment() else { return carried }
        guard let carried else { return held }
        guard carried.isSamePayment(as: held) else { throw PaymentFault(code: .mixedHeaders, detail: "") }
        return carried
    }

    private func payment(_ id: FieldID) -> UnsafeRawBufferPointer? {
        head.fields.first(id).map { head.bytes(of: $0.value) }
    }

    /// What the payment may be for, best first: the route's present terms, then, where those are not met, a former revision's
    /// that are still honoured. Empty where no offer has this network and asset.
    private func agreements(_ payload: PaymentPayload, _ terms: Terms) -> [Agreement] {
        let now = worker.unixSeconds
        let needed = Int64(terms.neededSeconds)
        let present = agreements(payload, terms, revision: prepared.revision.number, now: now, neededSeconds: needed)
        if present.contains(where: { $0.fault == nil }) { return present.filter { $0.fault == nil } }
        let former = prepared.revision.formerTerms(
            method: head.bytes(of: head.methodRange), host: host, path: path, now: now, menuPrice: formerPrice
        ).flatMap { former in
            // The present upstream's time-outs run, whatever the former revision promised.
            agreements(
                payload, former.terms, revision: former.revision, now: now,
                neededSeconds: max(needed, Int64(former.terms.neededSeconds)))
        }
        return former.filter { $0.fault == nil } + present
    }

    private func agreements(
        _ payload: PaymentPayload, _ terms: Terms, revision: Int, now: Int64, neededSeconds: Int64
    ) -> [Agreement] {
        Matching.candidates(for: payload, among: terms.offers).map { offer in
            let fault =
                Matching.compare(payload, with: offer)
                ?? LocalChecks.check(payload, for: offer, now: now, neededSeconds: neededSeconds)
            return Agreement(offer: offer, terms: terms, revision: revision, fault: fault)
        }
    }

    // MARK: The binding

    /// Waits for the whole body where the payment is bound to it, and computes what the payment is bound to.
    func collectBody() -> Progress {
        guard let purchase else { preconditionFailure("only what is paid for is collected") }
        if let message {
            bind(message, purchase)
            stage = purchase.isProven ? admission(of: purchase) : .proving
            return .ready
        }
        if !purchase.bindingHasBegun {
            beginBinding(purchase)
            if let stored = visit?.takeBody(), !stored.isEmpty, purchase.collectsBody {
                stored.withUnsafeBytes { collect($0, purchase) }
                if stage != .collecting { return .ready }
            }
        }
        if purchase.collectsBody && !requestIsWhole {
            invite()
            return .pending
        }
        purchase.collected(binding: purchase.bindingHash.finish())
        stage = purchase.isProven ? .admitting : .proving
        return .ready
    }

    /// Method, host and canonical target; each with its length, so that no two requests hash the same text.
    private func beginBinding(_ purchase: Purchase) {
        purchase.bindingHasBegun = true
        var text = ByteBuffer(capacity: 256)
        text.append(purchase.collectsBody ? "farebox binding body\n" : "farebox binding head\n")
        appendBound(head.bytes(of: head.methodRange), to: &text)
        appendBound(target, to: &text)
        appendBoundHost(to: &text)
        purchase.bindingHash.update(text.readable)
        if purchase.collectsBody && !(head.framing == .none || head.framing == .length(0)) {
            let limits = worker.limits
            purchase.body = spill(memoryBytes: limits.pricedBodyMemoryBytes, atMost: limits.maxPricedBodyBytes)
        }
    }

    func appendBound(_ part: UnsafeRawBufferPointer, to text: inout ByteBuffer) {
        text.append(decimal: part.count)
        text.append(byte: 0x3A)
        text.append(part)
    }

    func appendBoundHost(to text: inout ByteBuffer) {
        text.append(decimal: host.count)
        text.append(byte: 0x3A)
        // One host has many spellings (RFC 9110 §4.2.3).
        for byte in host { text.append(byte: byte.asciiLowercased) }
    }

    func collect(_ bytes: UnsafeRawBufferPointer, _ purchase: Purchase) {
        // What follows a body that was refused is nobody's.
        if stage != .collecting { return }
        purchase.bindingHash.update(bytes)
        switch purchase.body?.append(bytes) {
        case nil, .accepted: break
        case .pause: downstream?.pauseBody()
        case .overLimit: requestFailed(.bodyTooLarge)
        case .failed:
            requestIsWhole = true
            downstream?.closeAfterAnswer()
            _ = answer(.cannotHold)
            advance()
        }
    }

    /// A buffer for this exchange's bytes: in memory first, then on the disk's thread.
    func spill(memoryBytes: Int, atMost totalBytes: Int) -> SpillBuffer {
        let buffer = worker.spill(memoryBytes: memoryBytes, atMost: totalBytes)
        buffer.target = self
        return buffer
    }

    func bodyCollected(_ purchase: Purchase) {
        if stage == .collecting { advance() }
    }
}
