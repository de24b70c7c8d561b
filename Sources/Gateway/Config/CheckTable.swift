import Chains

/// The tables of `farebox check`.
enum CheckTable {
    static func text(_ revision: Revision) -> String {
        var text = columns(
            [["ROUTE", "UPSTREAM", "PRICE", "SETTLE", "WINDOW", "ATOMIC AMOUNTS"]]
                + revision.routes.filter { $0.menuPlace == nil }.flatMap { rows($0, revision) })
        switch revision.settings.unmatched {
        case .deny: text += "everything else is answered 404\n"
        case .free(let upstream): text += "everything else goes to \(revision.upstreams[upstream].name), free\n"
        }
        if !revision.payments.isEmpty {
            let rows = revision.payments.map {
                [
                    $0.name, networkText($0), $0.assetLabel, $0.payTo.checksummed, $0.facilitator.configText,
                    confirmationsText($0),
                ]
            }
            text += "\n" + columns([["PAYMENT", "NETWORK", "ASSET", "PAY TO", "FACILITATOR", "CONFIRMATIONS"]] + rows)
        }
        let policies = DoorsText.policyRows(revision)
        if !policies.isEmpty { text += "\n" + columns([["POLICY", "SAYS"]] + policies) }
        let customers = DoorsText.customerRows(revision)
        if !customers.isEmpty { text += "\n" + columns([["CUSTOMER", "KEY IN", "RATE"]] + customers) }
        text += settlers(revision)
        let sandboxed = revision.payments.filter { $0.facilitator == .sandbox }.map(\.name)
        if !sandboxed.isEmpty {
            text +=
                "\nSandbox: \(sandboxed.joined(separator: ", ")) settle\(sandboxed.count == 1 ? "s" : "") inside the ledger. "
            text += "Signatures and balances are real, money is not; each new wallet starts with $10.\n"
        }
        return text
    }

    /// A route; under one of tools each line of its menu.
    private static func rows(_ route: Route, _ revision: Revision) -> [[String]] {
        let names = [route.matchText, revision.upstreams[route.upstream].name]
        switch route.access {
        case .free: return [names + ["free", "", "", ""]]
        case .priced(let terms): return [names + cells(terms)]
        case .tools(let menu):
            let lines = menu.lines.map { line in
                ["  \(line.name)", ""]
                    + (menu.route(of: line.price, in: revision.routes)?.terms.map(cells)
                        ?? [menu.text(of: line.price, in: revision.routes), "", "", ""])
            }
            return [names + [ToolMenu.priceText, "", "", ""]] + lines
        }
    }

    private static func cells(_ terms: Terms) -> [String] {
        let amounts = terms.offers.map { "\($0.paymentName) \($0.amountAtomic)" }.joined(separator: ", ")
        return [terms.priceText, terms.order.rawValue, "\(terms.maxTimeoutSeconds)s", amounts]
    }

    /// Whom payments name: the relayer's accounts, and the facilitators.
    private static func settlers(_ revision: Revision) -> String {
        var text = ""
        if let relayer = revision.settings.relayer, revision.payments.contains(where: { $0.facilitator == .chain }) {
            let keys = relayer.keys.map(\.description).joined(separator: ", ")
            text +=
                "\nself: settled by \(keys), at most \(ConfigValue.text(scaled: relayer.maxFeeWei, decimals: 9)) gwei"
            text += " a unit of gas"
            for network in revision.networks {
                guard let fee = network.maxFeeWei else { continue }
                text += ", \(ConfigValue.text(scaled: fee, decimals: 9)) on \(network.name)"
            }
            text += "\n"
        }
        for facilitator in revision.facilitators {
            text += "\n\(facilitator.name): \(facilitator.url.withTarget), \(facilitator.access.text)\n"
        }
        return text
    }

    /// `1, above $1: 3`; without a chain to read, whose word is taken.
    static func confirmationsText(_ payment: PaymentMethod) -> String {
        if let confirmations = payment.confirmations { return "\(confirmations)" }
        return if case .remote = payment.facilitator { "its word" } else { "" }
    }

    /// `base-sepolia (eip155:84532)`.
    static func networkText(_ payment: PaymentMethod) -> String {
        Network.withChainID(payment.chainID).map { "\($0.name) (\(payment.network))" } ?? payment.network
    }

    /// Lines of cells, padded to the widest of their column.
    static func columns(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (at, cell) in row.enumerated() {
                if at == widths.count { widths.append(0) }
                widths[at] = max(widths[at], cell.count)
            }
        }
        var text = ""
        for row in rows {
            var line = ""
            for (at, cell) in row.enumerated() {
                line += cell + String(repeating: " ", count: widths[at] - cell.count + 2)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
