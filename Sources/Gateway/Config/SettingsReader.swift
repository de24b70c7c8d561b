import EventLoop

/// Reads everything but payments, upstreams and routes.
struct SettingsReader {
    let problems: ConfigProblems
    /// The whole config, for the place of what is missing.
    let root: ConfigPlace

    func limits(_ entries: [ConfigNode.Entry]) -> Limits {
        let path = ConfigPath.key(.root, "limits")
        let map = ConfigMap(entries, root, path, known: KnownKeys.limits, problems: problems)
        let huge = 1 << 40
        let day = 86_400_000
        var limits = Limits()
        limits.headBytes = map.bytes("head_bytes", in: 1 << 10...1 << 20) ?? limits.headBytes
        limits.headFields = map.count("head_fields", in: 8...1_000) ?? limits.headFields
        limits.targetBytes = map.bytes("target_bytes", in: 64...1 << 20) ?? limits.targetBytes
        limits.bodyBytes = map.bytesOrOff("body_bytes", in: 0...huge) ?? limits.bodyBytes
        limits.maxPricedBodyBytes = map.bytes("max_priced_body", in: 0...huge) ?? limits.maxPricedBodyBytes
        limits.mcpBodyBytes = map.bytes("mcp_body", in: 1...(16 << 20)) ?? limits.mcpBodyBytes
        limits.pricedBodyMemoryBytes = map.bytes("priced_body_memory", in: 0...1 << 30) ?? limits.pricedBodyMemoryBytes
        limits.heldAnswerBytes = map.bytes("held_answer", in: 0...huge) ?? limits.heldAnswerBytes
        limits.heldAnswerMemoryBytes = map.bytes("held_answer_memory", in: 0...1 << 30) ?? limits.heldAnswerMemoryBytes
        limits.connections = map.count("connections", in: 1...10_000_000) ?? limits.connections
        limits.headTimeoutMilliseconds =
            map.milliseconds("head_timeout", in: 100...day) ?? limits.headTimeoutMilliseconds
        limits.bodyTimeoutMilliseconds =
            map.milliseconds("body_timeout", in: 100...day) ?? limits.bodyTimeoutMilliseconds
        limits.bodyBytesPerSecond = map.bytes("body_rate", in: 0...1 << 30) ?? limits.bodyBytesPerSecond
        limits.keepAliveMilliseconds = map.milliseconds("keep_alive", in: 0...day) ?? limits.keepAliveMilliseconds
        limits.drainMilliseconds = map.milliseconds("drain", in: 0...day) ?? limits.drainMilliseconds
        limits.upstreamKeepAliveConnections =
            map.count("upstream_keep_alive", in: 0...10_000) ?? limits.upstreamKeepAliveConnections
        if limits.targetBytes > limits.headBytes {
            map.error("target_bytes", "is above head_bytes, which holds the target too")
        }
        return limits
    }

    func timeouts(_ entries: [ConfigNode.Entry]) -> UpstreamTimeouts {
        let path = ConfigPath.key(.root, "timeouts")
        return UpstreamsReader.timeouts(
            ConfigMap(entries, root, path, known: KnownKeys.timeouts, problems: problems), UpstreamTimeouts())
    }

    /// What 402s name as the origin: written, or made from the first listener where that is a loopback address.
    func publicURL(_ map: ConfigMap, listen: [ListenAddress], hasPriced: Bool) -> String {
        guard let text = map.text("public_url", expected: "an origin such as https://api.example.com") else {
            guard hasPriced && !map.has("public_url") else { return "" }
            let first = listen.first?.text ?? ""
            if first.hasPrefix("127.") || first.hasPrefix("[::1]") { return "http://\(first)" }
            map.missing("public_url", "is missing; 402s name it as the origin, as in https://api.example.com")
            return ""
        }
        guard case .success(let url) = UpstreamURL.parse(text), url.basePath.isEmpty else {
            map.error(
                "public_url",
                "expected an origin such as https://api.example.com, found \"\(ConfigNode.shortened(text))\"")
            return ""
        }
        return "\(url.isTLS ? "https" : "http")://\(url.authority)"
    }

    func listeners(_ map: ConfigMap) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        let written = map.texts("listen", expected: "an address such as 127.0.0.1:8402, or a list of them")
        for (text, place, path) in written ?? (map.has("listen") ? [] : [("127.0.0.1:8402", root, .root)]) {
            guard let address = address(text, place, path) else { continue }
            if addresses.contains(address) { problems.error(place, path, "\(address.text) is given twice") }
            addresses.append(address)
        }
        return addresses
    }

    func admin(_ map: ConfigMap, listen: [ListenAddress]) -> ListenAddress? {
        guard let text = map.text("admin", expected: "an address such as 127.0.0.1:9402"),
            let place = map.entry("admin")?.value.place,
            let address = address(text, place, map.below("admin"))
        else { return nil }
        if listen.contains(address) {
            map.error("admin", "\(address.text) is under listen too; admin needs a port of its own")
        }
        return address
    }

    /// An upstream that is this very gateway would call itself until its connections are used up.
    func checkLoops(_ upstreams: [UpstreamSettings], _ listen: [ListenAddress]) {
        for upstream in upstreams {
            let url = upstream.url
            let isHere = url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.")
            for address in listen where address.socket.port == url.port {
                let host = address.text.dropLast(":\(url.port)".utf8.count)
                let isEvery = host == "0.0.0.0" || host == "[::]"
                guard host == url.host || host == "[\(url.host)]" || (isHere && (isEvery || url.host == "localhost"))
                else {
                    continue
                }
                problems.error(
                    upstream.place, .key(.key(.root, "upstreams"), upstream.name),
                    "\(url.text) is this gateway itself, which listens on \(address.text)")
            }
        }
    }

    private func address(_ text: String, _ place: ConfigPlace, _ path: ConfigPath) -> ListenAddress? {
        let local = text.hasPrefix("localhost:") ? "127.0.0.1:" + text.dropFirst("localhost:".count) : text
        if let socket = SocketAddress(local), socket.port > 0 { return ListenAddress(text: local, socket: socket) }
        let shown = ConfigNode.shortened(text)
        let port = text.split(separator: ":").last.flatMap { ConfigValue.count(String($0)) }
        let isBarePort = port != nil && (ConfigValue.count(text) != nil || text.hasPrefix(":"))
        problems.error(
            place, path,
            isBarePort
                ? "\"\(shown)\" names no address; write 127.0.0.1:\(port!), or 0.0.0.0:\(port!) for every interface"
                : "\"\(shown)\" is no address with a port; write 127.0.0.1:8402 or [::1]:8402")
        return nil
    }

    func threads(_ map: ConfigMap) -> ThreadCount {
        if case .scalar("auto", _) = map.entry("threads")?.value.content { return .auto }
        return map.count("threads", in: 1...1_024, expected: "auto or a whole number").map { .count($0) } ?? .auto
    }

    func accessLog(_ map: ConfigMap) -> AccessLogTarget {
        switch map.text("access_log", expected: "stdout, stderr, off or a file") {
        case nil, "stderr": .stderr
        case "stdout": .stdout
        case "off": .off
        case let path?: .file(path)
        }
    }

    func unmatched(_ map: ConfigMap, _ upstreams: Declared) -> UnmatchedPolicy {
        guard let node = map.entry("unmatched")?.value else { return .deny }
        if case .map = node.content {
            guard let own = ConfigMap(node, map.below("unmatched"), known: KnownKeys.unmatched, problems: problems)
            else { return .deny }
            if !own.has("free") { own.missing("free", "is missing; name the upstream") }
            let name = own.text("free", expected: "the name of an upstream")
            return name.flatMap { upstreams.index($0, "upstream", own, "free") }.map { .free(upstream: $0) } ?? .deny
        }
        switch map.text("unmatched", expected: "deny, free or {free: UPSTREAM}") {
        case nil, "deny": return .deny
        case "free":
            if upstreams.names.count == 1 { return upstreams.indexes.values.first.map { .free(upstream: $0) } ?? .deny }
            let example = upstreams.names.first ?? "NAME"
            map.error("unmatched", "there are \(upstreams.names.count) upstreams; say which, as in {free: \(example)}")
            return .deny
        case let other?:
            map.error("unmatched", "\"\(ConfigNode.shortened(other))\" is none of: deny, free, {free: UPSTREAM}")
            return .deny
        }
    }

    func readyRequires(_ map: ConfigMap, _ payments: Declared) -> [String] {
        var names: [String] = []
        for (name, place, path) in map.texts("ready_requires", expected: "names of payments") ?? [] {
            guard payments.check(name, "payment", place, path, problems) else { continue }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}

/// The names that a section declares, those among them whose entry is in order, and where each stands in the revision.
struct Declared {
    /// With those whose entry has errors of its own, so that one mistake is not reported twice.
    let names: [String]
    let indexes: [String: Int]

    init(_ entries: [ConfigNode.Entry], _ sound: [String]) {
        names = entries.map(\.key)
        indexes = Dictionary(uniqueKeysWithValues: sound.enumerated().map { ($0.element, $0.offset) })
    }

    /// False, with an error, where no entry has this name.
    func check(
        _ name: String, _ what: String, _ place: ConfigPlace, _ path: ConfigPath, _ problems: ConfigProblems
    ) -> Bool {
        if names.contains(name) { return true }
        let hint = names.isEmpty ? "; none is declared" : NearestName.hint(names, for: name)
        problems.error(place, path, "unknown \(what) \"\(ConfigNode.shortened(name))\"\(hint)")
        return false
    }

    /// Where the named entry stands; nil, with an error where it is not declared.
    func index(_ name: String, _ what: String, _ map: ConfigMap, _ key: String) -> Int? {
        if let index = indexes[name] { return index }
        _ = check(name, what, map.entry(key)?.value.place ?? map.place, map.below(key), map.problems)
        return nil
    }
}
