import DequeModule

/// What was counted within the last `seconds` seconds, to the second: what is counted at second t leaves at t + `seconds`.
struct RollingWindow {
    private struct Bucket {
        let second: Int64
        var sum: UInt128
    }

    /// By second, ascending.
    private var buckets: Deque<Bucket> = []
    private(set) var sum: UInt128 = 0
    /// Of the first bucket, so that most windows are rolled without a look at their buckets; `max` where there is none.
    private var oldest = Int64.max
    /// How many buckets an answer about the future looks at.
    private static let bucketsForeseen = 65_536

    var isEmpty: Bool { oldest == .max }

    /// Lets go of what is not in the window any more at `now`.
    mutating func roll(to now: Int64, seconds: Int64) {
        if oldest > now - seconds { return }
        while let first = buckets.first, first.second <= now - seconds {
            sum -= first.sum
            buckets.removeFirst()
        }
        oldest = buckets.first?.second ?? .max
    }

    /// After `roll`. What is older than the window is not counted.
    mutating func add(_ amount: UInt128, at second: Int64, now: Int64, seconds: Int64) {
        guard second > now - seconds else { return }
        sum += amount
        oldest = min(oldest, second)
        guard let last = buckets.last, last.second >= second else {
            buckets.append(Bucket(second: second, sum: amount))
            return
        }
        let at = place(of: second)
        if buckets[at].second == second {
            buckets[at].sum += amount
        } else {
            buckets.insert(Bucket(second: second, sum: amount), at: at)
        }
    }

    /// After `roll`: takes away what was added for the same second before. What has left the window already changes nothing.
    mutating func giveBack(_ amount: UInt128, at second: Int64, now: Int64, seconds: Int64) {
        guard second > now - seconds else { return }
        let at = place(of: second)
        guard at < buckets.count, buckets[at].second == second, buckets[at].sum >= amount else { return }
        buckets[at].sum -= amount
        sum -= amount
        while let last = buckets.last, last.sum == 0 { buckets.removeLast() }
        if buckets.isEmpty { oldest = .max }
    }

    /// After `roll`: in how many seconds the sum is at most `rest` if nothing more is counted; 0 where it is now. Too soon, never too
    /// late, where that is very far off.
    func secondsUntil(atMost rest: UInt128, now: Int64, seconds: Int64) -> Int64 {
        var left = sum
        var wait: Int64 = 0
        for bucket in buckets.prefix(Self.bucketsForeseen) {
            if left <= rest { break }
            left -= bucket.sum
            wait = bucket.second + seconds - now
        }
        return wait
    }

    /// The first bucket of this second or a later one.
    private func place(of second: Int64) -> Int {
        var low = 0
        var high = buckets.count
        while low < high {
            let middle = (low + high) / 2
            if buckets[middle].second < second { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
