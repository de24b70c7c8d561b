import Bytes

/// One bound as it stands for a wallet.
public struct BoundStanding: Hashable, Sendable {
    public let code: BoundRefusal.Code
    /// The policy's name.
    public let policy: String
    public let windowSeconds: Int64
    /// `$5.00`, or a count of requests.
    public let limitText: String
    public let usedText: String
    public let leftText: String
}

/// What a requirement says of a wallet.
public struct ProvenStanding: Hashable, Sendable {
    /// The policy's name.
    public let policy: String
    /// For people; nil where the wallet is proven.
    public let missing: String?
}

/// A wallet on one chain, with real money or in play: what it has shown, and what is left of its bounds.
public struct WalletStanding: Hashable, Sendable {
    public let wallet: Wallet
    /// It paid in the sandbox.
    public let isPlay: Bool
    public let history: WalletHistory
    /// How many of its claims are in each state that has any.
    public let claims: [ClaimState: Int]
    public let bounds: [BoundStanding]
    public let proven: [ProvenStanding]
}

extension LedgerReader {
    /// Every chain where this payer has claims, in order, real money before play. All of it as at one moment.
    ///
    /// - Parameter now: the wall clock, in Unix seconds; the latest claim's time where that is later, as after a clock was set back.
    public func standings(
        of payer: Bytes20, policies: [BoundPolicy], requirements: [ProvenRequirement], now: Int64
    ) throws(LedgerFault) -> [WalletStanding] {
        try read { () throws(StoreFault) in
            try database.execute("BEGIN")
            defer { try? database.execute("COMMIT") }
            let tally = try ClaimTally(database, wallNow: now)
            try tally.open(policies)
            var standings: [WalletStanding] = []
            for chain in try Self.chains(database) {
                let wallet = Wallet(chain: chain, payer: payer)
                let counts = try Self.counts(of: wallet, database)
                for (isPlay, claims) in [(false, counts.real), (true, counts.play)] where !claims.isEmpty {
                    let history = try tally.history(of: wallet, isPlay: isPlay)
                    standings.append(
                        WalletStanding(
                            wallet: wallet, isPlay: isPlay, history: history, claims: claims,
                            bounds: tally.standings(of: wallet, isPlay: isPlay, policies),
                            proven: requirements.map {
                                ProvenStanding(policy: $0.name, missing: history.lacks($0, now: tally.now)?.text)
                            }))
                }
            }
            return standings
        }
    }

    /// Steps from one chain to the next through the index.
    private static func chains(_ database: Database) throws(StoreFault) -> [String] {
        let next = try database.prepare("SELECT min(chain) FROM claims WHERE chain > ?1")
        var chains: [String] = []
        while true {
            try next.bind(1, chains.last ?? "")
            guard try next.step(), !next.isNull(0) else { return chains }
            chains.append(next.text(0))
            next.reset()
        }
    }

    private static func counts(
        of wallet: Wallet, _ database: Database
    ) throws(StoreFault) -> (real: [ClaimState: Int], play: [ClaimState: Int]) {
        let statement = try database.prepare(
            "SELECT facilitator = '\(ClaimFacilitator.sandbox.rawText)', state, count(*) FROM claims"
                + " WHERE chain = ?1 AND payer = ?2 GROUP BY 1, 2")
        try statement.bind(1, wallet.chain)
        try statement.bind(2, wallet.payer)
        var real: [ClaimState: Int] = [:]
        var play: [ClaimState: Int] = [:]
        while try statement.step() {
            guard let state = ClaimState(rawValue: statement.text(1)) else {
                throw StoreFault(code: 0, description: "a claim of \(wallet.payer.hex) holds no valid state")
            }
            let count = Int(statement.integer(2))
            if statement.integer(0) != 0 { play[state] = count } else { real[state] = count }
        }
        return (real, play)
    }
}

extension ClaimTally {
    /// What is left of each bound of these policies; their books are open.
    func standings(of wallet: Wallet, isPlay: Bool, _ policies: [BoundPolicy]) -> [BoundStanding] {
        var standings: [BoundStanding] = []
        for policy in policies {
            look(at: policy, of: wallet, isPlay: isPlay) { code, limit, window, seconds in
                standings.append(
                    BoundStanding(
                        code: code, policy: policy.name, windowSeconds: seconds, limitText: code.text(limit),
                        usedText: code.text(window.sum), leftText: code.text(limit.subtractingSaturated(window.sum))))
            }
        }
        return standings
    }
}
