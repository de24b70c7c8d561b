import Bytes

/// Reads `customers:`.
struct CustomersReader {
    let problems: ConfigProblems

    static let defaultHeader = "X-Api-Key"

    func read(_ entries: [ConfigNode.Entry]) -> [CustomerSettings] {
        var first: [String: String] = [:]
        return entries.compactMap { entry in
            let path = ConfigPath.key(.key(.root, "customers"), entry.key)
            guard ConfigName.check(entry, path, problems),
                let map = ConfigMap(entry.value, path, known: KnownKeys.customer, problems: problems)
            else { return nil }
            let header = header(map)
            let hashes = hashes(map)
            for hash in hashes {
                let key = "\(header.lowercased()) \(hash.hex)"
                if let former = first[key] {
                    map.error("api_key_sha256", "is the key of \"\(former)\" too; each customer needs one of its own")
                }
                first[key] = entry.key
            }
            return CustomerSettings(
                name: entry.key, keyHashes: hashes, header: header, rate: map.rate("rate"), place: entry.keyPlace)
        }
    }

    private func hashes(_ map: ConfigMap) -> [Bytes32] {
        guard map.has("api_key_sha256") else {
            map.missing(
                "api_key_sha256",
                "is missing; printf %s \"$KEY\" | sha256sum prints what to write, never the key itself")
            return []
        }
        let expected = "the SHA-256 of the key, 64 hex digits, or a list of them"
        var hashes: [Bytes32] = []
        for (text, place, path) in map.texts("api_key_sha256", expected: expected) ?? [] {
            guard text.utf8.count == 64, let bytes = Hex.decode(text), let hash = Bytes32(bytes) else {
                // It may be the key itself, which is not repeated.
                problems.error(
                    place, path, "expected 64 hex digits, the SHA-256 of the key; found \(text.utf8.count) bytes")
                continue
            }
            if hashes.contains(hash) { problems.error(place, path, "is given twice") } else { hashes.append(hash) }
        }
        return hashes
    }

    private func header(_ map: ConfigMap) -> String {
        guard let name = map.text("header", expected: "the name of a header field") else { return Self.defaultHeader }
        if let reason = UpstreamHeadersReader.refusal(name) { map.error("header", reason) }
        return name
    }
}
