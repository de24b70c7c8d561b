/// What a payment must pass beside its bounds before it is let through at once.
public struct AdmissionGate: Sendable, Hashable {
    /// The route wants a proven wallet.
    public var proven: Proven?
    /// The route's breaker has tripped; nil while it is closed.
    public var breaker: OpenBreaker?
    /// A person let this payment through: neither is asked.
    public var isApproved: Bool

    public struct Proven: Sendable, Hashable {
        public var requirement: ProvenRequirement
        public var otherwise: GateOutcome

        public init(requirement: ProvenRequirement, otherwise: GateOutcome) {
            self.requirement = requirement
            self.otherwise = otherwise
        }
    }

    public struct OpenBreaker: Sendable, Hashable {
        /// The policy's name.
        public var name: String
        public var then: GateOutcome
        /// Until it closes.
        public var retryAfterSeconds: Int

        public init(name: String, then: GateOutcome, retryAfterSeconds: Int) {
            self.name = name
            self.then = then
            self.retryAfterSeconds = retryAfterSeconds
        }
    }

    public init(proven: Proven? = nil, breaker: OpenBreaker? = nil, isApproved: Bool = false) {
        self.proven = proven
        self.breaker = breaker
        self.isApproved = isApproved
    }

    /// Lets everybody through.
    public static let open = AdmissionGate()
}

/// What becomes of a payment that a gate does not let through at once.
public enum GateOutcome: String, Sendable, Hashable {
    /// A person looks at it.
    case review
    case deny
}

/// What a wallet must have shown on this ledger. Play money proves nothing for real money.
public struct ProvenRequirement: Sendable, Hashable {
    /// The policy's name.
    public var name: String
    /// Payments that have come.
    public var settled: Int
    /// Since the first of them.
    public var ageSeconds: Int64
    /// What they sum to, in 10^-18 dollars.
    public var spentAttodollars: UInt128
    /// The most that may have failed, in percent of those that came and those that failed; nil: any.
    public var failedPercent: Int?

    public init(
        name: String, settled: Int = 0, ageSeconds: Int64 = 0, spentAttodollars: UInt128 = 0,
        failedPercent: Int? = nil
    ) {
        self.name = name
        self.settled = settled
        self.ageSeconds = ageSeconds
        self.spentAttodollars = spentAttodollars
        self.failedPercent = failedPercent
    }
}

/// Why a gate turned a payment away.
public struct GateRefusal: Sendable, Hashable {
    /// The raw value is the machine-readable reason.
    public enum Code: String, Sendable, CaseIterable {
        case walletUnproven = "wallet_unproven"
        case breakerOpen = "breaker_open"
    }

    public let code: Code
    /// The policy's name.
    public let policy: String
    /// When time alone would open the gate; nil where it would not.
    public let retryAfterSeconds: Int?
    /// What the wallet lacks, for people: `3 more settled payments, $0.40 more spent`; empty for a breaker. Safe within JSON.
    public let missing: String

    public init(code: Code, policy: String, retryAfterSeconds: Int?, missing: String) {
        self.code = code
        self.policy = policy
        self.retryAfterSeconds = retryAfterSeconds
        self.missing = missing
    }
}
