/// Where an exchange stands. Each stage has one function, which `advance()` calls.
extension Exchange {
    enum Stage {
        /// Which route, and what it asks.
        case routing
        /// A message to a server of tools is taken in and read: its body says what it costs.
        case judging
        /// The payment header is read and its payer proven.
        case reading
        /// The whole body is taken in: its hash is part of what the payment is bound to.
        case collecting
        /// A signature that no plain account made: the chain tells whether a contract stands for it.
        case proving
        /// `settle: first` at a server of tools: whether it lets the caller in at all.
        case probing
        /// The ledger: known payment, lease, claim.
        case admitting
        /// The chain or the facilitator says whether the payment would settle; the lease is held, nothing is claimed.
        case verifying
        /// The ledger says where a review stands, or takes the request in that is to wait for one.
        case reviewing
        /// `settle: first`: the money moves before the upstream is asked.
        case settlingFirst
        /// The upstream is asked.
        case forwarding
        /// The answer comes, and is relayed or held.
        case answering
        /// `settle: after`: the money moves before a byte of the held answer leaves.
        case settlingAfter
        /// The held answer goes out.
        case releasing
        /// The last bytes are on their way to the caller's kernel.
        case delivering
        case ended
    }

    enum Progress {
        case ready
        case pending
    }
}
