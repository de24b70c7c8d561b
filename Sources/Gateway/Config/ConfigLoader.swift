import Glibc

/// Reads `DIR/*.yaml` in name order into one `Revision`, or says everything that is wrong with it.
public struct ConfigLoader: Sendable {
    public enum Purpose: Sendable {
        /// A secret that is missing here is a warning.
        case check
        /// A secret that is missing here is an error.
        case run
    }

    public var directory: String
    public var purpose: Purpose
    /// Reads one environment variable; nil where it is not set.
    public var environment: @Sendable (String) -> String?

    /// - Parameter environment: nil reads the process's own.
    public init(directory: String, purpose: Purpose, environment: (@Sendable (String) -> String?)? = nil) {
        self.directory = directory
        self.purpose = purpose
        self.environment = environment ?? { name in getenv(name).map { String(cString: $0) } }
    }

    /// - Parameters:
    ///   - number: the number that the revision gets.
    ///   - now: Unix seconds.
    ///   - former: the running revision; its terms stay honoured for their `maxTimeoutSeconds`, and what cannot change
    ///     live keeps its value.
    public func load(number: Int = 1, now: Int64, former: Revision? = nil) -> Result<Revision, ConfigErrors> {
        load(ConfigSource(directory: directory), number: number, now: now, former: former)
    }

    func load(_ source: ConfigSource, number: Int, now: Int64, former: Revision?) -> Result<Revision, ConfigErrors> {
        let problems = ConfigProblems()
        problems.add(source)
        var files: [ConfigNode] = []
        for file in source.files {
            problems.register(file: file.path)
            if let node = ConfigYAML(file, problems: problems).read() { files.append(node) }
        }
        let merged = MergedConfig(files, problems: problems)
        let root = ConfigPlace(file: directory, line: 0, column: 0)
        let parts = read(merged, root, former?.settings, problems)
        let found = problems.sorted
        guard found.problems.isEmpty else { return .failure(found) }
        var settings = parts.settings
        let needsRestart = former.map { settings.keepRunning($0.settings) } ?? []
        return .success(
            Revision(
                number: number, settings: settings, networks: parts.networks, facilitators: parts.facilitators,
                payments: parts.payments, upstreams: parts.upstreams, policies: parts.policies,
                customers: parts.customers, routes: parts.routes,
                table: parts.table, loadedAt: now, former: FormerRevision.chain(before: former, now: now),
                needsRestart: needsRestart, warnings: found.warnings, fingerprint: source.fingerprint))
    }

    private struct Parts {
        var settings: Settings
        var networks: [NetworkSettings]
        var facilitators: [FacilitatorSettings]
        var payments: [PaymentMethod]
        var upstreams: [UpstreamSettings]
        var policies: [PolicySettings]
        var customers: [CustomerSettings]
        var routes: [Route]
        var table: RouteTable
    }

    private func read(
        _ merged: MergedConfig, _ root: ConfigPlace, _ running: Settings?, _ problems: ConfigProblems
    ) -> Parts {
        let reader = SettingsReader(problems: problems, root: root)
        let top = ConfigMap(merged.settings, root, .root, known: KnownKeys.top, problems: problems)
        let limits = reader.limits(merged.limits)
        let timeouts = reader.timeouts(merged.timeouts)
        let networks = NetworksReader(problems: problems, loader: self).read(merged.networks)
        let relayer = RelayerReader(problems: problems, loader: self).read(merged.relayer)
        let facilitators = FacilitatorsReader(problems: problems, loader: self).read(merged.facilitators)
        let settlement = SettlementReader(
            problems: problems, networks: networks,
            facilitators: Declared(merged.facilitators, facilitators.map(\.name)), relayer: relayer, running: running)
        let payments = PaymentsReader(problems: problems, settlement: settlement).read(merged.payments)
        let upstreams = UpstreamsReader(
            problems: problems, loader: self, defaults: timeouts,
            keepAliveConnections: limits.upstreamKeepAliveConnections
        ).read(merged.upstreams)
        let declaredPayments = Declared(merged.payments, payments.map(\.name))
        let declaredUpstreams = Declared(merged.upstreams, upstreams.map(\.name))
        let policies = PoliciesReader(problems: problems).read(merged.policies)
        let customers = CustomersReader(problems: problems).read(merged.customers)
        let doors = RouteDoorsReader(
            problems: problems, policies: policies, declaredPolicies: Declared(merged.policies, policies.map(\.name)),
            customers: Declared(merged.customers, customers.map(\.name)))
        var routesReader = RoutesReader(
            problems: problems,
            terms: TermsReader(problems: problems, payments: payments, declaredPayments: declaredPayments),
            upstreams: upstreams, declaredUpstreams: declaredUpstreams, doors: doors)
        let (routes, table) = routesReader.read(merged.routes)
        if merged.routes.isEmpty {
            problems.warning(root, .key(.root, "routes"), "there are no routes; every path is unmatched")
        }
        let listen = reader.listeners(top)
        reader.checkLoops(upstreams, listen)
        let settings = Settings(
            listen: listen, admin: reader.admin(top, listen: listen),
            publicURL: reader.publicURL(top, listen: listen, hasPriced: routesReader.hasPriced),
            threads: reader.threads(top),
            ledgerPath: top.text("ledger", expected: "the path of a file") ?? "./farebox.db",
            keepSeconds: Int64(
                (top.milliseconds("keep", in: 86_400_000...3650 * 86_400_000) ?? 400 * 86_400_000) / 1_000),
            accessLog: reader.accessLog(top),
            unmatched: reader.unmatched(top, declaredUpstreams), cors: top.flag("cors") ?? false, limits: limits,
            timeouts: timeouts,
            readyRequires: reader.readyRequires(top, declaredPayments), review: reader.review(merged.review),
            assertionKeys: AssertionReader(problems: problems, loader: self).read(top),
            isAssertionConfigured: top.has("assertion"), relayer: relayer)
        reader.checkReviewer(settings.admin, policies)
        return Parts(
            settings: settings, networks: networks.settings, facilitators: facilitators, payments: payments,
            upstreams: upstreams, policies: policies, customers: customers, routes: routes, table: table)
    }

    /// A file of authorities that cannot be read, or that no https reads.
    func checkAuthorities(_ map: ConfigMap, _ path: String, _ isTLS: Bool) {
        if !isTLS { map.error("ca_file", "has no meaning for plain http; it is for https") }
        guard case .failure(let fault) = FileReader.read(path, limit: 4 << 20) else { return }
        reportSecret(map, "ca_file", "\(path): \(fault.reason)")
    }

    /// A secret that cannot be had: `run` must not start without it, `check` may run where it is not.
    func reportSecret(_ map: ConfigMap, _ key: String, _ message: String) {
        switch purpose {
        case .check: map.warning(key, "\(message); run needs it")
        case .run: map.error(key, message)
        }
    }
}
