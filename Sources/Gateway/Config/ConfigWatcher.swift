import CLinux
import Glibc
import Synchronization

/// Watches a config directory and loads it again, on a thread of its own.
///
/// Reloads are all or nothing: a load that fails keeps the last good revision and reports every error once.
public final class ConfigWatcher: Sendable {
    public enum Event: Sendable {
        case reloaded(Revision, RevisionDiff)
        /// The running revision stays.
        case failed(ConfigErrors)
    }

    private struct State {
        var current: Revision
        /// Of the files as last read, so that the same ones are not loaded, or reported, twice.
        var fingerprint: Int
        var isRequested = false
        var isStopping = false
        var thread: pthread_t?
    }

    /// Files count as settled when nothing has happened to them for this long.
    private static let settleMilliseconds: Int64 = 200
    /// A directory that never settles is loaded all the same after this long.
    private static let patienceMilliseconds: Int64 = 5_000
    /// How often the directory is looked for, in case another was put in its place.
    private static let identityMilliseconds: Int32 = 2_000

    private let loader: ConfigLoader
    private let handler: @Sendable (Event) -> Void
    private let now: @Sendable () -> Int64
    private let state: Mutex<State>
    /// An eventfd; the thread waits on it beside inotify.
    private let wake: Int32

    /// - Parameters:
    ///   - now: Unix seconds.
    ///   - handler: called on the watcher's thread.
    public init(
        loader: ConfigLoader, current: Revision, now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) },
        handler: @escaping @Sendable (Event) -> Void
    ) {
        self.loader = loader
        self.handler = handler
        self.now = now
        state = Mutex(State(current: current, fingerprint: current.fingerprint))
        wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    }

    deinit { if wake >= 0 { close(wake) } }

    /// Starts the thread. Nil, or why files are not watched; then `requestReload` still works.
    public func start() -> String? {
        let watch = DirectoryWatch(loader.directory)
        let box = Unmanaged.passRetained(Start(watcher: self, watch: watch))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { raw in
                let start = Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
                start.watcher.run(start.watch)
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            return "cannot start the config thread: \(String(cString: strerror(code)))"
        }
        state.withLock { $0.thread = thread }
        return watch.fault.map { "cannot watch \(loader.directory) (\($0)); send SIGHUP after an edit" }
    }

    private final class Start: Sendable {
        let watcher: ConfigWatcher
        let watch: DirectoryWatch

        init(watcher: ConfigWatcher, watch: DirectoryWatch) {
            self.watcher = watcher
            self.watch = watch
        }
    }

    /// Loads again now, as SIGHUP asks. Safe from any thread.
    public func requestReload() {
        state.withLock { $0.isRequested = true }
        signal()
    }

    /// Ends the thread and waits for it.
    public func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            defer { state.thread = nil }
            return state.thread
        }
        signal()
        if let thread, pthread_equal(thread, pthread_self()) == 0 { pthread_join(thread, nil) }
    }

    private func signal() { _ = eventfd_write(wake, 1) }

    private func run(_ watch: DirectoryWatch) {
        var firstChange: Int64?
        var lastChange: Int64 = 0
        // What changed between the first load and the watch.
        reload(isForced: false)
        while true {
            let wait = firstChange == nil ? Self.identityMilliseconds : Int32(Self.settleMilliseconds)
            let (isChanged, isTouched) = watch.wait(beside: wake, milliseconds: wait)
            var count: eventfd_t = 0
            _ = eventfd_read(wake, &count)
            let (isStopping, isRequested) = state.withLock { state in
                defer { state.isRequested = false }
                return (state.isStopping, state.isRequested)
            }
            if isStopping { return }
            let time = Self.monotonicMilliseconds()
            if isChanged && firstChange == nil { firstChange = time }
            if isChanged || isTouched { lastChange = time }
            if isRequested {
                reload(isForced: true)
                firstChange = nil
            } else if let first = firstChange,
                time - lastChange >= Self.settleMilliseconds || time - first >= Self.patienceMilliseconds
            {
                reload(isForced: false)
                firstChange = nil
            }
        }
    }

    /// - Parameter isForced: loads and reports even files that were read before, whose secrets may have changed.
    func reload(isForced: Bool) {
        let source = ConfigSource(directory: loader.directory)
        let (current, isKnown) = state.withLock { state in
            defer { state.fingerprint = source.fingerprint }
            return (state.current, state.fingerprint == source.fingerprint)
        }
        if isKnown && !isForced { return }
        switch loader.load(source, number: current.number + 1, now: now(), former: current) {
        case .success(let revision):
            state.withLock { $0.current = revision }
            handler(.reloaded(revision, RevisionDiff(from: current, to: revision)))
        case .failure(let errors): handler(.failed(errors))
        }
    }

    private static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
