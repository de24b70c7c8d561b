import Chains
import Payments

/// Reads who settles a payment, and checks that whoever it is can.
struct SettlementReader {
    let problems: ConfigProblems
    let networks: DeclaredNetworks
    /// With those whose entry has errors of its own.
    let facilitators: Declared
    /// Nil where there is no `relayer:`.
    let relayer: RelayerSettings?
    /// Of a process that runs already: its keys stay until a restart. Nil at a start.
    let running: Settings?

    /// Nil, with an error, where nobody is named who is known.
    func facilitator(_ map: ConfigMap) -> Facilitator? {
        let names = FacilitatorsReader.ownNames + facilitators.names
        guard map.has("facilitator") else {
            map.missing("facilitator", "is missing; known: \(names.joined(separator: ", "))")
            return nil
        }
        guard let text = map.text("facilitator", expected: "self, sandbox, or a name under facilitators") else {
            return nil
        }
        switch text {
        case "self": return .chain
        case "sandbox": return .sandbox
        case _ where facilitators.names.contains(text): return .remote(text)
        default:
            let near = NearestName.among(names, to: text).map { "did you mean \"\($0)\"?" }
            map.error(
                "facilitator",
                "unknown facilitator \"\(ConfigNode.shortened(text))\"; \(near ?? "known: \(names.joined(separator: ", "))")"
            )
            return nil
        }
    }

    /// What `facilitator` needs on `chainID`, which the payment calls `network`.
    func check(_ map: ConfigMap, _ facilitator: Facilitator, _ chainID: UInt64) {
        guard facilitator != .sandbox else { return }
        let network = map.text("network") ?? "eip155:\(chainID)"
        let key = "networks.\(networks.names[chainID] ?? network).rpc"
        // An entry with errors of its own may have been meant to hold one.
        let isUnread = networks.names[chainID] != nil && networks.settings(chainID) == nil
        let hasRPC = isUnread || networks.isRPCWritten(chainID)
        if case .remote(let name) = facilitator, !hasRPC {
            map.warning(
                "facilitator",
                "\"\(name)\" settles on \(network) and there is no \(key): after a time-out nothing shows whether money moved, "
                    + "and a person must resolve the claim (farebox ledger resolve)")
        }
        guard facilitator == .chain else { return }
        if !hasRPC { map.error("facilitator", "self needs \(key), by which the chain is read and paid on") }
        if relayer == nil {
            map.error("facilitator", "self needs relayer.key, which pays the gas")
        } else if let running, running.relayer?.keys.isEmpty ?? true {
            map.error("facilitator", "self needs relayer.key, which is taken up by a restart alone")
        }
    }

    /// An account whose key is on this machine must not be the one that is paid.
    func checkPayee(_ map: ConfigMap, _ payTo: Address) {
        let accounts = ((relayer?.keys ?? []) + (running?.relayer?.keys ?? [])).compactMap(\.account)
        guard accounts.contains(where: { $0.address == payTo }) else { return }
        map.error(
            "pay_to", "is the relayer's own account, whose key is on this machine; it pays gas and never holds revenue")
    }

    func confirmations(_ facilitator: Facilitator, _ chainID: UInt64) -> Confirmations? {
        guard facilitator != .sandbox, let network = networks.settings(chainID), networks.isRPCWritten(chainID) else {
            return nil
        }
        return network.confirmations
    }

    /// Rounded up.
    func settlementSeconds(_ facilitator: Facilitator, _ chainID: UInt64) -> Int {
        guard facilitator != .sandbox else { return PaymentMethod.sandboxSeconds }
        let milliseconds =
            networks.settings(chainID)?.settleTimeoutMilliseconds ?? NetworkSettings.defaultSettleTimeoutMilliseconds
        return (milliseconds + 999) / 1_000
    }
}
