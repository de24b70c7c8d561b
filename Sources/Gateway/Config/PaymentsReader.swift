import Chains
import Payments

/// Reads `payments:`.
struct PaymentsReader {
    let problems: ConfigProblems
    let settlement: SettlementReader

    private static let maximumFactories = 64
    /// The names that the oldest V1 clients know; one other name makes them refuse a whole 402.
    static let oldestNames = ["base", "base-sepolia", "avalanche", "avalanche-fuji"]

    func read(_ entries: [ConfigNode.Entry]) -> [PaymentMethod] {
        entries.compactMap { entry in
            let path = ConfigPath.key(.key(.root, "payments"), entry.key)
            guard ConfigName.check(entry, path, problems),
                let map = ConfigMap(entry.value, path, known: KnownKeys.payment, problems: problems)
            else { return nil }
            return method(entry, map)
        }
    }

    private func method(_ entry: ConfigNode.Entry, _ map: ConfigMap) -> PaymentMethod? {
        let network = network(map)
        let token = token(map, network)
        let payTo = address(map, "pay_to", "the address that is paid")
        let facilitator = settlement.facilitator(map)
        if let facilitator, let network {
            if facilitator == .sandbox { checkPlayMoney(map, network) }
            settlement.check(map, facilitator, network.chainID)
        }
        if let payTo, facilitator != nil && facilitator != .sandbox { settlement.checkPayee(map, payTo) }
        let factories = factories(map, facilitator)
        if let token, token.token.address == payTo { map.error("pay_to", "is the asset's own contract, not a wallet") }
        // Where only these two are wrong, the routes' prices are checked all the same: the load fails by the errors told.
        guard let network, let token else { return nil }
        let v1Name = network.known?.v1Name ?? "eip155:\(network.chainID)"
        if !Self.oldestNames.contains(v1Name) {
            map.warning(
                "network",
                "\"\(v1Name)\" is unknown to the oldest clients (PyPI x402 1.0.0 and before), which then refuse the whole 402; "
                    + "they know \(Self.oldestNames.joined(separator: ", "))")
        }
        return PaymentMethod(
            name: entry.key, network: "eip155:\(network.chainID)", networkV1Name: v1Name, chainID: network.chainID,
            asset: token.token.address, assetLabel: token.label, assetDecimals: token.token.decimals,
            domainName: token.token.name, domainVersion: token.token.version, payTo: payTo ?? Address(.zero),
            facilitator: facilitator ?? .sandbox, factories: factories,
            confirmations: settlement.confirmations(facilitator ?? .sandbox, network.chainID),
            settlementSeconds: settlement.settlementSeconds(facilitator ?? .sandbox, network.chainID),
            place: entry.keyPlace)
    }

    private func network(_ map: ConfigMap) -> (chainID: UInt64, known: Network?)? {
        guard map.has("network") else {
            map.missing("network", "is missing; name one, such as base-sepolia, or write eip155:N")
            return nil
        }
        guard let text = map.text("network", expected: "the name of a network") else { return nil }
        if let known = Network.named(text) { return (known.chainID, known) }
        if let chainID = Network.chainID(caip2: text) {
            guard chainID > 0 else {
                map.error("network", "there is no chain 0")
                return nil
            }
            return (chainID, Network.withChainID(chainID))
        }
        let names = Network.all.map(\.name)
        map.error(
            "network",
            "unknown network \"\(ConfigNode.shortened(text))\" (others are written eip155:N)\(NearestName.hint(names, for: text))"
        )
        return nil
    }

    private func token(
        _ map: ConfigMap, _ network: (chainID: UInt64, known: Network?)?
    ) -> (token: Network.Token, label: String)? {
        guard let entry = map.entry("asset") else {
            map.missing("asset", "is missing; write USDC, or {address, name, version, decimals}")
            return nil
        }
        if case .map = entry.value.content { return contract(entry.value, map) }
        guard let text = map.text("asset", expected: "USDC, or {address, name, version, decimals}") else { return nil }
        guard text == "USDC" else {
            let hint =
                text.uppercased() == "USDC"
                ? "write USDC" : "USDC is known; describe others by {address, name, version, decimals}"
            map.error("asset", "unknown asset \"\(ConfigNode.shortened(text))\"; \(hint)")
            return nil
        }
        guard let network else { return nil }
        guard let known = network.known else {
            map.error(
                "asset",
                "where USDC lives on eip155:\(network.chainID) is not known; write {address, name, version, decimals}")
            return nil
        }
        return (known.usdc, "USDC")
    }

    private func contract(_ node: ConfigNode, _ parent: ConfigMap) -> (token: Network.Token, label: String)? {
        guard let map = ConfigMap(node, parent.below("asset"), known: KnownKeys.asset, problems: problems) else {
            return nil
        }
        let address = address(map, "address", "the token's contract")
        let name = required(map, "name", "is missing; it is what the contract's name() returns")
        let version = required(map, "version", "is missing; it is what the contract's version() returns, often \"2\"")
        if !map.has("decimals") { map.missing("decimals", "is missing; it is what the contract's decimals() returns") }
        let decimals = map.count("decimals", in: 0...36)
        guard let address, let name, let version, let decimals else { return nil }
        return (Network.Token(address: address, name: name, version: version, decimals: decimals), name)
    }

    private func required(_ map: ConfigMap, _ key: String, _ missing: String) -> String? {
        if !map.has(key) { map.missing(key, missing) }
        return map.text(key)
    }

    private func address(_ map: ConfigMap, _ key: String, _ meaning: String) -> Address? {
        guard map.has(key) else {
            map.missing(key, "is missing; it is \(meaning), 0x and 40 hex digits")
            return nil
        }
        guard let text = map.text(key, expected: "0x and 40 hex digits") else { return nil }
        return checked(text) { map.error(key, $0) }
    }

    /// Nil, told to `report`, where a text is no address, or none that money or trust should go to.
    private func checked(_ text: String, _ report: (String) -> Void) -> Address? {
        guard let (address, casing) = Address.parse(text) else {
            report("\"\(ConfigNode.shortened(text))\" is no address; it takes 0x and 40 hex digits")
            return nil
        }
        if casing == .wrongChecksum {
            report("the EIP-55 checksum (the case of the letters) of \(text) is wrong; a digit may be mistyped")
            return nil
        }
        if address.bytes == .zero {
            report("is the zero address; what is paid to it is lost")
            return nil
        }
        return address
    }

    /// Contracts that may deploy a payer's wallet (ERC-6492).
    private func factories(_ map: ConfigMap, _ facilitator: Facilitator?) -> [Address] {
        guard map.has("factories") else { return [] }
        if let facilitator, facilitator != .chain {
            map.error("factories", "has no meaning for \(facilitator.configText); it is for facilitator: self")
        }
        let texts = map.texts("factories", expected: "an address, or a list of them") ?? []
        if texts.count > Self.maximumFactories {
            map.error("factories", "at most \(Self.maximumFactories) can be taken, found \(texts.count)")
        }
        var factories: [Address] = []
        for (text, place, path) in texts {
            guard let address = checked(text, { problems.error(place, path, $0) }) else { continue }
            if factories.contains(address) { problems.error(place, path, "\(address) is given twice") }
            factories.append(address)
        }
        return factories
    }

    /// The sandbox settles nothing on a chain: what is signed for it must be worth nothing there.
    private func checkPlayMoney(_ map: ConfigMap, _ network: (chainID: UInt64, known: Network?)) {
        if let known = network.known {
            if known.isMainnet {
                map.error(
                    "network",
                    "\(known.name) holds real money, which facilitator: sandbox never moves; use a test network, such as base-sepolia"
                )
            }
        } else if Self.otherMainnets.contains(network.chainID) {
            map.error(
                "network",
                "eip155:\(network.chainID) holds real money, which facilitator: sandbox never moves; use a test network"
            )
        } else {
            map.warning(
                "network",
                "eip155:\(network.chainID) is not known to be a test network; what callers sign for the sandbox is valid there too"
            )
        }
    }

    /// Well-known chains with real money that `Network` has no row for.
    private static let otherMainnets: Set<UInt64> = [
        10, 14, 25, 30, 40, 56, 61, 66, 88, 100, 106, 122, 130, 146, 169, 196, 204, 239, 250, 252, 288, 314, 324, 360,
        388, 480, 592, 690,
        747, 999, 1030, 1088, 1101, 1135, 1284, 1285, 1514, 1625, 1868, 2020, 2222, 2741, 4217, 4689, 5000, 7000, 7700,
        8217, 9001, 13371,
        32769, 33139, 34443, 42170, 43111, 50104, 55244, 57073, 59144, 60808, 80094, 81457, 98866, 167000, 200901,
        534352, 660279,
        7_777_777, 21_000_000, 666_666_666, 1_313_161_554,
    ]
}

/// Names that operators choose.
enum ConfigName {
    /// Letters, digits, `-`, `_` and `.`, at most 64.
    static func check(_ entry: ConfigNode.Entry, _ path: ConfigPath, _ problems: ConfigProblems) -> Bool {
        let valid =
            !entry.key.isEmpty && entry.key.utf8.count <= 64
            && entry.key.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
        if !valid { problems.error(entry.keyPlace, path, "a name holds letters, digits, -, _ and ., at most 64") }
        return valid
    }
}
