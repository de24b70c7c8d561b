import Ledger

/// Events of a rolling window, counted by fifteenths of it: never fewer than the window holds, and each for at most a fifteenth
/// longer than the window.
struct RollingCount: Sendable {
    /// Fifteen parts of the window, and the one that is beginning.
    private static let partCount: UInt64 = 16

    /// By the part's number modulo sixteen.
    private var parts = SIMD16<UInt32>()
    /// The part's number that the clock had when it was last looked at.
    private var newest: UInt64 = 0

    /// What became of an event.
    enum Taken: Equatable {
        /// Counted; how many more the window has room for.
        case counted(left: Int)
        case full(retryAfterSeconds: Int)
    }

    private static func partNanoseconds(_ windowSeconds: Int64) -> UInt64 {
        (UInt64(windowSeconds) * 1_000_000_000 + partCount - 2) / (partCount - 1)
    }

    /// Counts one more event where the bound has room for it.
    ///
    /// - Parameter now: monotonic nanoseconds; what goes back counts as standing still.
    mutating func take(_ bound: RateBound, now: UInt64) -> Taken {
        move(bound, to: now)
        let sum = Int(sum)
        guard sum < bound.count else { return .full(retryAfterSeconds: retryAfterSeconds(bound, now)) }
        parts[slot(newest)] += 1
        return .counted(left: bound.count - sum - 1)
    }

    /// Counts one more event, room or not.
    mutating func add(_ bound: RateBound, now: UInt64) {
        move(bound, to: now)
        if sum < UInt64(UInt32.max) { parts[slot(newest)] += 1 }
    }

    /// Takes back one of the latest events.
    mutating func giveBack(_ bound: RateBound, now: UInt64) {
        move(bound, to: now)
        for age in 0..<min(Self.partCount, newest + 1) where parts[slot(newest - age)] > 0 {
            parts[slot(newest - age)] -= 1
            return
        }
    }

    /// How many more events the window has room for.
    mutating func left(_ bound: RateBound, now: UInt64) -> Int {
        move(bound, to: now)
        return max(bound.count - Int(sum), 0)
    }

    private var sum: UInt64 {
        var sum: UInt64 = 0
        for at in 0..<Int(Self.partCount) { sum += UInt64(parts[at]) }
        return sum
    }

    private func slot(_ part: UInt64) -> Int { Int(part % Self.partCount) }

    /// Forgets the parts that the clock has left behind.
    private mutating func move(_ bound: RateBound, to now: UInt64) {
        let part = now / Self.partNanoseconds(bound.windowSeconds)
        guard part > newest else { return }
        if part - newest >= Self.partCount {
            parts = SIMD16()
        } else {
            for gone in newest + 1...part { parts[slot(gone)] = 0 }
        }
        newest = part
    }

    /// When enough parts will have been left behind.
    private func retryAfterSeconds(_ bound: RateBound, _ now: UInt64) -> Int {
        let length = Self.partNanoseconds(bound.windowSeconds)
        var rest = sum
        var seconds: UInt64 = 1
        for age in (0..<Self.partCount).reversed() where newest >= age {
            rest -= UInt64(parts[slot(newest - age)])
            if rest < UInt64(bound.count) {
                let frees = (newest - age + Self.partCount) * length
                seconds = (max(frees, now) - now + 999_999_999) / 1_000_000_000
                break
            }
        }
        return max(Int(seconds), 1)
    }
}
