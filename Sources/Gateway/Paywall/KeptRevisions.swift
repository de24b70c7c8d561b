import Synchronization

/// Every revision that a loop may still look at. Held here too, so that none is freed on a loop, which would stand still for
/// the milliseconds that ten thousand routes take.
final class KeptRevisions: Sendable {
    private let all: Mutex<[PreparedRevision]>

    init(_ first: PreparedRevision) { all = Mutex([first]) }

    var count: Int { all.withLock { $0.count } }

    /// With which the newest signs.
    var newestAssertionKeys: AssertionKeys? { all.withLock { $0.last?.assertionKeys } }

    /// Adds the newest, and frees those that nobody else has any more, on the calling thread.
    func add(_ newest: PreparedRevision) {
        all.withLock { all in
            var at = 0
            while at < all.count {
                if isKnownUniquelyReferenced(&all[at]) { all.remove(at: at) } else { at += 1 }
            }
            all.append(newest)
        }
    }
}
