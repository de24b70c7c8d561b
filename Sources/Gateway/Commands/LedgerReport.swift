import Bytes
import Chains
import JSON
import Ledger

/// What `farebox ledger` prints of claims.
public enum LedgerReport {
    /// A table for people; empty without claims.
    public static func table(_ claims: [ClaimRecord]) -> String {
        if claims.isEmpty { return "" }
        let titles = ["TIME", "STATE", "ORDER", "PRICE", "NETWORK", "PAYER", "REQUEST", "TRANSACTION", "CLAIM"]
        let rows = [titles] + claims.map(row)
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max()! }
        return rows.map { row in
            let cells = row.enumerated().map { at, cell in cell + String(repeating: " ", count: widths[at] - cell.count)
            }
            return cells.joined(separator: "  ").trimmedAtEnd + "\n"
        }.joined()
    }

    private static func row(_ claim: ClaimRecord) -> [String] {
        [
            time(claim.updatedAt), claim.state.rawValue, claim.order.rawValue, price(claim), network(claim.key.chain),
            Address(claim.key.payer).checksummed, escaped(claim.request), claim.transaction ?? claim.reason ?? "-",
            claim.id.idempotencyKey,
        ]
    }

    /// One JSON object a line.
    public static func lines(_ claims: [ClaimRecord]) -> String {
        var out = ByteBuffer()
        for claim in claims {
            write(claim, to: &out)
            out.append(byte: 0x0A)
        }
        return out.text
    }

    private static func write(_ claim: ClaimRecord, to out: inout ByteBuffer) {
        var json = JSONWriter()
        func text(_ key: StaticString, _ value: String) {
            json.key(key, &out)
            json.string(value, &out)
        }
        func number(_ key: StaticString, _ value: Int) {
            json.key(key, &out)
            json.number(value, &out)
        }
        json.beginObject(&out)
        text("id", claim.id.idempotencyKey)
        text("state", claim.state.rawValue)
        text("order", claim.order.rawValue)
        text("bind", claim.bind.rawValue)
        text("amount", "\(claim.amountAtomic)")
        text("network", claim.key.chain)
        text("asset", Address(claim.key.asset).checksummed)
        text("payer", Address(claim.key.payer).checksummed)
        text("nonce", claim.key.nonce.hex)
        text("pay_to", Address(claim.payTo).checksummed)
        text("facilitator", claim.facilitator.rawText)
        text("route", claim.route)
        number("revision", claim.revision)
        text("request", claim.request)
        text("valid_before", time(claim.validBefore))
        text("created", time(claim.createdAt))
        text("updated", time(claim.updatedAt))
        if let owedAt = claim.owedAt { text("owed_since", time(owedAt)) }
        number("attempts", claim.attempts)
        number("reruns", claim.reruns)
        if let transaction = claim.transaction { text("transaction", transaction) }
        if let reason = claim.reason { text("reason", reason) }
        json.endObject(&out)
    }

    /// In dollars where the asset is USDC that is known, else in atomic units.
    private static func price(_ claim: ClaimRecord) -> String {
        let amount = UInt256(claim.amountAtomic)
        let network = Network.chainID(caip2: claim.key.chain).flatMap { Network.withChainID($0) }
        guard let token = network?.usdc, token.address == Address(claim.key.asset) else { return "\(amount) atomic" }
        return PayMaximum.dollars(amount, decimals: token.decimals)
    }

    private static func network(_ chain: String) -> String {
        Network.chainID(caip2: chain).flatMap { Network.withChainID($0) }?.name ?? chain
    }

    /// RFC 3339 in UTC, whole seconds.
    private static func time(_ seconds: Int64) -> String {
        var out = ByteBuffer()
        var clock = WallClockText()
        // What nanoseconds hold ends in 2262; a window may be as long as its payer likes.
        clock.append(nanoseconds: min(max(seconds, 0), 9_223_372_035) * 1_000_000_000, to: &out)
        return out.text.prefix(19) + "Z"
    }

    private static func escaped(_ text: String) -> String {
        var out = ByteBuffer()
        out.appendEscaped(text)
        return out.text
    }
}

extension String {
    fileprivate var trimmedAtEnd: Substring { self[...(lastIndex { $0 != " " } ?? startIndex)] }
}
