import Ledger

/// Bounds as operators write them: `60/min`, `10/day`, `60/30s`, `$5/day`.
enum BoundText {
    /// Why a bound is refused.
    struct Fault: Error, Equatable { var message: String }

    static let maximumCount = 1_000_000_000

    /// A number of requests and the window that it holds for.
    static func rate(_ text: String) throws(Fault) -> RateBound {
        let shown = ConfigNode.shortened(text)
        guard let (amount, window) = parts(text) else {
            throw Fault(message: "\"\(shown)\" is no rate; write a number and its window: 60/min, 10/day, 60/30s")
        }
        guard let count = ConfigValue.count(amount) else {
            let hint =
                amount.hasPrefix("-")
                ? "a rate is above zero" : "write a whole number before the window: 60/min, 10/day, 60/30s"
            throw Fault(message: "\"\(shown)\" is no rate; \(hint)")
        }
        guard count > 0 else {
            throw Fault(message: "a rate of zero lets nobody pass")
        }
        guard count <= maximumCount else {
            throw Fault(message: "\(amount) is out of range; 1 to \(maximumCount) can be taken")
        }
        return RateBound(count: count, windowSeconds: try seconds(window, shown))
    }

    /// An amount in US dollars and the window that it holds for.
    static func spend(_ text: String) throws(Fault) -> SpendBound {
        let shown = ConfigNode.shortened(text)
        guard let (amount, window) = parts(text) else {
            throw Fault(message: "\"\(shown)\" is no bound on money; write an amount and its window: $5/day, $0.50/h")
        }
        return SpendBound(attodollars: try attodollars(amount), windowSeconds: try seconds(window, shown))
    }

    /// Money in 10⁻¹⁸ dollars.
    static func attodollars(_ text: String) throws(Fault) -> UInt128 {
        let price: DollarPrice
        do {
            price = try DollarPrice(text)
        } catch {
            let isZero = ConfigValue.scaled(String(text.dropFirst()), decimals: 64) == 0
            throw Fault(message: isZero ? "a bound on money is above zero" : error.message)
        }
        guard let value = try? price.atomic(decimals: 18, payment: ""), value <= Attodollars.most else {
            let most = Attodollars.most / Attodollars.dollar
            throw Fault(
                message:
                    "\(ConfigNode.shortened(text)) is out of range; up to $\(most), with at most 18 decimals, can be taken"
            )
        }
        return value
    }

    /// What stands before and behind the only slash.
    private static func parts(_ text: String) -> (amount: String, window: String)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    private static func seconds(_ window: String, _ shown: String) throws(Fault) -> Int64 {
        let digits = window.prefix { $0.isASCII && $0.isNumber }
        let scales: [String: Int64] = [
            "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400,
            "day": 86_400,
        ]
        guard let scale = scales[String(window.dropFirst(digits.count))] else {
            throw Fault(
                message:
                    "\"\(shown)\" has no window that is known; write /s, /min, /h, /day, or a number of them: /30s, /7d"
            )
        }
        let number = digits.isEmpty ? 1 : ConfigValue.count(String(digits)) ?? .max
        let (seconds, overflow) = Int64(number).multipliedReportingOverflow(by: scale)
        guard !overflow, (1...BoundWindow.mostSeconds).contains(seconds) else {
            throw Fault(message: "a window of \(window) is out of range; 1s to 400d can be taken")
        }
        return seconds
    }

    /// `60/min`, `60/30s`.
    static func text(_ bound: RateBound) -> String { "\(bound.count)/\(window(bound.windowSeconds))" }

    /// `$5/day`.
    static func text(_ bound: SpendBound) -> String {
        "\(dollars(bound.attodollars))/\(window(bound.windowSeconds))"
    }

    /// `$0.05`, without zeros at its end.
    static func dollars(_ attodollars: UInt128) -> String {
        "$\(ConfigValue.text(scaled: attodollars, decimals: 18))"
    }

    private static func window(_ seconds: Int64) -> String {
        switch seconds {
        case 1: "s"
        case 60: "min"
        case 3_600: "h"
        case 86_400: "day"
        default: ConfigValue.text(milliseconds: Int(seconds) * 1_000)
        }
    }
}
