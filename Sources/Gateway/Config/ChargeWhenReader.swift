import Ledger

/// Reads `charge_when:` of a route.
struct ChargeWhenReader {
    let problems: ConfigProblems

    func read(_ route: ConfigMap, _ order: SettleOrder) -> ChargeWhen? {
        guard let node = route.entry("charge_when")?.value else { return nil }
        if order == .first {
            route.error("charge_when", "has no meaning under settle: first, which charges before the API is asked")
        }
        let path = route.below("charge_when")
        guard let map = ConfigMap(node, path, known: KnownKeys.chargeWhen, problems: problems) else { return nil }
        if map.entries.isEmpty {
            route.error(
                "charge_when", "says nothing; write one of: \(KnownKeys.chargeWhen.joined(separator: ", "))")
        }
        return ChargeWhen(statuses: map.statuses("status", in: 200...299) ?? ChargeWhen.success, json: conditions(map))
    }

    private func conditions(_ map: ConfigMap) -> [JSONCondition] {
        guard let node = map.entry("json")?.value else { return [] }
        guard case .map(let entries) = node.content, !entries.isEmpty else {
            let found = if case .map = node.content { "none" } else { node.kind }
            map.error("json", "expected conditions such as {/ok: true}, found \(found)")
            return []
        }
        return entries.compactMap { condition($0, .key(map.below("json"), $0.key)) }
    }

    private func condition(_ entry: ConfigNode.Entry, _ path: ConfigPath) -> JSONCondition? {
        guard let steps = Self.steps(entry.key) else {
            problems.error(
                entry.keyPlace, path,
                "is no JSON pointer (RFC 6901); it begins with a slash, as in /ok or /items/0/state")
            return nil
        }
        guard case .scalar(let text, let isPlain) = entry.value.content else {
            problems.error(
                entry.value.place, path, "expected true, false, null, a number or a text, found \(entry.value.kind)")
            return nil
        }
        return JSONCondition(pointer: entry.key, steps: steps, expected: Self.scalar(text, isPlain))
    }

    private static func scalar(_ text: String, _ isPlain: Bool) -> JSONCondition.JSONScalar {
        guard isPlain else { return .string(text) }
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "", "~", "null": return .null
        default: return isNumber(text) ? .number(text) : .string(text)
        }
    }

    /// As JSON writes numbers, without an exponent.
    private static func isNumber(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? String(text.dropFirst()) : text
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return ConfigValue.count(String(parts[0])) != nil
            && (parts.count == 1 || !parts[1].isEmpty && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) })
    }

    /// RFC 6901 §4: `~1` is a slash and `~0` a tilde. Nil for what is no pointer.
    static func steps(_ pointer: String) -> [[UInt8]]? {
        guard pointer.hasPrefix("/") else { return nil }
        var steps: [[UInt8]] = []
        for part in pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var step: [UInt8] = []
            var bytes = part.utf8.makeIterator()
            while let byte = bytes.next() {
                guard byte == 0x7E else {
                    step.append(byte)
                    continue
                }
                switch bytes.next() {
                case 0x30: step.append(0x7E)
                case 0x31: step.append(0x2F)
                default: return nil
                }
            }
            steps.append(step)
        }
        return steps
    }
}
