import Bytes

/// Keys in the order of their last use; every change costs the same, however many there are.
struct RecencyList: Sendable {
    private struct Links: Sendable {
        var older: Bytes32?
        var newer: Bytes32?
    }

    private var links: [Bytes32: Links] = [:]
    private var newest: Bytes32?
    /// The one longest unused.
    private(set) var oldest: Bytes32?

    /// The key becomes the newest.
    mutating func use(_ key: Bytes32) {
        if newest == key { return }
        remove(key)
        links[key] = Links(older: newest, newer: nil)
        if let newest { links[newest]!.newer = key } else { oldest = key }
        newest = key
    }

    mutating func remove(_ key: Bytes32) {
        guard let gone = links.removeValue(forKey: key) else { return }
        if let older = gone.older { links[older]!.newer = gone.newer } else { oldest = gone.newer }
        if let newer = gone.newer { links[newer]!.older = gone.older } else { newest = gone.older }
    }
}
