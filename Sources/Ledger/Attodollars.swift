/// Money in bounds: 10^-18 dollars in a UInt128, whatever the asset's decimals. Every asset that a route takes is priced in dollars.
public enum Attodollars {
    /// One dollar.
    public static let dollar: UInt128 = 1_000_000_000_000_000_000
    /// 2^96, about 79 thousand million dollars: as many sums of it as there can be claims still fit.
    public static let most: UInt128 = 1 << 96

    /// An amount of an asset with `decimals` decimals. Rounded up where it is finer than 10^-18, and `most + 1` where it is above
    /// `most`, which no bound lets through.
    public static func of(amountAtomic: UInt128, decimals: Int) -> UInt128 {
        if decimals > 18 {
            // 10^39 is above what a UInt128 holds.
            guard decimals - 18 < 39 else { return amountAtomic == 0 ? 0 : 1 }
            let (quotient, remainder) = amountAtomic.quotientAndRemainder(dividingBy: power(decimals - 18))
            return min(quotient + (remainder == 0 ? 0 : 1), most + 1)
        }
        let (product, overflow) = amountAtomic.multipliedReportingOverflow(by: power(18 - max(decimals, 0)))
        return overflow ? most + 1 : min(product, most + 1)
    }

    /// `$1.25`: at least two decimals, and as many as the amount has.
    public static func text(_ attodollars: UInt128) -> String {
        let (whole, rest) = attodollars.quotientAndRemainder(dividingBy: dollar)
        var fraction = String(rest + dollar).dropFirst()
        while fraction.count > 2 && fraction.hasSuffix("0") { fraction.removeLast() }
        return "$\(whole).\(fraction)"
    }

    private static func power(_ exponent: Int) -> UInt128 {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }
}
