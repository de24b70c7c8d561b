/// One of the policies that a route names, as the ledger counts by it. Routes that name the same policy share its counters.
///
/// What is paid in play money counts apart from real money, so that nobody uses up a real bound for nothing.
public struct BoundPolicy: Sendable, Hashable {
    /// Not empty, without a comma: rows keep the names of a claim's policies in one text.
    public var name: String
    /// Paid requests of one wallet.
    public var walletRate: RateBound?
    /// Money of one wallet.
    public var walletSpend: SpendBound?
    /// Paid requests of all wallets together.
    public var everyoneRate: RateBound?
    /// Money of all wallets together.
    public var everyoneSpend: SpendBound?

    /// One without bounds is worth naming too: what it counted is there once a bound is added.
    public init(
        name: String, walletRate: RateBound? = nil, walletSpend: SpendBound? = nil, everyoneRate: RateBound? = nil,
        everyoneSpend: SpendBound? = nil
    ) {
        self.name = name
        self.walletRate = walletRate
        self.walletSpend = walletSpend
        self.everyoneRate = everyoneRate
        self.everyoneSpend = everyoneSpend
    }
}

/// At most `count` in every window of `windowSeconds` seconds.
public struct RateBound: Sendable, Hashable {
    public var count: Int
    /// From 1 to `BoundWindow.mostSeconds`.
    public var windowSeconds: Int64

    public init(count: Int, windowSeconds: Int64) {
        self.count = count
        self.windowSeconds = windowSeconds
    }
}

/// At most `attodollars` in every window of `windowSeconds` seconds.
public struct SpendBound: Sendable, Hashable {
    /// In 10^-18 dollars; at most `Attodollars.most`.
    public var attodollars: UInt128
    /// From 1 to `BoundWindow.mostSeconds`.
    public var windowSeconds: Int64

    public init(attodollars: UInt128, windowSeconds: Int64) {
        self.attodollars = min(attodollars, Attodollars.most)
        self.windowSeconds = windowSeconds
    }
}

/// How long a window may be.
public enum BoundWindow {
    /// 400 days.
    public static let mostSeconds: Int64 = 400 * 86_400
}

/// Why a payment passes a bound, and when it would not.
public struct BoundRefusal: Sendable, Hashable {
    /// The raw value is the machine-readable reason.
    public enum Code: String, Sendable, CaseIterable {
        case walletRate = "wallet_rate"
        case walletSpend = "wallet_spend"
        case everyoneRate = "everyone_rate"
        case everyoneSpend = "everyone_spend"
    }

    public let code: Code
    /// The policy's name.
    public let policy: String
    /// What the bound would still let through now: `$0.03`, or a count of requests.
    public let leftText: String
    /// When this payment would fit if nothing else came; nil where the bound is smaller than the price, so never.
    public let retryAfterSeconds: Int?

    public init(code: Code, policy: String, leftText: String, retryAfterSeconds: Int?) {
        self.code = code
        self.policy = policy
        self.leftText = leftText
        self.retryAfterSeconds = retryAfterSeconds
    }
}
