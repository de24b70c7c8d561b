import CLinux
import Glibc

/// One thread that runs what is posted to it, in order: the place for what would block a loop (names, disks).
public final class WorkerThread: Sendable {
    private let queue: WorkQueue

    /// `name` shows in `top -H` and is cut at 15 bytes. The thread takes no signals.
    public init(name: String) {
        queue = WorkQueue(name: name)
        queue.start()
    }

    /// What is still queued is run by the thread, which then ends by itself.
    deinit { queue.close() }

    /// Any thread may call it; false, and nothing happens, after `stop`.
    @discardableResult public func post(_ work: @escaping @Sendable () -> Void) -> Bool { queue.post(work) }

    /// Runs what is queued, then ends the thread and waits for that; not to be called on the thread itself.
    public func stop() {
        queue.close()
        queue.waitForEnd()
    }
}

/// `@unchecked Sendable`: every variable is read and written under `mutex` alone.
private final class WorkQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let name: String
    private var waiting: [@Sendable () -> Void] = []
    private var closed = false
    private var ended = false

    init(name: String) {
        self.name = name
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// The thread holds the queue until it ends.
    func start() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { raw in
                let queue = Unmanaged<WorkQueue>.fromOpaque(raw!).takeRetainedValue()
                queue.run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard result == 0 else { fatalError("cannot start thread \(name): \(String(cString: strerror(result)))") }
        pthread_detach(thread)
    }

    func post(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if closed { return false }
        waiting.append(work)
        pthread_cond_broadcast(changed)
        return true
    }

    func close() {
        pthread_mutex_lock(mutex)
        closed = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    func waitForEnd() {
        pthread_mutex_lock(mutex)
        while !ended { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
    }

    private func run() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
        farebox_name_thread(String(name.prefix(15)))
        var batch: [@Sendable () -> Void] = []
        while true {
            pthread_mutex_lock(mutex)
            while waiting.isEmpty && !closed { pthread_cond_wait(changed, mutex) }
            swap(&batch, &waiting)
            if batch.isEmpty { break }
            pthread_mutex_unlock(mutex)
            for work in batch { work() }
            batch.removeAll(keepingCapacity: true)
        }
        ended = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
