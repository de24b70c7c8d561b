/// A map of the config, read key by key; whatever is wrong goes to the problems, and the reader goes on.
struct ConfigMap {
    let entries: [ConfigNode.Entry]
    let place: ConfigPlace
    let path: ConfigPath
    let problems: ConfigProblems
    /// Known keys that an unknown one was most likely meant to be.
    private let misspelled: Set<String>

    /// Nil, with an error, where the node is no map. Keys that are not `known` are errors of their own.
    init?(_ node: ConfigNode, _ path: ConfigPath, known: [String], problems: ConfigProblems) {
        guard case .map(let entries) = node.content else {
            problems.error(node.place, path, "expected a map, found \(node.kind)")
            return nil
        }
        self.init(entries, node.place, path, known: known, problems: problems)
    }

    init(
        _ entries: [ConfigNode.Entry], _ place: ConfigPlace, _ path: ConfigPath, known: [String],
        problems: ConfigProblems
    ) {
        self.entries = entries
        self.place = place
        self.path = path
        self.problems = problems
        let unknown = entries.filter { !known.contains($0.key) }
        misspelled = Set(unknown.compactMap { NearestName.among(known, to: $0.key) })
        for entry in unknown {
            let home = KnownKeys.home(of: entry.key).map { "; it belongs under \($0)" }
            let hint = home ?? NearestName.hint(known, for: entry.key)
            problems.error(entry.keyPlace, below(entry.key), "unknown key\(hint)")
        }
    }

    func below(_ key: String) -> ConfigPath { .key(path, key) }
    func entry(_ key: String) -> ConfigNode.Entry? { entries.first { $0.key == key } }
    func has(_ key: String) -> Bool { entry(key) != nil }

    func error(_ key: String, _ message: String) {
        problems.error(entry(key)?.value.place ?? place, below(key), message)
    }

    func warning(_ key: String, _ message: String) {
        problems.warning(entry(key)?.value.place ?? place, below(key), message)
    }

    /// The error for a key that must be there; none where a misspelled one was reported in its place.
    func missing(_ key: String, _ message: String) {
        if !misspelled.contains(key) { problems.error(place, below(key), message) }
    }

    /// A scalar that is not empty; nil, with an error where something else stands there.
    func text(_ key: String, expected: String = "a text") -> String? { scalar(key, expected)?.text }

    private func scalar(_ key: String, _ expected: String) -> (text: String, isPlain: Bool)? {
        guard let node = entry(key)?.value else { return nil }
        guard case .scalar(let text, let isPlain) = node.content, !text.isEmpty, !(isPlain && ConfigNode.isNull(text))
        else {
            problems.error(node.place, below(key), "expected \(expected), found \(node.kind)")
            return nil
        }
        return (text, isPlain)
    }

    /// One text, or a list of texts; each with its place.
    func texts(_ key: String, expected: String) -> [(text: String, place: ConfigPlace, path: ConfigPath)]? {
        guard let node = entry(key)?.value else { return nil }
        guard case .list(let items) = node.content else {
            return text(key, expected: expected).map { [($0, node.place, below(key))] }
        }
        if items.isEmpty { problems.error(node.place, below(key), "expected \(expected), found an empty list") }
        return items.enumerated().compactMap { at, item in
            let path = ConfigPath.item(below(key), at)
            if case .scalar(let text, _) = item.content, !text.isEmpty { return (text, item.place, path) }
            problems.error(item.place, path, "expected a text, found \(item.kind)")
            return nil
        }
    }

    /// `on`, `true`, `yes` or their opposites, without quotes.
    func flag(_ key: String) -> Bool? {
        guard let (text, isPlain) = scalar(key, "on or off") else { return nil }
        if isPlain {
            switch text {
            case "on", "true", "yes": return true
            case "off", "false", "no": return false
            default: break
            }
        }
        error(key, "expected on or off, found \"\(ConfigNode.shortened(text))\"")
        return nil
    }

    /// A whole number without quotes.
    func count(_ key: String, in range: ClosedRange<Int>, expected: String = "a whole number") -> Int? {
        guard let (text, isPlain) = scalar(key, expected) else { return nil }
        guard isPlain, let number = ConfigValue.count(text) else {
            error(key, "expected \(expected), found \"\(ConfigNode.shortened(text))\"")
            return nil
        }
        guard range.contains(number) else {
            error(key, "\(number) is out of range; \(range.lowerBound) to \(range.upperBound) can be taken")
            return nil
        }
        return number
    }

    /// A size in bytes: `64KiB`, `1MiB`, `10kB`, `512`.
    func bytes(_ key: String, in range: ClosedRange<Int>) -> Int? {
        measure(key, in: range, "a size such as 64KiB", ConfigValue.bytes, ConfigValue.text(bytes:))
    }

    /// A size, or `off`: then `.some(nil)`.
    func bytesOrOff(_ key: String, in range: ClosedRange<Int>) -> Int?? {
        if case .scalar("off", _) = entry(key)?.value.content { return .some(nil) }
        let expected = "a size such as 64KiB, or off"
        return measure(key, in: range, expected, ConfigValue.bytes, ConfigValue.text(bytes:)).map { .some($0) } ?? nil
    }

    /// A duration in milliseconds: `250ms`, `10s`, `2m`, `1h`, `1d`.
    func milliseconds(_ key: String, in range: ClosedRange<Int>) -> Int? {
        measure(key, in: range, "a duration such as 10s", ConfigValue.milliseconds, ConfigValue.text(milliseconds:))
    }

    /// An exact decimal such as `0.002`, in units of which `decimals` places make one.
    func scaled(_ key: String, decimals: Int, in range: ClosedRange<UInt128>) -> UInt128? {
        guard let text = text(key, expected: "a decimal number such as 0.002") else { return nil }
        guard let value = ConfigValue.scaled(text, decimals: decimals) else {
            error(
                key,
                "expected a decimal number with at most \(decimals) places, found \"\(ConfigNode.shortened(text))\"")
            return nil
        }
        guard range.contains(value) else {
            let bounds = [range.lowerBound, range.upperBound].map { ConfigValue.text(scaled: $0, decimals: decimals) }
            error(key, "\(text) is out of range; \(bounds[0]) to \(bounds[1]) can be taken")
            return nil
        }
        return value
    }

    private func measure(
        _ key: String, in range: ClosedRange<Int>, _ expected: String, _ read: (String) -> Int?,
        _ write: (Int) -> String
    ) -> Int? {
        guard let text = text(key, expected: expected) else { return nil }
        guard let value = read(text) else {
            error(key, "expected \(expected), found \"\(ConfigNode.shortened(text))\"")
            return nil
        }
        guard range.contains(value) else {
            error(key, "\(text) is out of range; \(write(range.lowerBound)) to \(write(range.upperBound)) can be taken")
            return nil
        }
        return value
    }

    /// One of the words of an enumeration.
    func choice<Word: RawRepresentable & CaseIterable>(_ key: String) -> Word? where Word.RawValue == String {
        let words = Word.allCases.map(\.rawValue)
        guard let text = text(key, expected: words.joined(separator: " or ")) else { return nil }
        if let word = Word(rawValue: text) { return word }
        error(key, "\"\(ConfigNode.shortened(text))\" is none of: \(words.joined(separator: ", "))")
        return nil
    }
}
