import Chains

/// What was seen lately of accounts on one chain: whether code stands there. Bounded in time and number.
struct ContractProofMemory {
    static let payerNanoseconds: UInt64 = 60_000_000_000
    /// A wallet may be deployed at any time, and pay at once.
    static let emptyPayerNanoseconds: UInt64 = 5_000_000_000
    /// A token's code does not go away.
    static let tokenNanoseconds: UInt64 = 900_000_000_000
    static let accountsAtMost = 4_096

    private struct Seen {
        var hasCode: Bool
        var untilNanoseconds: UInt64
    }

    private var payers: [Address: Seen] = [:]
    private var tokens: [Address: UInt64] = [:]

    /// - Parameter now: monotonic nanoseconds.
    func payerHasCode(_ payer: Address, now: UInt64) -> Bool? {
        guard let seen = payers[payer], seen.untilNanoseconds > now else { return nil }
        return seen.hasCode
    }

    mutating func note(payer: Address, hasCode: Bool, now: UInt64) {
        if payers.count >= Self.accountsAtMost && payers[payer] == nil {
            payers = payers.filter { $0.value.untilNanoseconds > now }
            // Full of what is fresh: the whole is cheaper to learn again than to keep in order.
            if payers.count >= Self.accountsAtMost { payers = [:] }
        }
        let nanoseconds = hasCode ? Self.payerNanoseconds : Self.emptyPayerNanoseconds
        payers[payer] = Seen(hasCode: hasCode, untilNanoseconds: now + nanoseconds)
    }

    mutating func forget(payer: Address) { payers[payer] = nil }

    func tokenHasCode(_ token: Address, now: UInt64) -> Bool { tokens[token].map { $0 > now } ?? false }

    /// Tokens are the configuration's: there are few.
    mutating func noteCode(token: Address, now: UInt64) { tokens[token] = now + Self.tokenNanoseconds }
}
