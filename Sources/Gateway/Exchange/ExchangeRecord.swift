/// What the access log will say of an exchange, noted on its way.
struct ExchangeRecord {
    /// What became of it, in one word.
    enum Outcome: String {
        /// Forwarded, no price.
        case free
        /// Forwarded for a customer, beside the price.
        case customer
        /// Forwarded out of the free quota, beside the price.
        case quota
        /// Answered by the gateway: health, preflights.
        case answered
        /// Not served: no route, malformed, too large, too slow, refused by a bound.
        case refused
        /// 402 with terms.
        case challenged
        /// 402 at the settlement.
        case unsettled
        /// 202: a person looks at it first, or it runs without its caller.
        case waiting
        case delivered
        case owed
        /// What was delivered once is given again, from what is kept of it.
        case redelivered
        case void
    }

    var startedNanoseconds: UInt64
    var upstreamStartedNanoseconds: UInt64 = 0
    var upstreamFirstByteNanoseconds: UInt64 = 0
    /// 0 when the caller left before there was one.
    var status = 0
    /// Body bytes that came.
    var bytesIn = 0
    /// All bytes that went to the caller.
    var bytesOut = 0
    var outcome = Outcome.free
    /// The stable code of our own answer.
    var code: String?
    var upstreamFault: ClientFault?
    /// Why it was served without a payment, where it has a price.
    var grant: Exchange.Grant?
    /// Whose key came, let through or not.
    var customer: String?
    /// The policy that turned it away.
    var policy: String?
    /// There was no request line to tell of.
    var targetIsUnknown = false
    var isBrokenOff = false

    /// For the next exchange. The words are looked at first, because giving up nothing costs calls, too.
    mutating func begin(atNanoseconds nanoseconds: UInt64) {
        startedNanoseconds = nanoseconds
        upstreamStartedNanoseconds = 0
        upstreamFirstByteNanoseconds = 0
        status = 0
        bytesIn = 0
        bytesOut = 0
        outcome = .free
        if code != nil { code = nil }
        if upstreamFault != nil { upstreamFault = nil }
        if grant != nil { grant = nil }
        if customer != nil { customer = nil }
        if policy != nil { policy = nil }
        targetIsUnknown = false
        isBrokenOff = false
    }
}
