/// Numbers with units, as operators write them.
enum ConfigValue {
    /// Digits only, no sign, no leading zero, no more than `Int` holds.
    static func count(_ text: String) -> Int? {
        guard let first = text.utf8.first, text == "0" || first != 0x30, text.utf8.allSatisfy(isDigit) else {
            return nil
        }
        return Int(text)
    }

    static func bytes(_ text: String) -> Int? {
        let units: [(String, Int)] = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("B", 1), ("", 1),
        ]
        return measure(text, units)
    }

    static func milliseconds(_ text: String) -> Int? {
        measure(text, [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)])
    }

    private static func measure(_ text: String, _ units: [(String, Int)]) -> Int? {
        let digits = text.utf8.prefix(while: isDigit)
        let unit = String(text.utf8.dropFirst(digits.count)) ?? "?"
        guard let number = count(String(digits) ?? ""), let scale = units.first(where: { $0.0 == unit })?.1 else {
            return nil
        }
        let (value, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func text(bytes: Int) -> String {
        for (unit, scale) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= scale && bytes % scale == 0 {
            return "\(bytes / scale)\(unit)"
        }
        return "\(bytes)B"
    }

    static func text(milliseconds: Int) -> String {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        for (unit, scale) in units where milliseconds >= scale && milliseconds % scale == 0 {
            return "\(milliseconds / scale)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}
