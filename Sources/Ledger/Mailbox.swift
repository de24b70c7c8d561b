import Glibc

/// Where loops leave work for the ledger thread: a list behind a lock, taken whole.
///
/// @unchecked: `letters` and `sleeping` are touched only between lock and unlock of `mutex`; the pthread objects are made to be
/// shared and live as long as the object.
final class Mailbox: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var letters: [Letter] = []
    private var sleeping = false
    private var isClosed = false

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        precondition(pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(condition, &attributes) == 0)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// From any thread; never blocks for longer than a list's append. False when nobody will read it any more.
    @discardableResult
    func post(_ letter: Letter) -> Bool {
        pthread_mutex_lock(mutex)
        if isClosed {
            pthread_mutex_unlock(mutex)
            return false
        }
        letters.append(letter)
        let wake = sleeping
        sleeping = false
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
        return true
    }

    /// Takes no more letters; gives those that nobody has read.
    func close() -> [Letter] {
        pthread_mutex_lock(mutex)
        isClosed = true
        let unread = letters
        letters = []
        pthread_mutex_unlock(mutex)
        return unread
    }

    /// Everything that has come, waiting for the first until `deadline` (monotonic nanoseconds; nil: for ever); empty when the
    /// deadline passed first. The memory of the given list is kept for the next letters.
    func take(_ batch: inout [Letter], until deadline: UInt64?) {
        batch.removeAll(keepingCapacity: true)
        pthread_mutex_lock(mutex)
        while letters.isEmpty {
            sleeping = true
            if let deadline {
                var time = timespec(
                    tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
                if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { break }
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
        sleeping = false
        swap(&letters, &batch)
        pthread_mutex_unlock(mutex)
    }
}

/// One request to the ledger thread.
enum Letter: Sendable {
    case admit(Admission, AdmissionToken, @Sendable (Admitted) -> Void)
    case callerGone(AdmissionToken)
    case claim(HoldName, balanceAtomic: UInt128?, @Sendable (Admitted) -> Void)
    /// A hold was released, or let go.
    case release(HoldName)
    case forwarding(Attempt, @Sendable (Forwarding) -> Void)
    case answerCharged(Attempt, @Sendable (Settlement) -> Void)
    case settle(Attempt, forwardsLater: Bool, @Sendable (Settlement) -> Void)
    case sending(Attempt, SentTransaction?, @Sendable (Sending) -> Void)
    case sendingTogether([Attempt], SentTransaction, @Sendable (BatchSending) -> Void)
    case replacing(ClaimID, SentTransaction, @Sendable (Bool) -> Void)
    case evidence(ClaimID, Evidence, @Sendable (EvidenceOutcome) -> Void)
    case watched(@Sendable ([WatchedClaim]) -> Void)
    case ended(Attempt, ExchangeEnd)
    /// A ticket was let go without an end.
    case lost(Attempt)
    case resolve(ClaimID, ClaimResolution, @Sendable (ResolveOutcome) -> Void)
    case stop
}
