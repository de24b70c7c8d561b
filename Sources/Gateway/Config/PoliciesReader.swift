import Bytes
import Chains
import Ledger

/// Reads `policies:`.
struct PoliciesReader {
    let problems: ConfigProblems

    private static let wallets = 1...10_000
    private static let day = 86_400_000

    func read(_ entries: [ConfigNode.Entry]) -> [PolicySettings] {
        entries.compactMap { entry in
            let path = ConfigPath.key(.key(.root, "policies"), entry.key)
            guard ConfigName.check(entry, path, problems),
                let map = ConfigMap(entry.value, path, known: KnownKeys.policy, problems: problems)
            else { return nil }
            return policy(entry, map)
        }
    }

    private func policy(_ entry: ConfigNode.Entry, _ map: ConfigMap) -> PolicySettings {
        let wallet = below(map, "per_wallet", KnownKeys.counted)
        let everyone = below(map, "everyone", KnownKeys.counted)
        let address = below(map, "per_address", KnownKeys.address)
        let bounds = BoundPolicy(
            name: entry.key, walletRate: wallet?.rate("rate"), walletSpend: wallet?.spend("spend"),
            everyoneRate: everyone?.rate("rate"), everyoneSpend: everyone?.spend("spend"))
        let proven = proven(entry.key, map)
        let breaker = BreakerReader(problems: problems).read(map)
        return PolicySettings(
            name: entry.key, lease: lease(map), bounds: bounds,
            unpaidPerAddress: address?.rate("unpaid"), freePerAddress: address?.rate("free"), deny: deny(map),
            proven: proven?.requirement, otherwise: proven?.otherwise ?? .deny, breaker: breaker,
            place: entry.keyPlace)
    }

    /// A map below `key`; nil where there is none, with an error where it says nothing.
    private func below(_ map: ConfigMap, _ key: String, _ known: [String]) -> ConfigMap? {
        guard let node = map.entry(key)?.value,
            let own = ConfigMap(node, map.below(key), known: known, problems: problems)
        else { return nil }
        if own.entries.isEmpty { map.error(key, "bounds nothing; write one of: \(known.joined(separator: ", "))") }
        return own
    }

    // MARK: Leases

    private func lease(_ map: ConfigMap) -> LeaseKeys {
        var keys = LeaseKeys()
        if let value = map.entry("in_flight_per_wallet")?.value {
            if case .map = value.content {
                let own = ConfigMap(
                    value, map.below("in_flight_per_wallet"), known: KnownKeys.inFlight, problems: problems)
                keys.inFlightAfter = own?.count("after", in: Self.wallets)
                keys.inFlightFirst = own?.count("first", in: Self.wallets)
            } else if let both = map.count("in_flight_per_wallet", in: Self.wallets) {
                keys.inFlightAfter = both
                keys.inFlightFirst = both
            }
        }
        keys.leaseWaitMilliseconds = map.milliseconds("lease_wait", in: 0...600_000)
        keys.leaseQueue = map.count("lease_queue", in: 0...10_000)
        return keys
    }

    // MARK: Payers

    private func deny(_ map: ConfigMap) -> Set<Bytes20> {
        var denied: Set<Bytes20> = []
        for (text, place, path) in map.texts("deny", expected: "an address, or a list of addresses") ?? [] {
            guard let (address, casing) = Address.parse(text) else {
                problems.error(
                    place, path, "\"\(ConfigNode.shortened(text))\" is no address; it takes 0x and 40 hex digits")
                continue
            }
            if casing == .wrongChecksum {
                problems.error(
                    place, path,
                    "the EIP-55 checksum (the case of the letters) of \(text) is wrong; a digit may be mistyped")
            } else if !denied.insert(address.bytes).inserted {
                problems.error(place, path, "\(text) is denied twice")
            }
        }
        return denied
    }

    /// What a wallet must have shown, with the history that the ledger keeps of it.
    private func proven(_ name: String, _ map: ConfigMap) -> (requirement: ProvenRequirement, otherwise: GateOutcome)? {
        guard let node = map.entry("requires")?.value else {
            if map.has("otherwise") { map.error("otherwise", "has no meaning without requires") }
            return nil
        }
        let otherwise = map.outcome("otherwise", needed: "requires")
        guard let own = ConfigMap(node, map.below("requires"), known: KnownKeys.requires, problems: problems) else {
            return nil
        }
        if own.entries.isEmpty {
            map.error("requires", "asks for nothing; write one of: \(KnownKeys.requires.joined(separator: ", "))")
        }
        let requirement = ProvenRequirement(
            name: name, settled: own.count("settled", in: 0...1_000_000) ?? 0,
            ageSeconds: Int64((own.milliseconds("age", in: 0...400 * Self.day) ?? 0) / 1_000),
            spentAttodollars: own.bound("spent", expected: "an amount such as $1", BoundText.attodollars) ?? 0,
            failedPercent: own.percent("failed_ratio", in: 0...100))
        return (requirement, otherwise ?? .deny)
    }
}

/// Reads what trips a route's breaker.
struct BreakerReader {
    let problems: ConfigProblems

    func read(_ map: ConfigMap) -> BreakerSettings? {
        guard let node = map.entry("trip")?.value else {
            for key in ["then", "for"] where map.has(key) { map.error(key, "has no meaning without trip") }
            return nil
        }
        let then = map.outcome("then", needed: "trip")
        let milliseconds = map.milliseconds("for", in: 1_000...30 * 86_400_000) ?? 1_800_000
        guard let own = ConfigMap(node, map.below("trip"), known: KnownKeys.trip, problems: problems) else {
            return nil
        }
        let header = field(own)
        let statuses = own.statuses("or_status", in: 200...599)
        if !own.has("header") && !own.has("or_status") {
            own.missing(
                "header", "is missing; say which answers are bad: header: \"X-Bounced: 1\", or or_status: [422]")
        }
        if !own.has("over") { own.missing("over", "is missing; write the share of bad answers, such as 5%") }
        if !own.has("of_last") {
            own.missing("of_last", "is missing; write how many answers are looked at, such as 200")
        }
        let over = own.percent("over", in: 0...99)
        let ofLast = own.count("of_last", in: 1...100_000)
        guard let over, let ofLast else { return nil }
        return BreakerSettings(
            header: header, statuses: statuses ?? StatusSet([]), overPercent: over, ofLast: ofLast,
            then: then ?? .deny, forSeconds: milliseconds / 1_000)
    }

    /// `Name: value`.
    private func field(_ map: ConfigMap) -> AnswerField? {
        guard let text = map.text("header", expected: "a field line such as \"X-Bounced: 1\"") else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count == 2 ? parts[1].drop { $0 == " " } : ""
        guard parts.count == 2, UpstreamHeadersReader.isFieldName(String(parts[0])), !value.isEmpty else {
            map.error("header", "\"\(ConfigNode.shortened(text))\" is no field line; write \"X-Bounced: 1\"")
            return nil
        }
        return AnswerField(name: String(parts[0]), value: String(value))
    }
}
