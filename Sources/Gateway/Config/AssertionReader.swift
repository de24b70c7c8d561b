/// Reads `assertion:`: with which keys the gateway gives its word to upstreams.
struct AssertionReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    private static let maximumKeys = 16

    func read(_ top: ConfigMap) -> [AssertionKey] {
        guard let node = top.entry("assertion")?.value,
            let map = ConfigMap(node, top.below("assertion"), known: KnownKeys.assertion, problems: problems)
        else { return [] }
        guard let key = map.entry("key")?.value else {
            map.missing("key", "is missing; write {file: PATH}, {env: NAME}, or a list of these")
            return []
        }
        let path = map.below("key")
        var nodes = [(key, path)]
        if case .list(let items) = key.content {
            nodes = items.enumerated().map { ($0.element, .item(path, $0.offset)) }
            if items.isEmpty || items.count > Self.maximumKeys {
                map.error("key", "expected 1 to \(Self.maximumKeys) keys, found \(items.count)")
            }
        }
        var keys: [AssertionKey] = []
        for (node, path) in nodes {
            guard let bytes = SecretReader(problems: problems, loader: loader).read(node, path)?.bytes else { continue }
            guard let key = AssertionKey(bytes) else {
                problems.error(
                    node.place, path,
                    "holds no Ed25519 key; make one: openssl genpkey -algorithm ed25519 (PEM), or openssl rand -base64 32"
                )
                continue
            }
            if keys.contains(where: { $0.published == key.published }) {
                problems.error(node.place, path, "is given twice")
            } else {
                keys.append(key)
            }
        }
        return keys
    }
}
