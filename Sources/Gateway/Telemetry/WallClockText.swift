import Bytes

/// Wall-clock time as RFC 3339 in UTC with milliseconds; the date is worked out once a second.
struct WallClockText: ~Copyable {
    private var second = Int64.min
    private var date = ByteBuffer(capacity: 32)

    /// Appends `2026-11-21T01:35:33.103Z` (24 bytes).
    mutating func append(nanoseconds: Int64, to out: inout ByteBuffer) {
        let second = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
        if second != self.second {
            self.second = second
            formatDate(second)
        }
        out.append(date.readable)
        out.append(byte: 0x2E)
        Self.append(UInt(nanoseconds - second * 1_000_000_000) / 1_000_000, digits: 3, to: &out)
        out.append(byte: 0x5A)
    }

    private mutating func formatDate(_ second: Int64) {
        let days = second >= 0 ? second / 86_400 : (second - 86_399) / 86_400
        let rest = second - days * 86_400
        // Days since 0000-03-01, in eras of 400 years that begin in March so that the leap day comes last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        date.clear()
        Self.append(UInt(max(year, 0)), digits: 4, to: &date)
        date.append(byte: 0x2D)
        Self.append(UInt(month), digits: 2, to: &date)
        date.append(byte: 0x2D)
        Self.append(UInt(day), digits: 2, to: &date)
        date.append(byte: 0x54)
        Self.append(UInt(rest / 3600), digits: 2, to: &date)
        date.append(byte: 0x3A)
        Self.append(UInt(rest / 60 % 60), digits: 2, to: &date)
        date.append(byte: 0x3A)
        Self.append(UInt(rest % 60), digits: 2, to: &date)
    }

    /// The last `digits` decimal digits of `value`, zeros in front.
    static func append(_ value: UInt, digits: Int, to out: inout ByteBuffer) {
        let room = out.writable(digits)
        var rest = value
        var at = digits - 1
        while at >= 0 {
            room[at] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            at -= 1
        }
        out.didWrite(digits)
    }
}
