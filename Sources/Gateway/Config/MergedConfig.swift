/// The files of one load laid together: top-level maps and lists are joined, and a name may stand in one place only.
struct MergedConfig {
    /// Keys of the top level that hold one value.
    private(set) var settings: [ConfigNode.Entry] = []
    private(set) var payments: [ConfigNode.Entry] = []
    private(set) var networks: [ConfigNode.Entry] = []
    private(set) var relayer: [ConfigNode.Entry] = []
    private(set) var facilitators: [ConfigNode.Entry] = []
    private(set) var upstreams: [ConfigNode.Entry] = []
    private(set) var policies: [ConfigNode.Entry] = []
    private(set) var customers: [ConfigNode.Entry] = []
    private(set) var limits: [ConfigNode.Entry] = []
    private(set) var review: [ConfigNode.Entry] = []
    private(set) var timeouts: [ConfigNode.Entry] = []
    private(set) var routes: [(node: ConfigNode, path: ConfigPath)] = []

    /// Where every name of the joined maps was first given, by path.
    private var first: [String: ConfigPlace] = [:]

    init(_ files: [ConfigNode], problems: ConfigProblems) {
        for file in files {
            guard let top = ConfigMap(file, .root, known: KnownKeys.top, problems: problems) else { continue }
            for entry in top.entries { add(entry, problems) }
        }
    }

    private mutating func add(_ entry: ConfigNode.Entry, _ problems: ConfigProblems) {
        let path = ConfigPath.key(.root, entry.key)
        switch entry.key {
        case "payments": payments += names(entry, path, problems)
        case "networks": networks += names(entry, path, problems)
        case "relayer": relayer += names(entry, path, problems)
        case "facilitators": facilitators += names(entry, path, problems)
        case "upstreams": upstreams += names(entry, path, problems)
        case "policies": policies += names(entry, path, problems)
        case "customers": customers += names(entry, path, problems)
        case "limits": limits += names(entry, path, problems)
        case "review": review += names(entry, path, problems)
        case "timeouts": timeouts += names(entry, path, problems)
        case "routes":
            if Self.isEmpty(entry.value) { return }
            guard case .list(let items) = entry.value.content else {
                problems.error(entry.value.place, path, "expected a list of routes, found \(entry.value.kind)")
                return
            }
            routes += items.enumerated().map { ($0.element, .item(path, $0.offset)) }
        default:
            if KnownKeys.top.contains(entry.key) && isFirst(entry, path, problems) { settings.append(entry) }
        }
    }

    private mutating func names(
        _ section: ConfigNode.Entry, _ path: ConfigPath, _ problems: ConfigProblems
    ) -> [ConfigNode.Entry] {
        if Self.isEmpty(section.value) { return [] }
        guard case .map(let entries) = section.value.content else {
            problems.error(section.value.place, path, "expected a map, found \(section.value.kind)")
            return []
        }
        return entries.filter { isFirst($0, .key(path, $0.key), problems) }
    }

    private mutating func isFirst(_ entry: ConfigNode.Entry, _ path: ConfigPath, _ problems: ConfigProblems) -> Bool {
        let name = path.text
        if let former = first[name] {
            problems.error(entry.keyPlace, path, "is given twice; the first is at \(former)")
            return false
        }
        first[name] = entry.keyPlace
        return true
    }

    /// A section whose entries are all commented out.
    private static func isEmpty(_ node: ConfigNode) -> Bool {
        if case .scalar(let text, true) = node.content { return ConfigNode.isNull(text) }
        return false
    }
}
