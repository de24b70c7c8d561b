/// A price in US dollars, kept as written: an exact decimal, never a float.
struct DollarPrice: Equatable, Sendable {
    /// Why a price is refused.
    struct Fault: Error, Equatable { var message: String }

    private let whole: Substring.UTF8View
    /// Without the zeros at its end.
    private let fraction: Substring.UTF8View
    let text: String

    static func == (a: DollarPrice, b: DollarPrice) -> Bool {
        a.whole.elementsEqual(b.whole) && a.fraction.elementsEqual(b.fraction)
    }

    /// `$` and a decimal: `$0.02`, `$1`.
    ///
    /// - Parameter freely: what to write where nothing is asked.
    init(_ text: String, freely: String = "for a route without charge write free: true") throws(Fault) {
        guard text.hasPrefix("$") else {
            let bare = Self.isDecimal(Substring(text)) ? ": write $\(text)" : ", such as $0.02"
            throw Fault(message: "\"\(ConfigNode.shortened(text))\" is no price; prices are in US dollars\(bare)")
        }
        let number = text.dropFirst()
        guard Self.isDecimal(number) else {
            let shown = ConfigNode.shortened(text)
            throw Fault(
                message: "\"\(shown)\" is no price; write digits, and a point before cents: $0.02, $1, $1250.50")
        }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        whole = parts[0].utf8
        let cents = parts.count == 2 ? parts[1] : ""
        fraction = cents[..<(cents.lastIndex { $0 != "0" }.map { cents.index(after: $0) } ?? cents.startIndex)].utf8
        self.text = text
        if whole.elementsEqual([0x30]) && fraction.isEmpty {
            throw Fault(message: "a price is above zero; \(freely)")
        }
    }

    /// As JSON writes numbers: `0.02`.
    var number: String { String(text.dropFirst()) }

    /// Digits, and no more than one point, with digits on both sides; no leading zero but one before the point.
    private static func isDecimal(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else {
            return false
        }
        return parts[0] == "0" || !parts[0].hasPrefix("0")
    }

    /// Billionths of a dollar, at least 1 and at most what 64 bits hold: to tell which of two is dearer, never to charge.
    var order: UInt64 {
        var value: UInt64 = 0
        for digit in Array(whole) + Array((fraction + [UInt8](repeating: 0x30, count: 9)).prefix(9)) {
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = tens.addingReportingOverflow(UInt64(digit - 0x30))
            if over || more { return .max }
            value = sum
        }
        return max(value, 1)
    }

    /// Whole atomic units below or at this price: an amount is above the price where it is above these. All that 128 bits hold
    /// for a price beyond them.
    func wholeAtomic(decimals: Int) -> UInt128 {
        let zeros = [UInt8](repeating: 0x30, count: max(decimals - fraction.count, 0))
        return Self.number(Array(whole) + Array(fraction.prefix(decimals)) + zeros) ?? .max
    }

    /// Nil above what 128 bits hold.
    private static func number(_ digits: [UInt8]) -> UInt128? {
        var value: UInt128 = 0
        for digit in digits {
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = tens.addingReportingOverflow(UInt128(digit - 0x30))
            if over || more { return nil }
            value = sum
        }
        return value
    }

    /// Atomic units of an asset that is worth one dollar a unit.
    func atomic(decimals: Int, payment: String) throws(Fault) -> UInt128 {
        guard fraction.count <= decimals else {
            throw Fault(
                message:
                    "\(text) has \(fraction.count) decimals; the asset of \"\(payment)\" holds \(decimals), so it cannot be paid"
            )
        }
        let zeros = [UInt8](repeating: 0x30, count: decimals - fraction.count)
        guard let value = Self.number(Array(whole) + Array(fraction) + zeros) else {
            throw Fault(message: "\(text) is more than 128 bits of atomic units hold, in the asset of \"\(payment)\"")
        }
        return value
    }
}
