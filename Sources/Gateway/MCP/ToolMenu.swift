import MCP

/// What a route to a server of the Model Context Protocol asks for: every message that is POSTed is judged by its body.
public struct ToolMenu: Sendable {
    /// How a caller without a payment that counts is told the terms.
    public enum ChallengeForm: String, Sendable, CaseIterable {
        /// A client of the protocol gets a result, any other caller a 402.
        case auto
        /// A tool's result, at HTTP status 200.
        case result
        /// HTTP status 402.
        case http
    }

    /// What `.priced` numbers is a place in `routes`.
    public let prices: ToolPrices
    /// Index in `Revision.routes` of what is sold under each number: a route with terms, which no table names.
    public let routes: [Int]
    public let challenge: ChallengeForm
    /// Where `tools/list` shows the prices.
    public let annotation: ToolListing.Annotation
    /// How it shows each, at the place of its number.
    public let labels: [ToolLabel]

    public init(
        prices: ToolPrices, routes: [Int], challenge: ChallengeForm, annotation: ToolListing.Annotation,
        labels: [ToolLabel]
    ) {
        self.prices = prices
        self.routes = routes
        self.challenge = challenge
        self.annotation = annotation
        self.labels = labels
    }
}
