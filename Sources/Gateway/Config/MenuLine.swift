import MCP

/// One line of a menu, as `check` and `explain` show it and a reload compares it.
struct MenuLine {
    enum Subject: Hashable {
        case tool(String)
        case otherTools
        case method(String)
    }

    let subject: Subject
    let price: ToolPrice

    /// `create_ticket`, `other tools`, `method resources/read`.
    var name: String {
        switch subject {
        case .tool(let name): name
        case .otherTools: "other tools"
        case .method(let name): "method \(name)"
        }
    }

    /// As `MenuPlace.message` names it where it has a price.
    var message: String {
        switch subject {
        case .tool(let name): "tools/call \(name)"
        case .otherTools: "tools/call *"
        case .method(let name): name
        }
    }
}

extension ToolMenu {
    /// How its price is shown where it has to be one word.
    static let priceText = "by tool"

    /// Tools, the others, methods, each as listed.
    var lines: [MenuLine] {
        prices.tools.map { MenuLine(subject: .tool($0.name), price: $0.price) }
            + [MenuLine(subject: .otherTools, price: prices.otherTools)]
            + prices.methods.map { MenuLine(subject: .method($0.name), price: $0.price) }
    }

    /// What a subject costs, listed or not.
    func price(of subject: MenuLine.Subject) -> ToolPrice {
        switch subject {
        case .tool(let name): Array(name.utf8).withUnsafeBytes { prices.price(ofTool: $0) }
        case .otherTools: prices.otherTools
        case .method(let name): Array(name.utf8).withUnsafeBytes { prices.price(ofMethod: $0) }
        }
    }

    /// The route of a price; nil for what has none.
    func route(of price: ToolPrice, in routes: [Route]) -> Route? {
        guard case .priced(let number) = price else { return nil }
        return routes[self.routes[number]]
    }

    /// `free`, `denied`, `$0.02`.
    func text(of price: ToolPrice, in routes: [Route]) -> String {
        switch price {
        case .free: "free"
        case .denied: "denied"
        case .priced: route(of: price, in: routes)?.terms?.priceText ?? ""
        }
    }
}
