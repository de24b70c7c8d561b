import Bytes

/// IMF-fixdate (RFC 9110 §5.6.7).
public enum HTTPDate {
    /// Bytes of every date.
    public static let length = 29

    /// Writes `Sun, 06 Nov 1994 08:49:37 GMT`; years 1970 to 9999. The caller keeps it for the second.
    public static func append(unixSeconds: Int64, to out: inout ByteBuffer) {
        let days = Int(unixSeconds / 86400)
        let second = Int(unixSeconds % 86400)
        // Days since 1970-01-01 to a civil date, counted in 400-year eras that begin on the first of March.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 2 : monthFromMarch - 10
        let year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)

        out.append(threeLetters("ThuFriSatSunMonTueWed", days % 7))
        out.append(", ")
        out.append(digits: day, width: 2)
        out.append(byte: 0x20)
        out.append(threeLetters("JanFebMarAprMayJunJulAugSepOctNovDec", month))
        out.append(byte: 0x20)
        out.append(digits: year, width: 4)
        out.append(byte: 0x20)
        out.append(digits: second / 3600, width: 2)
        out.append(byte: 0x3A)
        out.append(digits: second / 60 % 60, width: 2)
        out.append(byte: 0x3A)
        out.append(digits: second % 60, width: 2)
        out.append(" GMT")
    }

    private static func threeLetters(_ names: StaticString, _ place: Int) -> UnsafeRawBufferPointer {
        precondition(place >= 0 && place * 3 + 3 <= names.utf8CodeUnitCount)
        return UnsafeRawBufferPointer(start: names.utf8Start + place * 3, count: 3)
    }
}

extension ByteBuffer {
    /// The last `width` decimal digits of `value`, zeros in front.
    fileprivate mutating func append(digits value: Int, width: Int) {
        let room = writable(width)
        var rest = value
        for at in (0..<width).reversed() {
            room[at] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
        didWrite(width)
    }
}
