import Bytes
import Chains
import JSON
import Ledger

/// A claim with what the relayer sent for it.
public struct LedgerEntry: Sendable {
    public var claim: ClaimRecord
    /// Oldest first.
    public var transactions: [RecordedTransaction]

    public init(_ claim: ClaimRecord, transactions: [RecordedTransaction] = []) {
        self.claim = claim
        self.transactions = transactions
    }
}

/// What `farebox ledger` prints of claims.
public enum LedgerReport {
    /// A table for people, what is known from the chain below each claim; empty without claims.
    public static func table(_ entries: [LedgerEntry]) -> String {
        if entries.isEmpty { return "" }
        let titles = ["TIME", "STATE", "ORDER", "PRICE", "NETWORK", "PAYER", "REQUEST", "TRANSACTION", "CLAIM"]
        let rows = [titles] + entries.map { row($0.claim) }
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max()! }
        let lines = rows.map { row in
            let cells = row.enumerated().map { at, cell in cell + String(repeating: " ", count: widths[at] - cell.count)
            }
            return cells.joined(separator: "  ").trimmedAtEnd + "\n"
        }
        return lines[0] + zip(lines.dropFirst(), entries).map { $0 + chainLines($1) }.joined()
    }

    private static func chainLines(_ entry: LedgerEntry) -> String {
        var lines = entry.transactions.map { recorded in
            let sent = recorded.transaction
            return
                "\(recorded.number == 0 ? "sent" : "replaced") \(time(recorded.recordedAt)) by \(sent.hash.hex): nonce "
                + "\(sent.nonce) of \(Address(sent.relayer).checksummed), at most \(gwei(sent.maxFeeWei)) gwei, tip "
                + "\(gwei(sent.priorityFeeWei)), gas limit \(sent.gasLimit), after block \(sent.headBlock)"
        }
        if let block = entry.claim.evidenceBlock {
            lines.append("settled in block \(block)\(entry.claim.isWatched ? ", which is not final yet" : ", final")")
        }
        if let since = entry.claim.reorganizedAt {
            lines.append("taken back by the chain \(time(since))\(entry.claim.isWatched ? "" : ", for good")")
        }
        return lines.map { "    \($0)\n" }.joined()
    }

    /// Wei in gwei, without zeros at the end.
    private static func gwei(_ wei: UInt128) -> String {
        let digits = String(wei)
        let padded = String(repeating: "0", count: max(10 - digits.count, 0)) + digits
        var fraction = padded.suffix(9)
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return padded.dropLast(9) + (fraction.isEmpty ? "" : ".\(fraction)")
    }

    private static func row(_ claim: ClaimRecord) -> [String] {
        [
            time(claim.updatedAt), claim.state.rawValue, claim.order.rawValue, price(claim), network(claim.key.chain),
            Address(claim.key.payer).checksummed, escaped(claim.request), claim.transaction ?? claim.reason ?? "-",
            claim.id.idempotencyKey,
        ]
    }

    /// One JSON object a line.
    public static func lines(_ entries: [LedgerEntry]) -> String {
        var out = ByteBuffer()
        for entry in entries {
            write(entry, to: &out)
            out.append(byte: 0x0A)
        }
        return out.text
    }

    private static func write(_ entry: LedgerEntry, to out: inout ByteBuffer) {
        let claim = entry.claim
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
        if claim.facilitator != .sandbox {
            if let block = claim.evidenceBlock { number("block", Int(clamping: block)) }
            if let since = claim.reorganizedAt { text("reorganized", time(since)) }
            json.key("watched", &out)
            json.bool(claim.isWatched, &out)
            json.key("transactions", &out)
            json.beginArray(&out)
            for recorded in entry.transactions { write(recorded, with: &json, to: &out) }
            json.endArray(&out)
        }
        json.endObject(&out)
    }

    private static func write(_ recorded: RecordedTransaction, with json: inout JSONWriter, to out: inout ByteBuffer) {
        let sent = recorded.transaction
        func text(_ key: StaticString, _ value: String) {
            json.key(key, &out)
            json.string(value, &out)
        }
        json.beginObject(&out)
        text("hash", sent.hash.hex)
        text("relayer", Address(sent.relayer).checksummed)
        text("nonce", "\(sent.nonce)")
        text("to", Address(sent.to).checksummed)
        text("gas_limit", "\(sent.gasLimit)")
        text("max_fee_wei", "\(sent.maxFeeWei)")
        text("priority_fee_wei", "\(sent.priorityFeeWei)")
        text("after_block", "\(sent.headBlock)")
        text("recorded", time(recorded.recordedAt))
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
    static func time(_ seconds: Int64) -> String {
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
