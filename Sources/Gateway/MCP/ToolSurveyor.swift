import EventLoop
import Logging
import Synchronization

/// Asks the servers behind menus for their tools beside serving, and warns of what does not fit.
final class ToolSurveyor: Sendable {
    private struct State {
        /// Made when there is something to ask.
        var thread: WorkerThread?
        /// The newest revision; what an older one wants to know is of no use any more.
        var revision = 0
    }

    private let resolver: Resolver
    private let schemas: ToolSchemas
    private let logger: Logger
    private let state = Mutex(State())

    init(resolver: Resolver, schemas: ToolSchemas, logger: Logger) {
        self.resolver = resolver
        self.schemas = schemas
        self.logger = logger
    }

    /// Returns at once; from any thread.
    func survey(_ revision: Revision) {
        let hasMenus = revision.routes.contains(where: \.hasMenu)
        let thread = state.withLock { state in
            state.revision = revision.number
            if hasMenus && state.thread == nil { state.thread = WorkerThread(name: "tools") }
            return hasMenus ? state.thread : nil
        }
        thread?.post { [self] in ask(revision) }
    }

    private func ask(_ revision: Revision) {
        guard isNewest(revision) else { return }
        do throws(SystemFault) {
            let findings = try ToolSurveyRound.findings(in: revision, resolver: resolver, schemas: schemas)
            guard isNewest(revision) else { return }
            for warning in ToolSurveyText.warnings(findings, revision) { logger.warning("\(warning)") }
        } catch {
            logger.warning("the servers of tools are not asked for them: \(error)")
        }
    }

    private func isNewest(_ revision: Revision) -> Bool { state.withLock { $0.revision == revision.number } }
}
