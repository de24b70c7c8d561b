import Bytes
import Digests
import HTTP
import Ledger
import Payments

/// What stands before a route beside its price: bounds by address, customers, the free quota, denied wallets, the breaker.
extension Exchange {
    /// Why a request on a priced route is served without a payment.
    enum Grant {
        case customer(String)
        /// What is left of the free quota.
        case quota(left: Int)
    }

    func doors(of route: Route) -> PreparedDoors { prepared.doors[route] }

    private var now: UInt64 { worker.loop.nowNanoseconds }

    // MARK: Bounds by address

    /// Counts a request to what is free; the answer where a bound has no room for it.
    func refusalOfFree(_ doors: PreparedDoors) -> Answer? {
        guard let caller else { return nil }
        for bound in doors.lists.free {
            let key = caller.key.within(bound.scope)
            guard case .full(let seconds) = worker.services.bounds.free.take(key, bound.bound, now: now) else {
                continue
            }
            record.policy = bound.policy
            return .addressFree(policy: bound.policy, retryAfterSeconds: seconds)
        }
        return nil
    }

    /// Counts a request to a priced route that has no payment; the answer where a bound has no room for it.
    func refusalOfUnpaid(_ doors: PreparedDoors) -> Answer? {
        refusal(doors) { $0.scope }
    }

    /// Counts a payment as one that proves nothing, until it does; the answer where there were too many such.
    ///
    /// Requests without a payment have a count of their own beside, so that asking for prices never keeps an address from
    /// paying them.
    func refusalOfUnproven(_ doors: PreparedDoors) -> Answer? {
        if doors.lists.unpaid.isEmpty { return nil }
        if let refused = refusal(doors, scope: { $0.paymentScope }) { return refused }
        guard let caller else { return nil }
        for bound in doors.lists.unpaid {
            worker.services.bounds.unpaid.add(caller.key.within(bound.scope), bound.bound, now: now)
        }
        return nil
    }

    /// The payer is proven: what it does is its wallet's business, no longer its address's.
    func payerIsProven(_ doors: PreparedDoors) {
        guard let caller, !doors.lists.unpaid.isEmpty else { return }
        let table = worker.services.bounds.unpaid
        for bound in doors.lists.unpaid {
            table.giveBack(caller.key.within(bound.scope), bound.bound, now: now)
            table.giveBack(caller.key.within(bound.paymentScope), bound.bound, now: now)
        }
    }

    private func refusal(_ doors: PreparedDoors, scope: (CallerBound) -> UInt32) -> Answer? {
        guard let caller else { return nil }
        let table = worker.services.bounds.unpaid
        for bound in doors.lists.unpaid {
            let taken = table.take(caller.key.within(scope(bound)), bound.bound, now: now)
            guard case .full(let seconds) = taken else { continue }
            record.policy = bound.policy
            return .addressUnpaid(policy: bound.policy, retryAfterSeconds: seconds)
        }
        return nil
    }

    // MARK: Who passes unpaid

    /// The customer whose key the request holds.
    func customer(_ doors: PreparedDoors) -> Customer? {
        for customer in doors.customers {
            guard let key = onlyField(named: customer.header) else { continue }
            if customer.has(SHA256.hash(key)) { return customer }
        }
        return nil
    }

    /// A customer passes as often as its rate says.
    func admit(_ customer: Customer, to route: Route) -> Progress {
        let name = customer.settings.name
        record.customer = name
        if let seconds = customer.take(now: now) { return answer(.customerRate(retryAfterSeconds: seconds)) }
        return serve(.customer(name), by: route)
    }

    /// The value of the only field of a name; nil where there is none, or more than one.
    private func onlyField(named name: [UInt8]) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        for place in 0..<head.fields.count {
            let field = head.fields[place]
            let other = head.bytes(of: field.name)
            guard other.count == name.count, zip(name, other).allSatisfy({ $0 == Customer.folded($1) }) else {
                continue
            }
            if found != nil { return nil }
            found = head.bytes(of: field.value)
        }
        return found
    }

    /// Takes one of the free requests that an address has on this route; nil where none is left.
    func freeGrant(_ doors: PreparedDoors) -> Grant? {
        guard let quota = doors.quota, let caller else { return nil }
        let key = caller.key.within(quota.scope)
        guard case .counted(let left) = worker.services.bounds.quota.take(key, quota.bound, now: now) else {
            return nil
        }
        return .quota(left: left)
    }

    /// The same for a wallet that is proven: both it and its address must have some left, since wallets cost nothing.
    func freeGrant(_ doors: PreparedDoors, payer: Bytes20) -> Grant? {
        guard let quota = doors.quota else { return nil }
        let key = CallerKey(payer: payer).within(quota.paymentScope)
        let table = worker.services.bounds.quota
        guard case .counted(let left) = table.take(key, quota.bound, now: now) else { return nil }
        if case .quota(let leftOfAddress)? = freeGrant(doors) { return .quota(left: min(left, leftOfAddress)) }
        table.giveBack(key, quota.bound, now: now)
        return nil
    }

    /// Forwards a request of a priced route without a payment.
    func serve(_ grant: Grant, by route: Route) -> Progress {
        record.grant = grant
        switch grant {
        case .customer: record.outcome = .customer
        case .quota: record.outcome = .quota
        }
        return startForwarding(to: route.upstream)
    }

    /// What others would pay for is for nobody else's cache (RFC 9111 §5.2.2.7).
    func appendFields(of grant: Grant) {
        out.append("Cache-Control: private, no-store\r\n")
        if case .quota(let left) = grant { out.appendField("X-Farebox-Free-Left", decimal: left) }
    }

    // MARK: Payers

    /// The answer to a payer whom a policy denies.
    func refusalOfPayer(_ doors: PreparedDoors, _ payer: Bytes20) -> Answer? {
        for (policy, payers) in doors.lists.deny where payers.contains(payer) {
            record.policy = policy
            return .walletDenied(policy: policy)
        }
        return nil
    }

    /// What the ledger asks of a payment beside its bounds.
    func gate(_ doors: PreparedDoors) -> AdmissionGate {
        var gate = AdmissionGate(proven: doors.lists.proven)
        if let (policy, breaker) = doors.breaker {
            let (seconds, change) = breaker.openSeconds(now: now)
            tell(change, policy)
            gate.breaker = seconds.map {
                AdmissionGate.OpenBreaker(name: policy, then: breaker.settings.then, retryAfterSeconds: $0)
            }
        }
        return gate
    }

    // MARK: The breaker

    /// Notes what the upstream answered to a payment.
    func watch(_ answer: ResponseHead, _ purchase: Purchase) {
        guard let route, let (policy, breaker) = doors(of: route).breaker, !purchase.isRerun else { return }
        let isBad =
            breaker.settings.statuses.contains(answer.statusCode)
            || breaker.field.map { answer.holds($0.name, $0.value) } == true
        tell(breaker.note(isBad: isBad, now: now), policy)
    }

    private func tell(_ change: Breaker.Change?, _ policy: String) {
        guard let change, let route else { return }
        switch change {
        case .tripped(let bad, let all):
            worker.services.logger.warning(
                "\(route.matchText): the breaker \(policy) has tripped: \(bad) of the last \(all) paid answers were bad"
            )
        case .closed:
            worker.services.logger.warning("\(route.matchText): the breaker \(policy) is closed again")
        }
    }
}

extension ResponseHead {
    /// Whether a field of this name, folded, has this value.
    fileprivate func holds(_ name: [UInt8], _ value: [UInt8]) -> Bool {
        for place in 0..<fields.count {
            let field = fields[place]
            let other = bytes(of: field.name)
            guard other.count == name.count, zip(name, other).allSatisfy({ $0 == Customer.folded($1) }) else {
                continue
            }
            if bytes(of: field.value).elementsEqual(value) { return true }
        }
        return false
    }
}
