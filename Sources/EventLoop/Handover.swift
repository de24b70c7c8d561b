import Glibc

/// One value from one thread to another that waits for it.
///
/// `@unchecked Sendable`: `value` is touched only under `mutex`.
public final class Handover<Value: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value?

    public init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Gives the value; the first one counts.
    public func give(_ value: Value) {
        pthread_mutex_lock(mutex)
        if self.value == nil { self.value = value }
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until there is a value.
    public func take() -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value { return value }
            pthread_cond_wait(changed, mutex)
        }
    }

    /// Waits until there is a value, or until `untilNanoseconds` (monotonic); nil when none came in time.
    public func take(untilNanoseconds: UInt64) -> Value? {
        var time = timespec(
            tv_sec: Int(untilNanoseconds / 1_000_000_000), tv_nsec: Int(untilNanoseconds % 1_000_000_000))
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while value == nil {
            if pthread_cond_timedwait(changed, mutex, &time) == ETIMEDOUT { break }
        }
        return value
    }
}
