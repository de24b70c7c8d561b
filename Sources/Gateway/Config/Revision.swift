/// One loaded config: immutable, shared by every loop, swapped as a whole.
public final class Revision: Sendable {
    /// 1 for the first of a process, then counting reloads that succeeded.
    public let number: Int
    public let settings: Settings
    /// In file order, one a chain.
    public let networks: [NetworkSettings]
    /// In file order; payments name them.
    public let facilitators: [FacilitatorSettings]
    /// In file order.
    public let payments: [PaymentMethod]
    /// In file order; routes name them by index.
    public let upstreams: [UpstreamSettings]
    /// In file order; routes name them by index.
    public let policies: [PolicySettings]
    /// In file order; routes name them by index.
    public let customers: [CustomerSettings]
    /// In file order; `RouteTable` names them by index.
    public let routes: [Route]
    public let table: RouteTable
    /// Unix seconds.
    public let loadedAt: Int64
    /// Earlier revisions whose 402s may still be paid, newest first.
    public let former: [FormerRevision]
    /// Settings that differ in the files but keep their running value, one sentence each.
    public let needsRestart: [String]
    /// What `check` says beside the table of routes; none of it stops `run`.
    public let warnings: [ConfigProblem]

    /// Of the files it was read from; comparable within one process only.
    let fingerprint: Int

    init(
        number: Int, settings: Settings, networks: [NetworkSettings], facilitators: [FacilitatorSettings],
        payments: [PaymentMethod], upstreams: [UpstreamSettings], policies: [PolicySettings],
        customers: [CustomerSettings], routes: [Route], table: RouteTable, loadedAt: Int64, former: [FormerRevision],
        needsRestart: [String], warnings: [ConfigProblem],
        fingerprint: Int
    ) {
        self.number = number
        self.settings = settings
        self.networks = networks
        self.facilitators = facilitators
        self.payments = payments
        self.upstreams = upstreams
        self.policies = policies
        self.customers = customers
        self.routes = routes
        self.table = table
        self.loadedAt = loadedAt
        self.former = former
        self.needsRestart = needsRestart
        self.warnings = warnings
        self.fingerprint = fingerprint
    }

    /// What `networks:` says of a chain; nil where it says nothing.
    public func network(chainID: UInt64) -> NetworkSettings? { networks.first { $0.chainID == chainID } }

    /// The entry of `facilitators:` with this name.
    public func facilitator(named name: String) -> FacilitatorSettings? { facilitators.first { $0.name == name } }
}
