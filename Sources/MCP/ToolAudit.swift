/// What a route prices held against what its server offers, page by page of `tools/list`.
public struct ToolAudit: Sendable {
    /// A tool with what it costs.
    public struct Finding: Sendable, Hashable {
        public let name: String
        public let price: ToolPrice
    }

    private let prices: ToolPrices
    /// Every tool that the server offers, in its order, with what a call costs.
    public private(set) var offered: [Finding] = []
    /// Tools that the server offers and the route does not name, with what others cost.
    public private(set) var unnamed: [Finding] = []
    private var isOffered: [Bool]

    public init(_ prices: ToolPrices) {
        self.prices = prices
        isOffered = Array(repeating: false, count: prices.tools.count)
    }

    /// Takes one page.
    public mutating func take(_ listing: ToolListing) {
        for tool in listing.tools {
            var name = tool.name
            let (cost, place) = name.withUTF8 { text in
                let bytes = UnsafeRawBufferPointer(text)
                return (prices.price(ofTool: bytes), prices.place(ofTool: bytes))
            }
            offered.append(Finding(name: tool.name, price: cost))
            if let place {
                isOffered[place] = true
            } else {
                unnamed.append(Finding(name: tool.name, price: cost))
            }
        }
    }

    /// Tools that the route names and no page had; true only once the last page was taken.
    public var missing: [Finding] {
        zip(prices.tools, isOffered).filter { !$0.1 }.map { Finding(name: $0.0.name, price: $0.0.price) }
    }
}
