/// What a price of a menu is for: such a price is a route of its own, which no table names.
public struct MenuPlace: Sendable, Hashable {
    /// Index in `Revision.routes` of the route that has the menu.
    public let menu: Int
    /// `tools/call create_ticket`; `tools/call *` for every tool that the menu does not name; `resources/read`.
    public let message: String
}
