import Bytes
import Chains
import JSON
import Ledger

/// What `farebox wallet 0x…` prints: one payer's history, and what is left of its bounds.
public struct WalletReport: Sendable {
    private let payer: Address
    private let policies: [PolicySettings]
    /// One for each network where it has paid or tried to.
    var standings: [WalletStanding] = []
    /// Its newest claims, the newest first.
    private var claims: [LedgerEntry] = []

    /// Of a payer that the ledger does not know, until `read`.
    public init(payer: Address, policies: [PolicySettings]) {
        self.payer = payer
        self.policies = policies
    }

    /// Takes in what the ledger says of the payer, with at most `limit` of its claims. `now` in Unix seconds.
    public mutating func read(_ reader: LedgerReader, limit: Int, now: Int64) throws(LedgerFault) {
        standings = try reader.standings(
            of: payer.bytes, policies: policies.map(\.bounds), requirements: policies.compactMap(\.proven), now: now)
        // Chain by chain: an index knows a chain's payers.
        var newest: [ClaimRecord] = []
        for chain in Set(standings.map(\.wallet.chain)) {
            newest += try reader.list(ClaimFilter(payer: payer.bytes, chain: chain), limit: limit)
        }
        newest.sort { $0.id.row > $1.id.row }
        claims = []
        for claim in newest.prefix(limit) {
            let transactions = claim.facilitator == .chain ? try reader.transactions(of: claim.id) : []
            claims.append(LedgerEntry(claim, transactions: transactions))
        }
    }

    /// Policies that turn it away.
    private var deniedBy: [String] { policies.filter { $0.deny.contains(payer.bytes) }.map(\.name) }

    /// For people.
    public var text: String {
        var lines: [String] = []
        for policy in deniedBy { lines.append("DENIED by the policy \(policy)") }
        if standings.isEmpty { lines.append("\(payer.checksummed) has no claim in this ledger") }
        for standing in standings { lines += Self.lines(standing, payer) }
        return lines.map { $0 + "\n" }.joined() + (claims.isEmpty ? "" : "\n" + LedgerReport.table(claims))
    }

    private static func lines(_ standing: WalletStanding, _ payer: Address) -> [String] {
        let history = standing.history
        var lines = [
            "\(payer.checksummed) on \(LedgerReport.network(standing.wallet.chain))"
                + (standing.isPlay ? ", with play money" : "")
        ]
        lines.append(
            "  settled  \(history.settled), \(Attodollars.text(history.spentAttodollars))"
                + (history.firstSettledAt.map { ", the first \(LedgerReport.time($0))" } ?? "")
                + "; failed \(history.failed)")
        let states = ClaimState.allCases.compactMap { state in
            standing.claims[state].map { "\($0) \(state.rawValue)" }
        }
        lines.append("  claims   " + states.joined(separator: ", "))
        for proven in standing.proven {
            lines.append("  \(proven.policy): " + (proven.missing.map { "not proven, needs \($0)" } ?? "proven"))
        }
        for bound in standing.bounds {
            lines.append(
                "  \(bound.policy): \(name(bound.code)) \(bound.limitText) in \(duration(bound.windowSeconds)): "
                    + "\(bound.usedText) used, \(bound.leftText) left")
        }
        return lines
    }

    /// As the config writes it.
    private static func name(_ code: BoundRefusal.Code) -> String {
        switch code {
        case .walletRate: "per_wallet rate"
        case .walletSpend: "per_wallet spend"
        case .everyoneRate: "everyone rate"
        case .everyoneSpend: "everyone spend"
        }
    }

    /// In the largest unit that gives a whole number.
    private static func duration(_ seconds: Int64) -> String {
        for (unit, length) in [("d", Int64(86_400)), ("h", 3600), ("m", 60)] where seconds % length == 0 {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }

    /// One JSON object; counts and dollars of bounds are decimal strings.
    public var json: String {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("payer", &out)
        json.string(payer.checksummed, &out)
        json.key("denied_by", &out)
        json.beginArray(&out)
        for policy in deniedBy { json.string(policy, &out) }
        json.endArray(&out)
        json.key("networks", &out)
        json.beginArray(&out)
        for standing in standings { Self.write(standing, with: &json, to: &out) }
        json.endArray(&out)
        json.key("claims", &out)
        json.beginArray(&out)
        for entry in claims { LedgerReport.write(entry, with: &json, to: &out) }
        json.endArray(&out)
        json.endObject(&out)
        out.append(byte: 0x0A)
        return out.text
    }

    private static func write(_ standing: WalletStanding, with json: inout JSONWriter, to out: inout ByteBuffer) {
        func text(_ key: StaticString, _ value: String) {
            json.key(key, &out)
            json.string(value, &out)
        }
        func number(_ key: StaticString, _ value: Int) {
            json.key(key, &out)
            json.number(value, &out)
        }
        json.beginObject(&out)
        text("network", standing.wallet.chain)
        json.key("play_money", &out)
        json.bool(standing.isPlay, &out)
        number("settled", standing.history.settled)
        number("failed", standing.history.failed)
        text("spent", bare(Attodollars.text(standing.history.spentAttodollars)))
        if let first = standing.history.firstSettledAt { text("first_settled", LedgerReport.time(first)) }
        json.key("states", &out)
        json.beginArray(&out)
        for state in ClaimState.allCases {
            guard let count = standing.claims[state] else { continue }
            json.beginObject(&out)
            text("state", state.rawValue)
            number("claims", count)
            json.endObject(&out)
        }
        json.endArray(&out)
        json.key("proven", &out)
        json.beginArray(&out)
        for proven in standing.proven {
            json.beginObject(&out)
            text("policy", proven.policy)
            json.key("is_proven", &out)
            json.bool(proven.missing == nil, &out)
            if let missing = proven.missing { text("missing", missing) }
            json.endObject(&out)
        }
        json.endArray(&out)
        json.key("bounds", &out)
        json.beginArray(&out)
        for bound in standing.bounds {
            json.beginObject(&out)
            text("policy", bound.policy)
            text("bound", bound.code.rawValue)
            number("window_seconds", Int(bound.windowSeconds))
            text("limit", bare(bound.limitText))
            text("used", bare(bound.usedText))
            text("left", bare(bound.leftText))
            json.endObject(&out)
        }
        json.endArray(&out)
        json.endObject(&out)
    }

    /// Without the dollar sign.
    private static func bare(_ text: String) -> String { text.hasPrefix("$") ? String(text.dropFirst()) : text }
}
