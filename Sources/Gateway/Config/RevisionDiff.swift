/// What a reload changed, one line each, ready for the operator's log.
public struct RevisionDiff: Sendable, Equatable {
    /// `GET /v1/reports/*: price $0.02 → $0.03`, `POST /v1/x: added, $0.05`, `upstream legacy: …`.
    public var changes: [String]
    /// Settings that differ in the files but keep their running value, one sentence each.
    public var needsRestart: [String]

    public var isEmpty: Bool { changes.isEmpty && needsRestart.isEmpty }

    public init(from old: Revision, to new: Revision) {
        needsRestart = new.needsRestart
        changes =
            Self.routes(old, new) + Self.payments(old, new) + Self.networks(old, new) + Self.facilitators(old, new)
            + Self.upstreams(old, new) + Self.doors(old, new) + Self.settings(old, new) + Self.relayer(old, new)
    }

    /// Routes are the same where they take the same requests. Those of a menu's prices come with the menu's.
    private static func routes(_ old: Revision, _ new: Revision) -> [String] {
        let entries = old.routes.filter { $0.menuPlace == nil }
        let former = Dictionary(entries.map { ($0.pattern.identity, $0) }, uniquingKeysWith: { first, _ in first })
        var lines: [String] = []
        var seen: Set<RoutePattern> = []
        for route in new.routes where route.menuPlace == nil {
            seen.insert(route.pattern.identity)
            guard let before = former[route.pattern.identity] else {
                lines.append("\(route.matchText): added, \(price(route))")
                if let menu = route.menu { lines += prices(menu, in: new.routes) { "added, \($0)" } }
                continue
            }
            let changes = changes(before, route, old, new)
            if !changes.isEmpty { lines.append("\(route.matchText): \(changes.joined(separator: "; "))") }
            lines += menus(before, route, old, new)
        }
        for route in entries where !seen.contains(route.pattern.identity) {
            lines.append("\(route.matchText): removed, was \(price(route))")
            if let menu = route.menu { lines += prices(menu, in: old.routes) { "removed, was \($0)" } }
        }
        return lines
    }

    static func price(_ route: Route) -> String {
        switch route.access {
        case .free: "free"
        case .priced(let terms): terms.priceText
        case .tools: ToolMenu.priceText
        }
    }

    private static func changes(_ before: Route, _ after: Route, _ old: Revision, _ new: Revision) -> [String] {
        var changes: [String] = []
        func note(_ key: String, _ from: String, _ to: String) {
            if from != to { changes.append("\(key) \(from) → \(to)") }
        }
        let amounts = [before, after].map { $0.terms?.offers.map(\.amountAtomic) }
        if amounts[0] != amounts[1] || (before.menu == nil) != (after.menu == nil) {
            note("price", price(before), price(after))
        }
        note("upstream", old.upstreams[before.upstream].name, new.upstreams[after.upstream].name)
        let policies = [(before, old), (after, new)].map { route, revision in
            list(route.doors.policies.map { revision.policies[$0].name })
        }
        note("policies", policies[0], policies[1])
        if case .free = before.access { return changes }
        if case .free = after.access { return changes }
        let customers = [(before, old), (after, new)].map { route, revision in
            list(route.doors.customers.map { revision.customers[$0].name })
        }
        note("customers", customers[0], customers[1])
        let quotas = [before, after].map { $0.doors.freeQuota.map(BoundText.text) ?? "none" }
        note("free_quota", quotas[0], quotas[1])
        if let from = before.menu, let to = after.menu {
            note("challenge", from.challenge.rawValue, to.challenge.rawValue)
            note("annotate", from.annotation.rawValue, to.annotation.rawValue)
        }
        guard let from = before.terms, let to = after.terms else { return changes }
        return changes + self.changes(from, to)
    }

    /// Of everything but the price and what stands before it.
    static func changes(_ from: Terms, _ to: Terms) -> [String] {
        var changes: [String] = []
        func note(_ key: String, _ from: String, _ to: String) {
            if from != to { changes.append("\(key) \(from) → \(to)") }
        }
        if from.chargeWhen != to.chargeWhen { changes.append("charge_when changed") }
        note("settle", from.order.rawValue, to.order.rawValue)
        note("accept", names(from), names(to))
        note("max_timeout_seconds", "\(from.maxTimeoutSeconds)", "\(to.maxTimeoutSeconds)")
        note("bind", from.bind.rawValue, to.bind.rawValue)
        note("redeliver", from.redeliver.rawValue, to.redeliver.rawValue)
        note("redeliver_for", "\(from.redeliverForSeconds)s", "\(to.redeliverForSeconds)s")
        note("store_answers", from.storeAnswersText, to.storeAnswersText)
        if from.description != to.description { changes.append("description changed") }
        if from.mimeType != to.mimeType { changes.append("mime_type changed") }
        return changes
    }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }

    private static func names(_ terms: Terms) -> String { terms.offers.map(\.paymentName).joined(separator: ", ") }

    private static func payments(_ old: Revision, _ new: Revision) -> [String] {
        named("payment", old.payments.map { ($0.name, $0) }, new.payments.map { ($0.name, $0) }) { from, to in
            var changes: [String] = []
            if from.network != to.network { changes.append("network \(from.network) → \(to.network)") }
            if from.asset != to.asset { changes.append("asset \(from.asset) → \(to.asset)") }
            if from.payTo != to.payTo { changes.append("pay_to \(from.payTo) → \(to.payTo)") }
            if from.facilitator != to.facilitator {
                changes.append("facilitator \(from.facilitator.configText) → \(to.facilitator.configText)")
            }
            if from.factories != to.factories { changes.append("factories changed") }
            let isSameToken =
                (from.domainName, from.domainVersion, from.assetDecimals) == (
                    to.domainName, to.domainVersion, to.assetDecimals
                )
            if changes.isEmpty && !isSameToken { changes.append("the asset's name, version or decimals changed") }
            return changes
        }
    }

    private static func networks(_ old: Revision, _ new: Revision) -> [String] {
        named("network", old.networks.map { ($0.name, $0) }, new.networks.map { ($0.name, $0) }) { from, to in
            var changes: [String] = []
            func note(_ key: String, _ from: String, _ to: String) {
                if from != to { changes.append("\(key) \(from) → \(to)") }
            }
            // Paths of URLs are often secrets: a change is named, never shown.
            if from.rpc != to.rpc { changes.append("rpc changed") }
            note("confirmations", "\(from.confirmations)", "\(to.confirmations)")
            let timeouts = [from, to].map { ConfigValue.text(milliseconds: $0.settleTimeoutMilliseconds) }
            note("settle_timeout", timeouts[0], timeouts[1])
            note("max_fee_gwei", gwei(from.maxFeeWei), gwei(to.maxFeeWei))
            if from.caFile != to.caFile { changes.append("ca_file changed") }
            return changes
        }
    }

    private static func gwei(_ wei: UInt128?) -> String {
        wei.map { ConfigValue.text(scaled: $0, decimals: 9) } ?? "the relayer's"
    }

    private static func facilitators(_ old: Revision, _ new: Revision) -> [String] {
        let (former, present) = (old.facilitators.map { ($0.name, $0) }, new.facilitators.map { ($0.name, $0) })
        return named("facilitator", former, present) { from, to in
            var changes: [String] = []
            if from.url != to.url { changes.append("url \(from.url.withTarget) → \(to.url.withTarget)") }
            if from.access != to.access { changes.append("credentials changed") }
            if from.caFile != to.caFile { changes.append("ca_file changed") }
            if from.timeoutMilliseconds != to.timeoutMilliseconds { changes.append("timeout changed") }
            return changes
        }
    }

    /// Keys are not among it: they stay until a restart.
    private static func relayer(_ old: Revision, _ new: Revision) -> [String] {
        guard let from = old.settings.relayer, let to = new.settings.relayer else { return [] }
        var lines: [String] = []
        if from.maxFeeWei != to.maxFeeWei {
            lines.append("relayer.max_fee_gwei: \(gwei(from.maxFeeWei)) → \(gwei(to.maxFeeWei))")
        }
        if from.lowBalanceWei != to.lowBalanceWei {
            let texts = [from, to].map { ConfigValue.text(scaled: $0.lowBalanceWei, decimals: 18) }
            lines.append("relayer.low_balance: \(texts[0]) → \(texts[1])")
        }
        if from.gasLimit != to.gasLimit { lines.append("relayer.gas_limit: \(from.gasLimit) → \(to.gasLimit)") }
        if from.batch != to.batch { lines.append("relayer.batch: \(from.batch) → \(to.batch)") }
        return lines
    }

    private static func upstreams(_ old: Revision, _ new: Revision) -> [String] {
        named("upstream", old.upstreams.map { ($0.name, $0) }, new.upstreams.map { ($0.name, $0) }) { from, to in
            var changes: [String] = []
            if from.url != to.url { changes.append("url \(from.url.text) → \(to.url.text)") }
            if from.host != to.host { changes.append("host changed") }
            // Values are often secrets: a change is named, never shown.
            if from.headers != to.headers { changes.append("headers changed") }
            if from.caFile != to.caFile { changes.append("ca_file changed") }
            if from.timeouts != to.timeouts { changes.append("timeouts changed") }
            if from.wantsAssertion != to.wantsAssertion {
                changes.append("assertion \(from.wantsAssertion ? "on → off" : "off → on")")
            }
            if from.keepAliveConnections != to.keepAliveConnections { changes.append("keep_alive changed") }
            return changes
        }
    }

    private static func doors(_ old: Revision, _ new: Revision) -> [String] {
        let policies = named("policy", old.policies.map { ($0.name, $0) }, new.policies.map { ($0.name, $0) }) {
            PolicyDiff.changes($0, $1)
        }
        let (former, present) = (old.customers.map { ($0.name, $0) }, new.customers.map { ($0.name, $0) })
        let customers = named("customer", former, present) { from, to in
            var changes: [String] = []
            if from.keyHashes != to.keyHashes { changes.append("api_key_sha256 changed") }
            if from.header != to.header { changes.append("header \(from.header) → \(to.header)") }
            let rates = [from, to].map { $0.rate.map(BoundText.text) ?? "any" }
            if rates[0] != rates[1] { changes.append("rate \(rates[0]) → \(rates[1])") }
            return changes
        }
        return policies + customers
    }

    private static func named<Value>(
        _ what: String, _ old: [(String, Value)], _ new: [(String, Value)], _ changes: (Value, Value) -> [String]
    ) -> [String] {
        let former = Dictionary(uniqueKeysWithValues: old)
        let names = Set(new.map(\.0))
        var lines: [String] = []
        for (name, value) in new {
            guard let before = former[name] else {
                lines.append("\(what) \(name): added")
                continue
            }
            let found = changes(before, value)
            if !found.isEmpty { lines.append("\(what) \(name): \(found.joined(separator: "; "))") }
        }
        return lines + old.filter { !names.contains($0.0) }.map { "\(what) \($0.0): removed" }
    }

    private static func settings(_ old: Revision, _ new: Revision) -> [String] {
        var lines: [String] = []
        let (from, to) = (old.settings, new.settings)
        if from.publicURL != to.publicURL { lines.append("public_url: \(from.publicURL) → \(to.publicURL)") }
        if unmatched(old) != unmatched(new) { lines.append("unmatched: \(unmatched(old)) → \(unmatched(new))") }
        if from.cors != to.cors { lines.append("cors: \(from.cors ? "on → off" : "off → on")") }
        if from.limits != to.limits { lines.append("limits: changed") }
        if from.timeouts != to.timeouts { lines.append("timeouts: changed") }
        if from.review != to.review { lines.append("review: changed") }
        if from.assertionKeys.map(\.published) != to.assertionKeys.map(\.published) {
            lines.append("assertion.key: changed")
        }
        if from.readyRequires != to.readyRequires { lines.append("ready_requires: changed") }
        return lines
    }

    private static func unmatched(_ revision: Revision) -> String {
        switch revision.settings.unmatched {
        case .deny: "deny"
        case .free(let upstream): "free, to \(revision.upstreams[upstream].name)"
        }
    }
}
