import Bytes
import Chains
import JSON
import Ledger

/// What `farebox ledger export` prints: one claim a line, for other books. Amounts are in atomic units, gas is in wei.
public enum LedgerExport {
    public enum Format: Sendable { case csv, json }

    private static let columns: [StaticString] = [
        "time", "route", "revision", "payer", "asset", "decimals", "amount", "network", "transaction", "gas", "outcome",
        "facilitator", "claim",
    ]

    /// Names of the columns (RFC 4180, section 2); nothing in JSON.
    public static func heading(_ format: Format) -> String {
        format == .csv ? columns.map(\.description).joined(separator: ",") + "\r\n" : ""
    }

    public static func line(_ claim: ClaimRecord, _ format: Format) -> String {
        let values = values(of: claim)
        switch format {
        case .csv: return values.map(cell).joined(separator: ",") + "\r\n"
        case .json:
            var out = ByteBuffer()
            var json = JSONWriter()
            json.beginObject(&out)
            for (column, value) in zip(columns, values) {
                json.key(column, &out)
                switch column.description {
                case "revision", "decimals": json.number(Int(value) ?? 0, &out)
                case "transaction", "gas": if value.isEmpty { json.null(&out) } else { json.string(value, &out) }
                default: json.string(value, &out)
                }
            }
            json.endObject(&out)
            out.append(byte: 0x0A)
            return out.text
        }
    }

    /// In the order of `columns`.
    private static func values(of claim: ClaimRecord) -> [String] {
        [
            LedgerReport.time(claim.createdAt), claim.route, "\(claim.revision)", Address(claim.key.payer).checksummed,
            Address(claim.key.asset).checksummed, "\(claim.assetDecimals)", "\(claim.amountAtomic)", claim.key.chain,
            claim.transaction ?? "", claim.gasWei.map { "\($0)" } ?? "", claim.state.rawValue,
            claim.facilitator.rawText, claim.id.idempotencyKey,
        ]
    }

    /// RFC 4180: quoted where a quote, a comma or a line's end is in it.
    private static func cell(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 < 0x20 }) else { return value }
        return "\"" + value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

/// A moment as `--since` and `--until` take it.
public enum ExportTime {
    /// Unix seconds of `2026-11-21` or `2026-11-21T08:30:00Z` (RFC 3339 in UTC); nil for anything else.
    public static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return nil }
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        var numbers: [Int64] = [0]
        for (byte, expected) in zip(bytes, pattern) {
            if expected == 0x30 {
                guard byte >= 0x30 && byte <= 0x39 else { return nil }
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte - 0x30)
            } else {
                guard byte == expected else { return nil }
                numbers.append(0)
            }
        }
        while numbers.count < 6 { numbers.append(0) }
        let (year, month, day) = (numbers[0], numbers[1], numbers[2])
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1970, (1...12).contains(month), day >= 1, day <= days[Int(month) - 1], numbers[3] < 24,
            numbers[4] < 60, numbers[5] < 60
        else { return nil }
        let leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477
        let dayOfYear = days[..<Int(month - 1)].reduce(day - 1, +)
        return ((year - 1970) * 365 + leaps + dayOfYear) * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
    }
}
