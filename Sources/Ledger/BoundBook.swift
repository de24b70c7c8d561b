import Bytes
import DequeModule

/// Who is counted: a wallet, by the number that the tally gives its chain; play money apart from real.
struct CounterKey: Hashable {
    let payer: Bytes20
    let chain: UInt32
    let isPlay: Bool
}

/// One claim as bounds see it.
struct CountedClaim {
    let key: CounterKey
    /// In 10^-18 dollars.
    let attodollars: UInt128
    /// When it was counted, by the steady clock.
    let second: Int64
}

/// The counters of one policy, for windows of certain lengths. Two revisions that give a policy different windows have a book each;
/// they need none for different limits.
final class BoundBook {
    /// Which policy, and which windows; nil where nothing of the kind is bound.
    struct Windows: Hashable {
        let policy: String
        let walletRate: Int64?
        let walletSpend: Int64?
        let everyoneRate: Int64?
        let everyoneSpend: Int64?

        init(_ policy: BoundPolicy) {
            self.policy = policy.name
            walletRate = policy.walletRate.map { Self.clamped($0.windowSeconds) }
            walletSpend = policy.walletSpend.map { Self.clamped($0.windowSeconds) }
            everyoneRate = policy.everyoneRate.map { Self.clamped($0.windowSeconds) }
            everyoneSpend = policy.everyoneSpend.map { Self.clamped($0.windowSeconds) }
        }

        private static func clamped(_ seconds: Int64) -> Int64 { min(max(seconds, 1), BoundWindow.mostSeconds) }

        var longestOfWallet: Int64? { longest(walletRate, walletSpend) }

        var longest: Int64? { longest(longestOfWallet, longest(everyoneRate, everyoneSpend)) }

        private func longest(_ one: Int64?, _ other: Int64?) -> Int64? {
            guard let one, let other else { return one ?? other }
            return max(one, other)
        }
    }

    /// The windows of one wallet, or of all.
    private struct Counters {
        var rate = RollingWindow()
        var spend = RollingWindow()

        var isEmpty: Bool { rate.isEmpty && spend.isEmpty }

        mutating func roll(to now: Int64, _ rateSeconds: Int64?, _ spendSeconds: Int64?) {
            if let rateSeconds { rate.roll(to: now, seconds: rateSeconds) }
            if let spendSeconds { spend.roll(to: now, seconds: spendSeconds) }
        }

        mutating func add(_ claim: CountedClaim, now: Int64, _ rateSeconds: Int64?, _ spendSeconds: Int64?) {
            roll(to: now, rateSeconds, spendSeconds)
            if let rateSeconds { rate.add(1, at: claim.second, now: now, seconds: rateSeconds) }
            if let spendSeconds { spend.add(claim.attodollars, at: claim.second, now: now, seconds: spendSeconds) }
        }

        mutating func giveBack(_ claim: CountedClaim, now: Int64, _ rateSeconds: Int64?, _ spendSeconds: Int64?) {
            roll(to: now, rateSeconds, spendSeconds)
            if let rateSeconds { rate.giveBack(1, at: claim.second, now: now, seconds: rateSeconds) }
            if let spendSeconds { spend.giveBack(claim.attodollars, at: claim.second, now: now, seconds: spendSeconds) }
        }
    }

    let windows: Windows
    /// When a payment last asked, by the steady clock.
    var askedAt: Int64
    private var wallets: [CounterKey: Counters] = [:]
    /// When each wallet's counters are to be looked at, whether anything is left in them; ascending.
    private var due: Deque<(second: Int64, key: CounterKey)> = []
    private var everyone = Counters()
    private var everyoneInPlay = Counters()
    /// More than one, so that what is let go keeps up with what comes.
    private static let looksPerClaim = 2

    init(_ windows: Windows, now: Int64) {
        self.windows = windows
        askedAt = now
    }

    var walletsKept: Int { wallets.count }

    func count(_ claim: CountedClaim, now: Int64) {
        if let longest = windows.longestOfWallet, claim.second > now - longest {
            if let known = wallets.index(forKey: claim.key) {
                wallets.values[known].add(claim, now: now, windows.walletRate, windows.walletSpend)
            } else {
                var counters = Counters()
                counters.add(claim, now: now, windows.walletRate, windows.walletSpend)
                wallets[claim.key] = counters
                due.append((now + longest, claim.key))
            }
            letGo(now: now, longest)
        }
        if claim.key.isPlay {
            everyoneInPlay.add(claim, now: now, windows.everyoneRate, windows.everyoneSpend)
        } else {
            everyone.add(claim, now: now, windows.everyoneRate, windows.everyoneSpend)
        }
    }

    func giveBack(_ claim: CountedClaim, now: Int64) {
        wallets[claim.key]?.giveBack(claim, now: now, windows.walletRate, windows.walletSpend)
        if claim.key.isPlay {
            everyoneInPlay.giveBack(claim, now: now, windows.everyoneRate, windows.everyoneSpend)
        } else {
            everyone.giveBack(claim, now: now, windows.everyoneRate, windows.everyoneSpend)
        }
    }

    /// Drops wallets that have nothing left in their windows, a few at a time.
    private func letGo(now: Int64, _ longest: Int64) {
        for _ in 0..<Self.looksPerClaim {
            guard let next = due.first, next.second <= now else { return }
            due.removeFirst()
            wallets[next.key]?.roll(to: now, windows.walletRate, windows.walletSpend)
            if wallets[next.key]?.isEmpty == false {
                due.append((now + longest, next.key))
            } else {
                wallets[next.key] = nil
            }
        }
    }

    /// Looks at every bound of `policy`, which has the windows of this book, as it stands for one wallet now.
    func look(
        at policy: BoundPolicy, of key: CounterKey, now: Int64,
        _ body: (BoundRefusal.Code, _ limit: UInt128, RollingWindow, _ seconds: Int64) -> Void
    ) {
        func look(_ code: BoundRefusal.Code, _ limit: UInt128?, _ window: RollingWindow, _ seconds: Int64?) {
            if let limit, let seconds { body(code, limit, window, seconds) }
        }
        if windows.longestOfWallet != nil {
            wallets[key]?.roll(to: now, windows.walletRate, windows.walletSpend)
            let own = wallets[key] ?? Counters()
            look(.walletRate, policy.walletRate?.limit, own.rate, windows.walletRate)
            look(.walletSpend, policy.walletSpend?.attodollars, own.spend, windows.walletSpend)
        }
        everyone.roll(to: now, windows.everyoneRate, windows.everyoneSpend)
        everyoneInPlay.roll(to: now, windows.everyoneRate, windows.everyoneSpend)
        let all = key.isPlay ? everyoneInPlay : everyone
        look(.everyoneRate, policy.everyoneRate?.limit, all.rate, windows.everyoneRate)
        look(.everyoneSpend, policy.everyoneSpend?.attodollars, all.spend, windows.everyoneSpend)
    }
}

extension RateBound {
    fileprivate var limit: UInt128 { UInt128(max(count, 0)) }
}

extension BoundRefusal.Code {
    /// It counts money, not requests.
    var isSpend: Bool { self == .walletSpend || self == .everyoneSpend }

    /// Of a limit or what is left of it: `$0.03`, or a count.
    func text(_ amount: UInt128) -> String { isSpend ? Attodollars.text(amount) : String(amount) }
}
