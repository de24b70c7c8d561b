import Bytes
import Chains
import JSON
import OnChain

/// What `farebox wallet check` prints of a network.
enum WalletCheckText {
    static func text(_ facts: WalletCheckFacts) -> String {
        var lines = ["\(facts.network) (chain \(facts.chainID))"]
        for node in facts.nodes {
            lines.append("  rpc      \(node.name)  " + (node.head.map { "at block \($0)" } ?? "does not answer"))
        }
        for account in facts.accounts {
            let balance = account.balanceWei.map { coins($0) } ?? "balance not known"
            lines.append("  relayer  \(account.address) (\(account.source))  \(balance), \(nonces(account))")
        }
        for transaction in facts.pending {
            lines.append(
                "  pending  \(transaction.hash.hex)  nonce \(transaction.nonce) of \(Address(transaction.relayer))")
        }
        if facts.pending.isEmpty && facts.ledgerTrouble == nil {
            lines.append("  pending  nothing, as the ledger says")
        }
        if let base = facts.baseFeeWei, let priority = facts.priorityFeeWei {
            lines.append(
                "  fees     base \(gwei(base)) gwei, tip \(gwei(priority)) gwei, at most \(gwei(facts.maxFeeWei)) gwei")
        }
        if let cost = facts.settlementCostWei {
            lines.append("  cost     one settlement: about \(coins(cost))" + comparison(facts))
        }
        for payment in facts.payments {
            let token =
                switch payment.check {
                case .match: "as configured"
                case .mismatch: "NOT as configured"
                case .unreachable: "not read"
                }
            lines.append(
                "  payment  \(payment.name): \(payment.asset) \(payment.token) \(token), paid to \(payment.payee)"
                    + (payment.payeeHasCode == true ? " (a contract)" : ""))
        }
        lines += facts.problems.map { "  PROBLEM  \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func comparison(_ facts: WalletCheckFacts) -> String {
        guard let dollars = facts.breakEvenDollars, let cheapest = facts.cheapest else { return "" }
        return "; the cheapest price, \(cheapest.text), covers it while a coin is worth less than $\(dollars)"
    }

    private static func nonces(_ account: WalletCheckFacts.Account) -> String {
        guard let mined = account.minedNonce, let pending = account.pendingNonce else { return "nonce not known" }
        return pending > mined ? "next nonce \(pending), \(pending - mined) waiting to be mined" : "next nonce \(mined)"
    }

    /// One object, for programs. Amounts in wei are decimal strings, since they pass what JSON's readers hold.
    static func write(_ facts: WalletCheckFacts, with json: inout JSONWriter, to out: inout ByteBuffer) {
        func member(_ key: StaticString, _ value: (some CustomStringConvertible)?) {
            json.key(key, &out)
            if let value { json.string(value.description, &out) } else { json.null(&out) }
        }
        func list<Element>(_ key: StaticString, _ elements: [Element], _ body: (Element) -> Void) {
            json.key(key, &out)
            json.beginArray(&out)
            for element in elements {
                json.beginObject(&out)
                body(element)
                json.endObject(&out)
            }
            json.endArray(&out)
        }
        json.beginObject(&out)
        member("network", facts.network)
        member("chain_id", facts.chainID)
        list("rpc", facts.nodes) {
            member("url", $0.name)
            member("head", $0.head)
            member("trouble", $0.trouble)
        }
        list("relayers", facts.accounts) {
            member("address", $0.address)
            member("balance_wei", $0.balanceWei)
            member("nonce", $0.minedNonce)
            member("pending_nonce", $0.pendingNonce)
        }
        list("pending", facts.pending) {
            member("transaction", $0.hash.hex)
            member("nonce", $0.nonce)
            member("relayer", Address($0.relayer))
        }
        member("base_fee_wei", facts.baseFeeWei)
        member("priority_fee_wei", facts.priorityFeeWei)
        member("max_fee_wei", facts.maxFeeWei)
        member("settlement_cost_wei", facts.settlementCostWei)
        member("cheapest_price", facts.cheapest?.text)
        member("break_even_dollars_a_coin", facts.breakEvenDollars)
        list("payments", facts.payments) {
            member("name", $0.name)
            member("token", $0.token)
            json.key("token_is_sound", &out)
            json.bool($0.check == .match, &out)
            member("pay_to", $0.payee)
            json.key("pay_to_has_code", &out)
            if let hasCode = $0.payeeHasCode { json.bool(hasCode, &out) } else { json.null(&out) }
        }
        json.key("problems", &out)
        json.beginArray(&out)
        for problem in facts.problems { json.string(problem, &out) }
        json.endArray(&out)
        json.endObject(&out)
    }

    /// Wei in gwei, without zeros at the end.
    static func gwei(_ wei: UInt128) -> String { decimal(wei, places: 9) }

    /// Wei in the chain's coin, without zeros at the end.
    static func coins(_ wei: UInt128) -> String { "\(decimal(wei, places: 18)) coins" }

    private static func decimal(_ value: UInt128, places: Int) -> String {
        let digits = String(value)
        let padded = String(repeating: "0", count: max(places + 1 - digits.count, 0)) + digits
        var fraction = padded.suffix(places)
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return padded.dropLast(places) + (fraction.isEmpty ? "" : ".\(fraction)")
    }
}
