/// Reads `headers:` of an upstream: what the API wants and callers lack.
struct UpstreamHeadersReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    private static let maximumValueBytes = 8 << 10

    func read(_ upstream: ConfigMap) -> [UpstreamHeader] {
        guard let node = upstream.entry("headers")?.value else { return [] }
        let path = upstream.below("headers")
        guard case .map(let entries) = node.content else {
            problems.error(node.place, path, "expected a map of header fields, found \(node.kind)")
            return []
        }
        var headers: [UpstreamHeader] = []
        for entry in entries {
            let below = ConfigPath.key(path, entry.key)
            if let reason = Self.refusal(entry.key) {
                problems.error(entry.keyPlace, below, reason)
                continue
            }
            if let former = headers.first(where: { $0.name.lowercased() == entry.key.lowercased() }) {
                problems.error(entry.keyPlace, below, "is the same field as \(former.name); names are without case")
                continue
            }
            if let header = header(entry, below) { headers.append(header) }
        }
        return headers
    }

    private func header(_ entry: ConfigNode.Entry, _ path: ConfigPath) -> UpstreamHeader? {
        switch entry.value.content {
        case .scalar(let text, let isPlain) where !(isPlain && ConfigNode.isNull(text)):
            guard let value = check(Array(text.utf8), entry.value.place, path, isFatal: true) else { return nil }
            return UpstreamHeader(name: entry.key, source: .literal, value: value)
        case .map:
            guard let secret = SecretReader(problems: problems, loader: loader).read(entry.value, path) else {
                return nil
            }
            let value = secret.bytes.flatMap { check($0, entry.value.place, path, isFatal: false) }
            return UpstreamHeader(name: entry.key, source: .secret(secret.source), value: value)
        default:
            problems.error(
                entry.value.place, path, "expected a text, {env: NAME} or {file: PATH}, found \(entry.value.kind)")
            return nil
        }
    }

    /// A field value (RFC 9110 §5.5): no control characters, no space at its ends. A secret is never shown.
    private func check(_ value: [UInt8], _ place: ConfigPlace, _ path: ConfigPath, isFatal: Bool) -> [UInt8]? {
        var reason: String?
        if value.count > Self.maximumValueBytes { reason = "is longer than \(Self.maximumValueBytes) bytes" }
        if value.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
            reason = "holds a control character, which no header field may"
        }
        if let first = value.first, let last = value.last, [first, last].contains(where: { $0 == 0x20 || $0 == 0x09 }) {
            reason = "begins or ends with white space"
        }
        guard let reason else { return value }
        if isFatal || loader.purpose == .run {
            problems.error(place, path, "its value \(reason)")
        } else {
            problems.warning(place, path, "its value \(reason); run will refuse it")
        }
        return nil
    }

    /// Why a field may not be set here; nil where it may.
    static func refusal(_ name: String) -> String? {
        guard isFieldName(name) else {
            return "\"\(ConfigNode.shortened(name))\" is no header field name (RFC 9110 §5.1)"
        }
        let lower = name.lowercased()
        switch lower {
        case "host": return "is set by the upstream's key host: preserve, upstream or a name"
        case "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect",
            "proxy-connection", "proxy-authenticate", "proxy-authorization":
            return "belongs to the connection, and is set by the gateway alone"
        case "payment-signature", "x-payment", "payment-required", "payment-response", "x-payment-response":
            return "belongs to payments, and never reaches an upstream"
        case "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "idempotency-key":
            return "is set by the gateway itself"
        default: return lower.hasPrefix("x-farebox-") ? "is set by the gateway itself" : nil
        }
    }

    /// RFC 9110 §5.1.
    static func isFieldName(_ name: String) -> Bool { !name.isEmpty && name.utf8.allSatisfy(isTokenByte) }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
