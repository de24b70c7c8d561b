/// Reads `upstreams:`, and the `timeouts:` they share.
struct UpstreamsReader {
    let problems: ConfigProblems
    let loader: ConfigLoader
    let defaults: UpstreamTimeouts
    let keepAliveConnections: Int

    func read(_ entries: [ConfigNode.Entry]) -> [UpstreamSettings] {
        entries.compactMap { entry in
            let path = ConfigPath.key(.key(.root, "upstreams"), entry.key)
            guard ConfigName.check(entry, path, problems),
                let map = ConfigMap(entry.value, path, known: KnownKeys.upstream, problems: problems)
            else { return nil }
            return upstream(entry, map)
        }
    }

    private func upstream(_ entry: ConfigNode.Entry, _ map: ConfigMap) -> UpstreamSettings? {
        let url = url(map)
        let host = host(map)
        let headers = UpstreamHeadersReader(problems: problems, loader: loader).read(map)
        var timeouts = defaults
        if let node = map.entry("timeouts")?.value,
            let own = ConfigMap(node, map.below("timeouts"), known: KnownKeys.timeouts, problems: problems)
        {
            timeouts = Self.timeouts(own, defaults)
        }
        let keepAlive = map.count("keep_alive", in: 0...10_000) ?? keepAliveConnections
        let caFile = map.text("ca_file", expected: "the path of a PEM file")
        if let caFile { loader.checkAuthorities(map, caFile, url?.isTLS ?? true) }
        guard let url else { return nil }
        return UpstreamSettings(
            name: entry.key, url: url, host: host, headers: headers, caFile: caFile, timeouts: timeouts,
            keepAliveConnections: keepAlive, wantsAssertion: map.flag("assertion") ?? false, place: entry.keyPlace)
    }

    static func timeouts(_ map: ConfigMap, _ defaults: UpstreamTimeouts) -> UpstreamTimeouts {
        let day = 86_400_000
        var timeouts = defaults
        timeouts.connectMilliseconds = map.milliseconds("connect", in: 1...day) ?? defaults.connectMilliseconds
        timeouts.firstByteMilliseconds = map.milliseconds("first_byte", in: 1...day) ?? defaults.firstByteMilliseconds
        timeouts.idleMilliseconds = map.milliseconds("idle", in: 1...day) ?? defaults.idleMilliseconds
        timeouts.totalMilliseconds = map.milliseconds("total", in: 1...day) ?? defaults.totalMilliseconds
        return timeouts
    }

    private func url(_ map: ConfigMap) -> UpstreamURL? {
        guard map.has("url") else {
            map.missing("url", "is missing; write http://host:port")
            return nil
        }
        guard let text = map.text("url", expected: "a URL such as http://127.0.0.1:9000") else { return nil }
        switch UpstreamURL.parse(text) {
        case .success(let url): return url
        case .failure(let fault):
            map.error("url", fault.reason)
            return nil
        }
    }

    private func host(_ map: ConfigMap) -> UpstreamHost {
        guard let text = map.text("host", expected: "preserve, upstream or a host name") else { return .upstream }
        switch text {
        case "preserve": return .preserve
        case "upstream": return .upstream
        default:
            if UpstreamURL.authority(text) == nil {
                map.error(
                    "host", "\"\(ConfigNode.shortened(text))\" is no host name; write preserve, upstream, or a name")
            }
            return .name(text)
        }
    }
}
