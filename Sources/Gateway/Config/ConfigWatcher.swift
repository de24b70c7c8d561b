/// Watches a config directory and loads it again, on a thread of its own.
///
/// Reloads are all or nothing: a load that fails keeps the last good revision and reports every error once.
public final class ConfigWatcher: Sendable {
    public enum Event: Sendable {
        case reloaded(Revision, RevisionDiff)
        /// The running revision stays.
        case failed(ConfigErrors)
    }

    /// - Parameter handler: called on the watcher's thread.
    public init(loader: ConfigLoader, current: Revision, handler: @escaping @Sendable (Event) -> Void) {}

    /// Starts the thread; without inotify only `requestReload` works, and the text says why.
    public func start() -> String? { nil }

    /// Loads again now, as SIGHUP asks. Safe from any thread.
    public func requestReload() {}

    /// Ends the thread and waits for it.
    public func stop() {}
}
