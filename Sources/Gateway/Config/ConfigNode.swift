/// A piece of YAML with its place: what the sections of the config are read from.
struct ConfigNode: Sendable {
    enum Content: Sendable {
        /// `isPlain`: written without quotes, so it may stand for a number or a switch.
        case scalar(String, isPlain: Bool)
        /// In file order, keys distinct.
        case map([Entry])
        case list([ConfigNode])
    }

    struct Entry: Sendable {
        var key: String
        var keyPlace: ConfigPlace
        var value: ConfigNode
    }

    var content: Content
    var place: ConfigPlace

    /// What it is, for "expected …, found …".
    var kind: String {
        switch content {
        case .scalar(let text, let isPlain):
            isPlain && Self.isNull(text) ? "nothing" : "\"\(Self.shortened(text))\""
        case .map: "a map"
        case .list: "a list"
        }
    }

    /// Plain and empty, `~` or `null`: a key without a value.
    static func isNull(_ text: String) -> Bool { text.isEmpty || text == "~" || text == "null" }

    /// At most 60 characters, control characters hidden: for messages.
    static func shortened(_ text: String) -> String {
        let safe = String(
            String.UnicodeScalarView(text.unicodeScalars.prefix(61).map { $0.value < 0x20 ? "\u{FFFD}" : $0 }))
        return safe.unicodeScalars.count > 60 ? String(safe.dropLast()) + "…" : safe
    }
}

/// Where a node stands among its parents, spelled only when there is something to report.
indirect enum ConfigPath: Sendable {
    case root
    case key(ConfigPath, String)
    case item(ConfigPath, Int)

    var text: String {
        switch self {
        case .root: ""
        case .key(.root, let name): name
        case .key(let parent, let name): "\(parent.text).\(name)"
        case .item(let parent, let index): "\(parent.text)[\(index)]"
        }
    }
}

/// Collects what is wrong, from all files of one load.
final class ConfigProblems {
    private(set) var errors: [ConfigProblem] = []
    private(set) var warnings: [ConfigProblem] = []
    /// Paths in the order in which they were read.
    private var fileOrder: [String: Int] = [:]
    /// More errors than these are counted, not listed.
    static let maximum = 200

    func register(file: String) { fileOrder[file] = fileOrder.count }

    func error(_ place: ConfigPlace, _ path: ConfigPath, _ message: String) {
        errors.append(ConfigProblem(place: place, key: path.text, message: message))
    }

    /// For what is met again and again, as an anchor is by its aliases.
    func errorOnce(_ place: ConfigPlace, _ path: ConfigPath, _ message: String) {
        if !errors.contains(where: { $0.place == place && $0.message == message }) { error(place, path, message) }
    }

    func warning(_ place: ConfigPlace, _ path: ConfigPath, _ message: String) {
        warnings.append(ConfigProblem(place: place, key: path.text, message: message))
    }

    func add(_ source: ConfigSource) {
        errors += source.problems
        warnings += source.warnings
    }

    /// In file order.
    var sorted: ConfigErrors {
        var errors = order(errors)
        if errors.count > Self.maximum, let first = errors.first {
            let more = errors.count - Self.maximum
            errors = Array(errors.prefix(Self.maximum))
            let place = ConfigPlace(file: first.place.file, line: 0, column: 0)
            errors.append(ConfigProblem(place: place, key: "", message: "and \(more) errors more"))
        }
        return ConfigErrors(problems: errors, warnings: order(warnings))
    }

    private func order(_ problems: [ConfigProblem]) -> [ConfigProblem] {
        problems.enumerated().sorted { a, b in
            let left = a.element.place
            let right = b.element.place
            let files = (fileOrder[left.file] ?? -1, fileOrder[right.file] ?? -1)
            return (files.0, left.line, left.column, a.offset) < (files.1, right.line, right.column, b.offset)
        }.map(\.element)
    }
}
