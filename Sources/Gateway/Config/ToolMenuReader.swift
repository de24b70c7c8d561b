import Ledger
import MCP

/// Reads `mcp:` of a route: what its tools and methods cost, and how that is told.
struct ToolMenuReader {
    let problems: ConfigProblems
    /// The whole entry of `routes:`.
    let route: ConfigMap

    /// One price of the menu.
    struct Sale {
        /// What is paid for, as it names the price in logs: `tools/call create_ticket`.
        let message: String
        /// Nil where it is none, which was reported.
        let price: WrittenPrice?
        /// Nil: as the route has it.
        let order: SettleOrder?
        /// Its own; nil where it says nothing.
        let description: String?
        /// Where neither it nor its route says anything.
        let defaultDescription: String
        let place: ConfigPlace
    }

    struct Menu {
        /// `.priced` numbers are places in `sales`.
        var prices: ToolPrices
        var sales: [Sale]
        var challenge: ToolMenu.ChallengeForm
        var annotation: ToolListing.Annotation
    }

    private static let longestName = ClientMessageReader.maximumNameBytes

    private var sales: [Sale] = []

    init(problems: ConfigProblems, route: ConfigMap) {
        self.problems = problems
        self.route = route
    }

    mutating func read() -> Menu? {
        checkKeysBeside()
        let path = route.below("mcp")
        guard let node = route.entry("mcp")?.value,
            let map = ConfigMap(node, path, known: KnownKeys.mcp, problems: problems)
        else { return nil }
        if !map.has("tools") && !map.has("other_tools") {
            map.missing("tools", "is missing; name the tools with what each costs, or write other_tools: free")
        }
        let tools = entries("tools", of: map).compactMap { entry, path in tool(entry, path) }
        let others = map.entry("other_tools").flatMap { entry in
            price(
                of: entry.value, map.below("other_tools"), "tools/call *",
                described: "A tool that has no price of its own")
        }
        let methods = entries("methods", of: map).compactMap { entry, path in method(entry, path) }
        let prices = ToolPrices(tools: tools, otherTools: others ?? .denied, methods: methods)
        return Menu(
            prices: prices, sales: sales, challenge: map.choice("challenge") ?? .auto,
            annotation: map.choice("annotate") ?? .meta)
    }

    /// What an ordinary route says of its one price, and this one says elsewhere or not at all.
    private func checkKeysBeside() {
        for (key, why) in [
            ("price", "each tool's price stands under mcp.tools"),
            ("free", "what costs nothing stands under mcp: other_tools: free"),
            ("bind", "a payment is bound to the call that it is for"),
            ("charge_when", "a tool that answers with an error is not charged"),
            ("mime_type", "every answer is JSON-RPC"),
        ] {
            guard let entry = route.entry(key) else { continue }
            problems.error(entry.keyPlace, route.below(key), "has no meaning on a route with mcp: \(why)")
        }
    }

    private func entries(_ key: String, of map: ConfigMap) -> [(ConfigNode.Entry, ConfigPath)] {
        guard let node = map.entry(key)?.value else { return [] }
        let path = map.below(key)
        guard case .map(let entries) = node.content, !entries.isEmpty else {
            let found = if case .map = node.content { "none" } else { node.kind }
            let example = key == "tools" ? "create_ticket: $0.02" : "resources/read: $0.001"
            problems.error(node.place, path, "expected names with what each costs, such as \(example), found \(found)")
            return []
        }
        return entries.map { ($0, .key(path, $0.key)) }
    }

    private mutating func tool(_ entry: ConfigNode.Entry, _ path: ConfigPath) -> (name: String, price: ToolPrice)? {
        let name = entry.key
        let fault: String? =
            if name.contains("*") {
                "tools are named whole, there are no wildcards; what the others cost is other_tools"
            } else if name.isEmpty || name.utf8.count > Self.longestName || name.utf8.contains(where: Self.isControl) {
                "is no tool's name: it has 1 to \(Self.longestName) bytes and no control character"
            } else {
                nil
            }
        if let fault {
            problems.error(entry.keyPlace, path, fault)
            return nil
        }
        return price(of: entry.value, path, "tools/call \(name)", described: "The tool \(name)").map { (name, $0) }
    }

    private mutating func method(_ entry: ConfigNode.Entry, _ path: ConfigPath) -> (String, ToolPrice)? {
        let name = entry.key
        let fault: String? =
            switch name {
            case "tools/call": "has its prices under tools and other_tools"
            case "initialize": "is how a client begins, before it can pay; it is free"
            default:
                if name.hasPrefix("notifications/") {
                    "has no answer that could ask for a payment; notifications are free"
                } else if name.isEmpty || name.utf8.count > Self.longestName || !ToolPrices.isPlain(name.utf8) {
                    "is no method's name, such as resources/read"
                } else {
                    nil
                }
            }
        if let fault {
            problems.error(entry.keyPlace, path, fault)
            return nil
        }
        return price(of: entry.value, path, name, described: "The method \(name)").map { (name, $0) }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    /// `free`, `deny`, a price, or a map that has one of them.
    private mutating func price(
        of node: ConfigNode, _ path: ConfigPath, _ message: String, described: String
    ) -> ToolPrice? {
        guard case .map = node.content else {
            return price(scalar: node, path) { written in
                Sale(
                    message: message, price: written, order: nil, description: nil, defaultDescription: described,
                    place: node.place)
            }
        }
        guard let map = ConfigMap(node, path, known: KnownKeys.tool, problems: problems) else { return nil }
        guard let own = map.entry("price")?.value else {
            map.missing("price", "is missing; write free, deny, or a price such as $0.02")
            return nil
        }
        let order: SettleOrder? = map.choice("settle")
        let description = map.text("description")
        let price = price(scalar: own, map.below("price")) { written in
            Sale(
                message: message, price: written, order: order, description: description,
                defaultDescription: described, place: own.place)
        }
        if price == .free || price == .denied {
            for key in ["settle", "description"] where map.has(key) {
                map.error(key, "has no meaning without a price")
            }
        }
        return price
    }

    private mutating func price(
        scalar node: ConfigNode, _ path: ConfigPath, _ sale: (WrittenPrice?) -> Sale
    ) -> ToolPrice? {
        guard case .scalar(let text, let isPlain) = node.content, !text.isEmpty, !(isPlain && ConfigNode.isNull(text))
        else {
            problems.error(node.place, path, "expected free, deny, or a price such as $0.02, found \(node.kind)")
            return nil
        }
        if text == "free" { return .free }
        if text == "deny" { return .denied }
        var written: WrittenPrice?
        do {
            written = WrittenPrice(
                price: try DollarPrice(text, freely: "where nothing is asked write free"), place: node.place, path: path
            )
        } catch {
            let shown = "\"\(ConfigNode.shortened(text))\" is no price; "
            let hint =
                NearestName.among(["free", "deny"], to: text).map { "did you mean \($0)?" }
                ?? "write free, deny, or a price such as $0.02"
            let isWord = text.first?.isLetter == true
            problems.error(node.place, path, isWord ? shown + hint : error.message)
        }
        sales.append(sale(written))
        return .priced(sales.count - 1)
    }
}
