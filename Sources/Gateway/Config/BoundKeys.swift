import Ledger

/// Bounds as values of keys.
extension ConfigMap {
    /// `60/min`.
    func rate(_ key: String) -> RateBound? { bound(key, expected: "a rate such as 60/min", BoundText.rate) }

    /// `$5/day`.
    func spend(_ key: String) -> SpendBound? { bound(key, expected: "a bound such as $5/day", BoundText.spend) }

    func bound<Value>(
        _ key: String, expected: String, _ read: (String) throws(BoundText.Fault) -> Value
    ) -> Value? {
        guard let text = text(key, expected: expected) else { return nil }
        do {
            return try read(text)
        } catch {
            self.error(key, error.message)
            return nil
        }
    }

    /// A whole number of hundredths: `5%`.
    func percent(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(key, expected: "a share such as 5%") else { return nil }
        guard text.hasSuffix("%"), let number = ConfigValue.count(String(text.dropLast())) else {
            error(key, "expected a share such as 5%, found \"\(ConfigNode.shortened(text))\"")
            return nil
        }
        guard range.contains(number) else {
            error(key, "\(text) is out of range; \(range.lowerBound)% to \(range.upperBound)% can be taken")
            return nil
        }
        return number
    }

    /// `review` or `deny`, which must be said.
    ///
    /// - Parameter needed: the key that needs it.
    func outcome(_ key: String, needed: String) -> GateOutcome? {
        guard has(key) else {
            missing(key, "is missing, and \(needed) needs it; write review or deny")
            return nil
        }
        switch text(key, expected: "review or deny") {
        case "review": return .review
        case "deny": return .deny
        case nil: return nil
        case let other?:
            error(key, "\"\(ConfigNode.shortened(other))\" is none of: review, deny")
            return nil
        }
    }

    /// A status, a range of them, or a list of these: `200-299`, `[200, 201-204]`.
    func statuses(_ key: String, in range: ClosedRange<Int>) -> StatusSet? {
        guard let texts = texts(key, expected: "statuses such as 422 or 200-299") else { return nil }
        var ranges: [ClosedRange<Int>] = []
        for (text, place, path) in texts {
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
                ConfigValue.count(String($0))
            }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last
            else {
                problems.error(
                    place, path, "\"\(ConfigNode.shortened(text))\" is no status; write one such as 422, or 200-299")
                continue
            }
            if range.contains(first) && range.contains(last) {
                ranges.append(first...last)
            } else {
                problems.error(
                    place, path, "\(text) is out of range; \(range.lowerBound) to \(range.upperBound) can be taken")
            }
        }
        return StatusSet(ranges)
    }
}
