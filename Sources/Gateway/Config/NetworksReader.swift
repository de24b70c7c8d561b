import Chains

/// Reads `networks:`.
struct NetworksReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    static let feeWei: ClosedRange<UInt128> = 1_000_000...1_000_000_000_000_000
    private static let settleTimeout = 1_000...600_000
    private static let blocks = 1...1_000
    private static let maximumEndpoints = 16

    func read(_ entries: [ConfigNode.Entry]) -> DeclaredNetworks {
        var declared = DeclaredNetworks()
        for entry in entries {
            let path = ConfigPath.key(.key(.root, "networks"), entry.key)
            guard let chainID = chainID(entry, path) else { continue }
            if let former = declared.names[chainID] {
                problems.error(entry.keyPlace, path, "is the same chain as \"\(former)\"; keep one of them")
                continue
            }
            declared.names[chainID] = entry.key
            guard let map = ConfigMap(entry.value, path, known: KnownKeys.network, problems: problems) else { continue }
            if map.has("rpc") { declared.withRPC.insert(chainID) }
            declared.settings.append(network(entry, map, chainID))
        }
        return declared
    }

    private func chainID(_ entry: ConfigNode.Entry, _ path: ConfigPath) -> UInt64? {
        if let known = Network.named(entry.key) { return known.chainID }
        if let chainID = Network.chainID(caip2: entry.key), chainID > 0 { return chainID }
        let hint = NearestName.hint(Network.all.map(\.name), for: entry.key)
        problems.error(entry.keyPlace, path, "is no network that is known (others are written eip155:N)\(hint)")
        return nil
    }

    private func network(_ entry: ConfigNode.Entry, _ map: ConfigMap, _ chainID: UInt64) -> NetworkSettings {
        let rpc = endpoints(map)
        let timeout = map.milliseconds("settle_timeout", in: Self.settleTimeout)
        let caFile = map.text("ca_file", expected: "the path of a PEM file")
        if let caFile { loader.checkAuthorities(map, caFile, rpc.contains(where: \.isTLS) || !map.has("rpc")) }
        return NetworkSettings(
            name: entry.key, chainID: chainID, rpc: rpc, confirmations: confirmations(map),
            settleTimeoutMilliseconds: timeout ?? NetworkSettings.defaultSettleTimeoutMilliseconds,
            maxFeeWei: map.scaled("max_fee_gwei", decimals: 9, in: Self.feeWei), caFile: caFile,
            place: entry.keyPlace)
    }

    /// One URL or several, each written out or, since providers put their keys into them, as a secret.
    private func endpoints(_ map: ConfigMap) -> [ServiceURL] {
        guard let node = map.entry("rpc")?.value else { return [] }
        let below = map.below("rpc")
        var nodes = [(node, below)]
        if case .list(let items) = node.content {
            nodes = items.enumerated().map { ($0.element, ConfigPath.item(below, $0.offset)) }
            if items.isEmpty || items.count > Self.maximumEndpoints {
                map.error("rpc", "expected 1 to \(Self.maximumEndpoints) URLs, found \(items.count)")
            }
        }
        var urls: [ServiceURL] = []
        for (node, path) in nodes {
            guard let url = endpoint(node, path) else { continue }
            if urls.contains(url) { problems.error(node.place, path, "is given twice") }
            urls.append(url)
        }
        return urls
    }

    private func endpoint(_ node: ConfigNode, _ path: ConfigPath) -> ServiceURL? {
        switch node.content {
        case .scalar(let text, let isPlain) where !(isPlain && ConfigNode.isNull(text)):
            return url(text, node, path, isFatal: true)
        case .map:
            guard let bytes = SecretReader(problems: problems, loader: loader).read(node, path)?.bytes else {
                return nil
            }
            return url(String(decoding: bytes, as: UTF8.self), node, path, isFatal: loader.purpose == .run)
        default:
            problems.error(node.place, path, "expected a URL, {env: NAME} or {file: PATH}, found \(node.kind)")
            return nil
        }
    }

    private func url(_ text: String, _ node: ConfigNode, _ path: ConfigPath, isFatal: Bool) -> ServiceURL? {
        switch ServiceURL.parse(text) {
        case .success(let url): return url
        case .failure(let fault) where isFatal: problems.error(node.place, path, fault.reason)
        case .failure(let fault): problems.warning(node.place, path, "\(fault.reason); run will refuse it")
        }
        return nil
    }

    /// A number, or `{default: 1, above $1: 3}`.
    private func confirmations(_ map: ConfigMap) -> Confirmations {
        guard let node = map.entry("confirmations")?.value else { return .one }
        guard case .map(let entries) = node.content else {
            let expected = "a number of blocks, or {default: 1, above $1: 3}"
            return map.count("confirmations", in: Self.blocks, expected: expected).map { Confirmations(fewest: $0) }
                ?? .one
        }
        let known = ["default"] + entries.map(\.key).filter { $0.hasPrefix("above ") }
        let own = ConfigMap(entries, node.place, map.below("confirmations"), known: known, problems: problems)
        let fewest = own.count("default", in: Self.blocks) ?? 1
        let tiers = entries.filter { $0.key.hasPrefix("above ") }.compactMap { tier($0, own) }
            .sorted { $0.tier.above.order < $1.tier.above.order }
        var former = (text: "default", blocks: fewest)
        for (at, (tier, entry)) in tiers.enumerated() {
            if at > 0 && tiers[at - 1].tier.above == tier.above {
                problems.error(
                    entry.value.place, own.below(entry.key), "is as much as \"\(former.text)\"; keep one of them")
            } else if tier.blocks <= former.blocks {
                problems.error(
                    entry.value.place, own.below(entry.key),
                    "\(tier.blocks) is no more than the \(former.blocks) of \"\(former.text)\"; larger amounts take more blocks"
                )
            }
            former = (entry.key, tier.blocks)
        }
        return Confirmations(fewest: fewest, tiers: tiers.map(\.tier))
    }

    private func tier(_ entry: ConfigNode.Entry, _ map: ConfigMap) -> (
        tier: Confirmations.Tier, entry: ConfigNode.Entry
    )? {
        let blocks = map.count(entry.key, in: Self.blocks)
        do {
            let above = try DollarPrice(String(entry.key.dropFirst("above ".count)))
            return blocks.map { (Confirmations.Tier(above: above, blocks: $0), entry) }
        } catch {
            problems.error(entry.keyPlace, map.below(entry.key), error.message)
            return nil
        }
    }
}

/// What `networks:` holds, sound or not.
struct DeclaredNetworks {
    /// In file order.
    var settings: [NetworkSettings] = []
    /// As written, by chain; with those whose entry has errors of its own.
    var names: [UInt64: String] = [:]

    /// Chains with an `rpc`, also where it is a secret that is missing where `check` runs.
    var withRPC: Set<UInt64> = []

    func isRPCWritten(_ chainID: UInt64) -> Bool { withRPC.contains(chainID) }
    func settings(_ chainID: UInt64) -> NetworkSettings? { settings.first { $0.chainID == chainID } }
}
