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

    /// An exact decimal without sign, in units of which `decimals` places make one: `0.002` with 18 is 2·10¹⁵. Nil for what is
    /// no decimal, has more places, or is more than 128 bits hold.
    static func scaled(_ text: String, decimals: Int) -> UInt128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }),
            parts[0] == "0" || !parts[0].hasPrefix("0")
        else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard fraction.utf8.count <= decimals else { return nil }
        var value: UInt128 = 0
        for digit in (parts[0] + fraction).utf8 + [UInt8](repeating: 0x30, count: decimals - fraction.utf8.count) {
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = tens.addingReportingOverflow(UInt128(digit - 0x30))
            if over || more { return nil }
            value = sum
        }
        return value
    }

    /// The decimal that `scaled` reads as `value`, without zeros at its end.
    static func text(scaled value: UInt128, decimals: Int) -> String {
        var digits = "\(value)"
        if digits.utf8.count <= decimals {
            digits = String(repeating: "0", count: decimals + 1 - digits.utf8.count) + digits
        }
        let point = digits.index(digits.endIndex, offsetBy: -decimals)
        var fraction = digits[point...]
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return fraction.isEmpty ? String(digits[..<point]) : "\(digits[..<point]).\(fraction)"
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
