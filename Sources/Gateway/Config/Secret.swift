/// Where a secret is read from.
public enum SecretSource: Sendable, Hashable, CustomStringConvertible {
    case environment(String)
    case file(String)

    /// `env NAME`, `file PATH`: what may be shown of a secret.
    public var description: String {
        switch self {
        case .environment(let name): "env \(name)"
        case .file(let path): "file \(path)"
        }
    }
}

/// A secret of the config, which nothing prints.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    public let source: SecretSource
    /// Without the line's end; nil only in a revision loaded for `check`, where the secret is missing.
    public let bytes: [UInt8]?

    public var description: String { "\(source) (hidden)" }
    public var customMirror: Mirror { Mirror(self, children: ["source": source]) }
}

/// Reads `{env: NAME}` and `{file: PATH}`.
struct SecretReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    static let maximumBytes = 8 << 10

    /// Nil, with an error, where it is neither. A secret that cannot be had is reported, and has no bytes.
    func read(_ node: ConfigNode, _ path: ConfigPath) -> Secret? {
        guard case .map = node.content else {
            problems.error(node.place, path, "expected {env: NAME} or {file: PATH}, found \(Self.kind(node))")
            return nil
        }
        guard let map = ConfigMap(node, path, known: KnownKeys.secret, problems: problems) else { return nil }
        switch (map.has("env"), map.has("file")) {
        case (true, false):
            guard let name = map.text("env", expected: "the name of an environment variable") else { return nil }
            return Secret(source: .environment(name), bytes: environment(name, map))
        case (false, true):
            guard let file = map.text("file", expected: "the path of a file") else { return nil }
            return Secret(source: .file(file), bytes: contents(file, map))
        default:
            problems.error(node.place, path, "takes one of {env: NAME} and {file: PATH}")
            return nil
        }
    }

    /// What was written in a secret's place may be the secret itself: it is not repeated.
    private static func kind(_ node: ConfigNode) -> String {
        if case .scalar(let text, let isPlain) = node.content, !(isPlain && ConfigNode.isNull(text)) { return "a text" }
        return node.kind
    }

    private func environment(_ name: String, _ map: ConfigMap) -> [UInt8]? {
        if let value = loader.environment(name), !value.isEmpty { return Array(value.utf8) }
        loader.reportSecret(map, "env", "the environment variable \(name) is not set")
        return nil
    }

    private func contents(_ file: String, _ map: ConfigMap) -> [UInt8]? {
        switch FileReader.read(file, limit: Self.maximumBytes) {
        case .success(var bytes):
            while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
            if FileReader.isOpenToOthers(file) {
                map.warning("file", "\(file) is open to other users; run: chmod 600 \(file)")
            }
            if !bytes.isEmpty { return bytes }
            loader.reportSecret(map, "file", "\(file) is empty")
        case .failure(let fault): loader.reportSecret(map, "file", "\(file): \(fault.reason)")
        }
        return nil
    }
}
