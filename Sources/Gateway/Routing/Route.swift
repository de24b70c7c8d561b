/// One entry of `routes:`, or one price of its menu.
public final class Route: Sendable {
    /// Its place in `Revision.routes`.
    public let index: Int
    /// As written: `GET /v1/reports/*`. It names the route in logs.
    public let matchText: String
    public let pattern: RoutePattern
    /// Index in `Revision.upstreams`.
    public let upstream: Int
    public let access: Access
    /// Beside `access`, whose terms cost a copy to look at.
    let isPriced: Bool
    /// The same for `menu`.
    let hasMenu: Bool
    /// What stands before it beside the price.
    public let doors: RouteDoors
    public let place: ConfigPlace
    /// Of a price on another route's menu, which no table names; nil for an entry of `routes:`.
    public let menuPlace: MenuPlace?

    public enum Access: Sendable {
        case free
        case priced(Terms)
        /// What each message costs stands in its body.
        case tools(ToolMenu)
    }

    init(
        index: Int, pattern: RoutePattern, matchText: String, upstream: Int, access: Access,
        doors: RouteDoors = RouteDoors(), place: ConfigPlace, menuPlace: MenuPlace? = nil
    ) {
        self.index = index
        self.matchText = matchText
        self.pattern = pattern
        self.upstream = upstream
        self.access = access
        isPriced = if case .priced = access { true } else { false }
        hasMenu = if case .tools = access { true } else { false }
        self.doors = doors
        self.place = place
        self.menuPlace = menuPlace
    }

    public var terms: Terms? {
        switch access {
        case .free, .tools: nil
        case .priced(let terms): terms
        }
    }

    /// Of a route to a server of the Model Context Protocol.
    public var menu: ToolMenu? {
        if case .tools(let menu) = access { menu } else { nil }
    }

    /// As listed, GET without the HEAD that it takes along; empty for any method.
    public var methods: [String] { pattern.methods }
}

extension Route {
    static let anyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    /// The value of `Allow` (RFC 9110 §10.2.1) for this route alone.
    var allow: String {
        if methods.isEmpty { return Route.anyMethod }
        var all = methods
        if all.contains("GET") && !all.contains("HEAD") { all.append("HEAD") }
        if !all.contains("OPTIONS") { all.append("OPTIONS") }
        return all.joined(separator: ", ")
    }
}
