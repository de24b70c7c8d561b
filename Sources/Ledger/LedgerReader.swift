import Bytes

/// Which claims to list; nil fields match all.
public struct ClaimFilter: Sendable {
    public var states: Set<ClaimState>?
    public var payer: Bytes20?
    public var chain: String?

    public init(states: Set<ClaimState>? = nil, payer: Bytes20? = nil, chain: String? = nil) {
        self.states = states
        self.payer = payer
        self.chain = chain
    }
}

/// How many claims stand in a state, and what they sum to, per chain and asset.
public struct ClaimSummary: Hashable, Sendable {
    public let chain: String
    public let asset: Bytes20
    public let state: ClaimState
    public let count: Int
    public let amountAtomic: UInt128
}

/// Why a ledger could not be read or changed from outside; the text says what to do next.
public struct LedgerFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}

/// Reads a ledger that another process may be running, through a read-only connection of its own (WAL readers block nobody).
public struct LedgerReader: ~Copyable {
    public init(path: String) throws(LedgerFault) { throw LedgerFault(description: "not yet") }

    /// Newest first, at most `limit`.
    public func list(_ filter: ClaimFilter = ClaimFilter(), limit: Int) throws(LedgerFault) -> [ClaimRecord] { [] }

    /// What waits for its caller or for a person: `owed` and `unknown`, oldest first.
    public func owed(limit: Int) throws(LedgerFault) -> [ClaimRecord] { [] }

    public func summary() throws(LedgerFault) -> [ClaimSummary] { [] }
}
