/// Reads `facilitators:`.
struct FacilitatorsReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    /// What a payment may name without declaring it.
    static let ownNames = ["self", "sandbox"]
    private static let timeout = 100...120_000

    func read(_ entries: [ConfigNode.Entry]) -> [FacilitatorSettings] {
        entries.compactMap { entry in
            let path = ConfigPath.key(.key(.root, "facilitators"), entry.key)
            guard ConfigName.check(entry, path, problems) else { return nil }
            if Self.ownNames.contains(entry.key) {
                problems.error(entry.keyPlace, path, "is the gateway's own; give it another name")
                return nil
            }
            guard let map = ConfigMap(entry.value, path, known: KnownKeys.facilitator, problems: problems) else {
                return nil
            }
            return facilitator(entry, map)
        }
    }

    private func facilitator(_ entry: ConfigNode.Entry, _ map: ConfigMap) -> FacilitatorSettings? {
        let url = url(map)
        let access = access(map)
        let caFile = map.text("ca_file", expected: "the path of a PEM file")
        if let caFile { loader.checkAuthorities(map, caFile, url?.isTLS ?? true) }
        let timeout = map.milliseconds("timeout", in: Self.timeout)
        guard let url, let access else { return nil }
        return FacilitatorSettings(
            name: entry.key, url: url, access: access, caFile: caFile,
            timeoutMilliseconds: timeout ?? FacilitatorSettings.defaultTimeoutMilliseconds, place: entry.keyPlace)
    }

    private func url(_ map: ConfigMap) -> ServiceURL? {
        guard map.has("url") else {
            map.missing("url", "is missing; write https://host, and the path that stands before /verify")
            return nil
        }
        guard var text = map.text("url", expected: "a URL such as https://facilitator.example.com") else { return nil }
        if text.contains("?") {
            map.error("url", "holds a query; /verify and /settle are put behind it")
            return nil
        }
        while text.hasSuffix("/") { text.removeLast() }
        switch ServiceURL.parse(text) {
        case .success(let url): return url
        case .failure(let fault):
            map.error("url", fault.reason)
            return nil
        }
    }

    private func access(_ map: ConfigMap) -> FacilitatorAccess? {
        switch (map.entry("bearer"), map.entry("coinbase")) {
        case (nil, nil): return .open
        case (let bearer?, nil): return self.bearer(bearer.value, map.below("bearer"))
        case (nil, let coinbase?): return self.coinbase(coinbase.value, map.below("coinbase"))
        case (.some, .some):
            map.error("coinbase", "stands beside bearer; a facilitator takes one of them")
            return nil
        }
    }

    private func bearer(_ node: ConfigNode, _ path: ConfigPath) -> FacilitatorAccess? {
        guard let secret = SecretReader(problems: problems, loader: loader).read(node, path) else { return nil }
        if let bytes = secret.bytes, !bytes.allSatisfy(Self.isTokenByte) {
            refuse(node, path, "\(secret.source) holds no bearer token: letters, digits and -._~+/= (RFC 6750 §2.1)")
        }
        return .bearer(secret)
    }

    private func coinbase(_ node: ConfigNode, _ path: ConfigPath) -> FacilitatorAccess? {
        guard let map = ConfigMap(node, path, known: KnownKeys.coinbase, problems: problems) else { return nil }
        if !map.has("key_id") { map.missing("key_id", "is missing; it is the name that Coinbase gave the key") }
        if !map.has("secret") { map.missing("secret", "is missing; write {env: NAME} or {file: PATH}") }
        let keyID = map.text("key_id", expected: "the name of a key")
        guard let secretNode = map.entry("secret")?.value,
            let secret = SecretReader(problems: problems, loader: loader).read(secretNode, map.below("secret"))
        else { return nil }
        if let bytes = secret.bytes, FacilitatorTokenKey(bytes) == nil {
            refuse(
                secretNode, map.below("secret"),
                "\(secret.source) holds no signing key: base64 of an Ed25519 key, or an EC key of P-256 in PEM, is wanted"
            )
        }
        guard let keyID else { return nil }
        return .coinbase(keyID: keyID, key: secret)
    }

    private func refuse(_ node: ConfigNode, _ path: ConfigPath, _ message: String) {
        if loader.purpose == .run {
            problems.error(node.place, path, message)
        } else {
            problems.warning(node.place, path, "\(message); run will refuse it")
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~+/=".utf8.contains(byte)
        }
    }
}
