import EventLoop
import Glibc
import Ledger
import Logging

/// Why the gateway did not start, for the operator.
public struct StartFault: Error, CustomStringConvertible {
    public let description: String
}

/// One running gateway: its loops, its ledger, its config watcher.
public final class Gateway {
    private let services: SharedServices
    private let money: MoneyLoop
    private let loops: [LoopThread]
    private let watcher: ConfigWatcher
    private let drainMilliseconds: Int

    /// Opens the ledger and the listeners of `revision` and starts every thread.
    ///
    /// - Throws: `StartFault` when a listener cannot be bound, or the ledger or the access log not be opened. A ledger that
    ///   another process holds is waited for while free routes are served.
    public init(_ revision: Revision, loader: ConfigLoader, logger: Logger) throws(StartFault) {
        let settings = revision.settings
        drainMilliseconds = settings.limits.drainMilliseconds
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        let status = GatewayStatus()
        let accessLog = try Gateway.accessLog(settings.accessLog, logger)
        var configuration = LedgerConfiguration(path: settings.ledgerPath)
        configuration.bounds = revision.policies.map(\.bounds)
        configuration.keepSeconds = settings.keepSeconds
        let opened = Handover<LedgerHealth>()
        configuration.notice = { notice in
            if case .health(let health) = notice { opened.give(health) }
            Gateway.tell(notice, to: logger)
        }
        let ledger = Ledger(configuration)
        if case .unavailable(let reason) = opened.take() {
            throw StartFault(description: "ledger: \(settings.ledgerPath): \(reason)")
        }
        let resolver = Resolver()
        let bounds = LiveBounds()
        let money = try MoneyLoop(revision, ledger: ledger, resolver: resolver, logger: logger)
        self.money = money
        let adminSecret: AdminSecret
        do throws(AdminSecretFault) {
            adminSecret = try AdminSecret(ledger: settings.ledgerPath)
        } catch {
            throw StartFault(description: "admin: \(error)")
        }
        services = SharedServices(
            ledger: ledger, money: money, reviews: ReviewDesk(ledger), adminSecret: adminSecret, resolver: resolver,
            disk: SpillDisk(), accessLog: accessLog, logger: logger, status: status, bounds: bounds,
            toolSessions: ToolSessions(), toolSchemas: ToolSchemas())
        let surveyor = ToolSurveyor(resolver: resolver, schemas: services.toolSchemas, logger: logger)
        let keys = try Gateway.assertionKeys(revision)
        let prepared = PreparedRevision(revision, live: bounds, assertionKeys: keys)
        let kept = KeptRevisions(prepared)
        loops = try Gateway.startLoops(prepared, services)
        let inboxes = loops.map(\.inbox)
        services.reviews.open(inboxes)
        watcher = ConfigWatcher(loader: loader, current: revision) { event in
            Gateway.take(event, inboxes, kept, bounds, money, surveyor, logger)
        }
        surveyor.survey(revision)
        if let trouble = watcher.start() {
            logger.warning("config files are not watched; send SIGHUP after an edit", metadata: ["cause": "\(trouble)"])
        }
    }

    private static func assertionKeys(_ revision: Revision) throws(StartFault) -> AssertionKeys? {
        do throws(FileFault) {
            return try AssertionKeys.load(
                revision.settings, revision.upstreams, replacing: nil, now: revision.loadedAt)
        } catch {
            throw StartFault(description: "assertion: \(error.reason)")
        }
    }

    private static func accessLog(_ target: AccessLogTarget, _ logger: Logger) throws(StartFault) -> AccessLog? {
        do throws(SystemFault) {
            switch target {
            case .off: return nil
            case .stdout: return try AccessLog(.stdout, logger: logger)
            case .stderr: return try AccessLog(.stderr, logger: logger)
            case .file(let path): return try AccessLog(.file(path), logger: logger)
            }
        } catch {
            throw StartFault(description: "access_log: \(error)")
        }
    }

    private static func startLoops(
        _ prepared: PreparedRevision, _ services: SharedServices
    ) throws(StartFault) -> [LoopThread] {
        let count =
            switch prepared.revision.settings.threads {
            case .auto: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            case .count(let count): count
            }
        var loops: [LoopThread] = []
        for index in 0..<count {
            loops.append(try LoopThread(number: index, prepared: prepared, services: services))
        }
        return loops
    }

    /// On the watcher's thread: a revision that loaded goes to every loop, one that did not changes nothing.
    private static func take(
        _ event: ConfigWatcher.Event, _ inboxes: [Inbox<Worker>], _ kept: KeptRevisions, _ bounds: LiveBounds,
        _ money: MoneyLoop, _ surveyor: ToolSurveyor, _ logger: Logger
    ) {
        switch event {
        case .failed(let errors):
            for problem in errors.problems { logger.error("config: \(problem)") }
            logger.error("the config was not loaded; the last good revision goes on")
        case .reloaded(let revision, let diff):
            let former = kept.newestAssertionKeys
            let keys: AssertionKeys?
            do throws(FileFault) {
                keys = try AssertionKeys.load(
                    revision.settings, revision.upstreams, replacing: former, now: revision.loadedAt)
            } catch {
                logger.error("assertions are signed as before: \(error.reason)")
                keys = former
            }
            let prepared = PreparedRevision(revision, live: bounds, assertionKeys: keys)
            kept.add(prepared)
            money.adopt(revision)
            for inbox in inboxes { inbox.post { $0.adopt(prepared) } }
            logger.notice("revision \(revision.number) is loaded")
            for change in diff.changes { logger.notice("\(change)") }
            for setting in diff.needsRestart { logger.warning("\(setting)") }
            for warning in revision.warnings { logger.warning("\(warning)") }
            surveyor.survey(revision)
        }
    }

    /// On the ledger's thread: what an operator wants to know of the money.
    private static func tell(_ notice: LedgerNotice, to logger: Logger) {
        switch notice {
        case .health(.unavailable(let reason)):
            logger.critical("the ledger takes no more payments; free routes go on", metadata: ["cause": "\(reason)"])
        case .health(let health): logger.notice("ledger: \(health)")
        case .head(let head): logger.notice("ledger head \(head)")
        case .recovered(let void, let owed, let unknown):
            logger.notice("ledger: taken up after a stop: \(void) void, \(owed) owed, \(unknown) unknown")
        }
    }

    /// Loads the config again, and begins new log files where the old ones were moved.
    public func reload() {
        services.accessLog?.reopen()
        watcher.requestReload()
    }

    /// Turns unready, lets nobody new in, and waits for the exchanges under way, at most `limits.drain`.
    ///
    /// - Returns: false when exchanges were still under way at the end of that time.
    public func drain() -> Bool {
        services.status.beginDraining()
        watcher.stop()
        for loop in loops { loop.inbox.post { $0.drain() } }
        let until = monotonicNanoseconds() + UInt64(drainMilliseconds) * 1_000_000
        // The first loop has the admin listener: it tells the load balancer of the drain until the others are done.
        var isDrained = loops.dropFirst().allSatisfy { $0.waitForEnd(untilNanoseconds: until) }
        loops[0].inbox.post { $0.othersEnded() }
        isDrained = loops[0].waitForEnd(untilNanoseconds: until) && isDrained
        money.stop()
        services.ledger.stop()
        services.accessLog?.stop()
        return isDrained
    }
}

/// Connections are descriptors: takes as many as the system lets this process have.
private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
