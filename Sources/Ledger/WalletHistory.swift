/// What a wallet has shown on this ledger.
public struct WalletHistory: Hashable, Sendable {
    /// Payments that have come.
    public internal(set) var settled = 0
    /// Payments that were refused at their settlement, or whose time was over before.
    public internal(set) var failed = 0
    /// What the payments that have come sum to, in 10^-18 dollars; saturates.
    public internal(set) var spentAttodollars: UInt128 = 0
    /// When the first of those that have come came in, in Unix seconds.
    public internal(set) var firstSettledAt: Int64?

    public init() {}

    /// One claim that is paid, or failed.
    mutating func add(isPaid: Bool, attodollars: UInt128, second: Int64) {
        if isPaid {
            settled += 1
            spentAttodollars = spentAttodollars.addingSaturated(attodollars)
            firstSettledAt = min(firstSettledAt ?? second, second)
        } else {
            failed += 1
        }
    }

    /// What is missing at `now`, in Unix seconds; nil for a proven wallet.
    func lacks(_ requirement: ProvenRequirement, now: Int64) -> Lack? {
        var parts: [String] = []
        var waitOnly: Int?
        if settled < requirement.settled {
            let more = requirement.settled - settled
            parts.append("\(more) more settled payment\(more == 1 ? "" : "s")")
        }
        if spentAttodollars < requirement.spentAttodollars {
            parts.append("\(Attodollars.text(requirement.spentAttodollars - spentAttodollars)) more spent")
        }
        let decided = settled + failed
        if let percent = requirement.failedPercent, decided > 0, failed * 100 > decided * percent {
            parts.append("less than \(failed) of \(decided) payments failed")
        }
        let age = firstSettledAt.map { max(now - $0, 0) } ?? 0
        if age < requirement.ageSeconds {
            let left = requirement.ageSeconds - age
            if parts.isEmpty && firstSettledAt != nil { waitOnly = Int(left) }
            parts.append("\(Self.durationText(left)) more since its first settled payment")
        }
        return parts.isEmpty ? nil : Lack(text: parts.joined(separator: ", "), waitSeconds: waitOnly)
    }

    struct Lack: Hashable {
        let text: String
        /// When time alone would mend it.
        let waitSeconds: Int?
    }

    /// In the largest unit that loses nothing, rounded up above a minute.
    private static func durationText(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\((seconds + 59) / 60)m"
        default: "\((seconds + 3599) / 3600)h"
        }
    }
}

/// The histories that were asked for last: two generations, of which the older is let go when the younger is full.
struct WalletHistories {
    private var young: [CounterKey: WalletHistory] = [:]
    private var old: [CounterKey: WalletHistory] = [:]
    static let keptPerGeneration = 32_768

    var isEmpty: Bool { young.isEmpty && old.isEmpty }

    var kept: Int { young.count + old.count }

    subscript(key: CounterKey) -> WalletHistory? {
        mutating get {
            if let known = young[key] { return known }
            guard let known = old.removeValue(forKey: key) else { return nil }
            put(known, key)
            return known
        }
        set {
            if let newValue { put(newValue, key) }
        }
    }

    /// Changes a history that is kept; what is not is counted up when it is asked for.
    mutating func change(_ key: CounterKey, _ body: (inout WalletHistory) -> Void) {
        if var known = young[key] {
            body(&known)
            young[key] = known
        } else if var known = old[key] {
            body(&known)
            old[key] = known
        }
    }

    private mutating func put(_ history: WalletHistory, _ key: CounterKey) {
        if young.count >= Self.keptPerGeneration {
            old = young
            young = [:]
        }
        young[key] = history
    }
}
