import Chains
import Glibc
import OnChain

/// Reads `relayer:`.
struct RelayerReader {
    let problems: ConfigProblems
    let loader: ConfigLoader

    private static let maximumKeys = 64

    /// Nil where there is no `relayer:`.
    func read(_ entries: [ConfigNode.Entry]) -> RelayerSettings? {
        guard let first = entries.first else { return nil }
        let map = ConfigMap(
            entries, first.keyPlace, .key(.root, "relayer"), known: KnownKeys.relayer, problems: problems)
        if !map.has("key") {
            map.missing("key", "is missing; write {env: NAME}, {file: PATH}, or a list of these")
        }
        let ether: UInt128 = 1_000_000_000_000_000_000
        let gas = map.count("gas_limit", in: 60_000...10_000_000)
        return RelayerSettings(
            keys: keys(map),
            maxFeeWei: map.scaled("max_fee_gwei", decimals: 9, in: NetworksReader.feeWei)
                ?? RelayerSettings.defaultMaxFeeWei,
            lowBalanceWei: map.scaled("low_balance", decimals: 18, in: 0...1_000 * ether)
                ?? RelayerSettings.defaultLowBalanceWei,
            gasLimit: gas.map { UInt64($0) } ?? RelayerSettings.defaultGasLimit,
            batch: map.count("batch", in: 1...SettlementGathering.largest) ?? SettlementGathering.largest)
    }

    private func keys(_ map: ConfigMap) -> [RelayerKey] {
        guard let node = map.entry("key")?.value else { return [] }
        let below = map.below("key")
        var nodes = [(node, below)]
        if case .list(let items) = node.content {
            nodes = items.enumerated().map { ($0.element, ConfigPath.item(below, $0.offset)) }
            if items.isEmpty || items.count > Self.maximumKeys {
                map.error("key", "expected 1 to \(Self.maximumKeys) keys, found \(items.count)")
            }
        }
        var keys: [RelayerKey] = []
        for (node, path) in nodes {
            guard let secret = SecretReader(problems: problems, loader: loader).read(node, path) else { continue }
            let account = account(secret, node, path)
            if let account, keys.contains(where: { $0.account == account }) {
                problems.error(node.place, path, "opens \(account.address), which is given twice")
            }
            keys.append(RelayerKey(source: secret.source, account: account))
        }
        return keys
    }

    private func account(_ secret: Secret, _ node: ConfigNode, _ path: ConfigPath) -> RelayerAccount? {
        guard var bytes = secret.bytes else { return nil }
        let account = bytes.withUnsafeMutableBytes { bytes -> RelayerAccount? in
            defer { explicit_bzero(bytes.baseAddress.unsafelyUnwrapped, bytes.count) }
            guard let key = PrivateKey(hex: UnsafeRawBufferPointer(bytes)) else { return nil }
            return RelayerAccount(key)
        }
        if let account { return account }
        let message = "\(secret.source) holds no key: 64 hex digits are wanted, with or without 0x"
        if loader.purpose == .run {
            problems.error(node.place, path, message)
        } else {
            problems.warning(node.place, path, "\(message); run will refuse it")
        }
        return nil
    }
}
