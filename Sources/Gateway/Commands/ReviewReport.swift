import Bytes
import Chains
import JSON
import Ledger

/// What `farebox review` and the admin listener print of reviews.
public enum ReviewReport {
    /// A table for people; empty without reviews.
    public static func table(_ reviews: [ReviewRecord], now: Int64) -> String {
        if reviews.isEmpty { return "" }
        let titles = ["SINCE", "STATE", "WHY", "PRICE", "NETWORK", "PAYER", "FROM", "VALID FOR", "REQUEST", "REVIEW"]
        let rows = [titles] + reviews.map { row($0, now: now) }
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max()! }
        return rows.map { row in
            row.enumerated().map { at, cell in cell + String(repeating: " ", count: widths[at] - cell.count) }
                .joined(separator: "  ").trimmedAtEnd + "\n"
        }.joined()
    }

    private static func row(_ review: ReviewRecord, now: Int64) -> [String] {
        let claim = review.claim
        let left = claim.validBefore - now
        return [
            LedgerReport.time(review.createdAt), state(review), review.why, LedgerReport.price(claim),
            LedgerReport.network(claim.key.chain), Address(claim.key.payer).checksummed,
            LedgerReport.escaped(review.callerAddress), left > 0 ? "\(left) s" : "expired",
            LedgerReport.escaped(claim.request), review.id.idempotencyKey,
        ]
    }

    /// What became of it: `done` once it was paid for.
    static func state(_ review: ReviewRecord) -> String {
        guard review.state == .approved else { return review.state.rawValue }
        return review.runState == .owed || review.runState == .delivered ? "done" : "approved"
    }

    /// One review whole, its request as it came; what its caller proves itself by to the API is not shown.
    public static func text(_ review: ReviewRecord, now: Int64) -> String {
        let claim = review.claim
        var lines = [
            "review      \(review.id.idempotencyKey)", "state       \(state(review))",
            "why         \(review.why)", "since       \(LedgerReport.time(review.createdAt))",
            "price       \(LedgerReport.price(claim)), settled \(claim.order.rawValue)",
            "route       \(LedgerReport.escaped(claim.route))",
            "payer       \(Address(claim.key.payer).checksummed) on \(LedgerReport.network(claim.key.chain))",
            "from        \(LedgerReport.escaped(review.callerAddress))",
            "valid until \(LedgerReport.time(claim.validBefore))\(claim.validBefore > now ? "" : " (expired)")",
        ]
        if let decidedAt = review.decidedAt { lines.append("decided     \(LedgerReport.time(decidedAt))") }
        if let remark = review.remark { lines.append("remark      \(LedgerReport.escaped(remark))") }
        lines.append("")
        lines += head(review).map(shown)
        let body = review.request?.body ?? []
        if !body.isEmpty {
            lines.append("")
            if let text = String(validating: body, as: UTF8.self) {
                lines += text.split(separator: "\n", omittingEmptySubsequences: false).map { shown(String($0)) }
            } else {
                lines.append("(\(body.count) bytes that are no text)")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// As it is, but for what a terminal would obey.
    private static func shown(_ line: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in line.unicodeScalars {
            switch scalar.value {
            case 0x09: text.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                text.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }

    private static func head(_ review: ReviewRecord) -> [String] {
        String(decoding: review.request?.head ?? [], as: UTF8.self).split(separator: "\r\n").map { line in
            let name = line.prefix { $0 != ":" }.lowercased()
            let isSecret = ["authorization", "cookie", "x-api-key", "proxy-authorization"].contains(name)
            return isSecret ? line.prefix { $0 != ":" } + ": (hidden)" : String(line)
        }
    }

    /// One JSON object a line.
    public static func lines(_ reviews: [ReviewRecord]) -> String {
        var out = ByteBuffer()
        for review in reviews {
            write(review, to: &out)
            out.append(byte: 0x0A)
        }
        return out.text
    }

    static func write(_ review: ReviewRecord, to out: inout ByteBuffer) {
        let claim = review.claim
        var json = JSONWriter()
        func text(_ key: StaticString, _ value: String) {
            json.key(key, &out)
            json.string(value, &out)
        }
        json.beginObject(&out)
        text("id", review.id.idempotencyKey)
        text("state", state(review))
        text("why", review.why)
        text("request", claim.request)
        text("route", claim.route)
        json.key("revision", &out)
        json.number(claim.revision, &out)
        text("order", claim.order.rawValue)
        text("amount", "\(claim.amountAtomic)")
        text("network", claim.key.chain)
        text("asset", Address(claim.key.asset).checksummed)
        text("payer", Address(claim.key.payer).checksummed)
        text("from", review.callerAddress)
        json.key("body_bytes", &out)
        json.number(review.bodyBytes, &out)
        text("created", LedgerReport.time(review.createdAt))
        text("valid_before", LedgerReport.time(claim.validBefore))
        text("expires", LedgerReport.time(review.expiresAt))
        if let decidedAt = review.decidedAt { text("decided", LedgerReport.time(decidedAt)) }
        if let remark = review.remark { text("remark", remark) }
        text("claim_state", review.runState.rawValue)
        json.endObject(&out)
    }
}
