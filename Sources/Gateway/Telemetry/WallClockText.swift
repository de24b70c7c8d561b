import Bytes

/// Wall-clock time as RFC 3339 in UTC with milliseconds; the date is worked out once a second.
struct WallClockText: ~Copyable {
    /// `2026-11-21T01:35:33.103Z`.
    static let length = 24

    private var second = Int64.min
    /// The first 19 bytes: all but the milliseconds.
    private let date = UnsafeMutablePointer<UInt8>.allocate(capacity: 20)

    deinit { date.deallocate() }

    mutating func write(nanoseconds: Int64, to line: inout LineWriter) {
        let second = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
        if second != self.second {
            self.second = second
            formatDate(second)
        }
        line.write(UnsafeRawBufferPointer(start: date, count: 19))
        line.write(byte: 0x2E)
        line.write(UInt(nanoseconds - second * 1_000_000_000) / 1_000_000, digits: 3)
        line.write(byte: 0x5A)
    }

    mutating func append(nanoseconds: Int64, to out: inout ByteBuffer) {
        let room = out.writable(Self.length)
        var line = LineWriter(room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
        write(nanoseconds: nanoseconds, to: &line)
        out.didWrite(Self.length)
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
        var line = LineWriter(date)
        line.write(UInt(max(year, 0)), digits: 4)
        line.write(byte: 0x2D)
        line.write(UInt(month), digits: 2)
        line.write(byte: 0x2D)
        line.write(UInt(day), digits: 2)
        line.write(byte: 0x54)
        line.write(UInt(rest / 3600), digits: 2)
        line.write(byte: 0x3A)
        line.write(UInt(rest / 60 % 60), digits: 2)
        line.write(byte: 0x3A)
        line.write(UInt(rest % 60), digits: 2)
    }
}
