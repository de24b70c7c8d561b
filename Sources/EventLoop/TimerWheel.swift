/// Told when a timer's deadline has passed, on the loop's thread.
public protocol TimerTarget: AnyObject {
    func timerFired(_ timer: Timer)
}

/// One deadline, embedded in its owner and re-armed for free: moving a deadline later only stores a number, and the
/// wheel looks again when the earlier time comes.
public final class Timer {
    /// Strong: an owner may go after its loop.
    fileprivate let wheel: TimerWheel
    /// The owner; it outlives the timer's last arming or cancels it.
    public unowned var target: (any TimerTarget)?
    /// Monotonic nanoseconds; `.max` when not armed.
    public fileprivate(set) var deadlineNanoseconds = UInt64.max
    fileprivate var linkedTick = UInt64.max
    fileprivate unowned(unsafe) var previous: Timer?
    fileprivate var next: Timer?

    public init(_ wheel: TimerWheel) { self.wheel = wheel }

    public var isArmed: Bool { deadlineNanoseconds != .max }

    /// Fires once at or after `nanoseconds` (monotonic), within a tick of the wheel.
    @inline(__always)
    public func arm(atNanoseconds nanoseconds: UInt64) {
        deadlineNanoseconds = nanoseconds
        if linkedTick > TimerWheel.tick(nanoseconds) { wheel.place(self) }
    }

    /// Never fires until armed again.
    @inline(__always)
    public func cancel() { deadlineNanoseconds = .max }

    /// Takes the timer out of the wheel for good, before its owner goes.
    public func unlink() {
        deadlineNanoseconds = .max
        if linkedTick != .max { wheel.remove(self) }
    }
}

/// A hashed timing wheel: 4096 places of 8 ms; farther deadlines wait at the rim and are placed again.
public final class TimerWheel {
    private static let places = 4096
    private static let tickShift: UInt64 = 23

    private var heads: [Timer?]
    private var occupied: [UInt64]
    private var currentTick: UInt64
    /// Looked at before their time; kept for its memory.
    private var aside: [Timer] = []
    /// No occupied place is earlier than this; `.max` when the wheel is empty.
    private var earliestTick = UInt64.max

    init(nowNanoseconds: UInt64) {
        heads = Array(repeating: nil, count: TimerWheel.places)
        occupied = Array(repeating: 0, count: TimerWheel.places / 64)
        currentTick = TimerWheel.tick(nowNanoseconds)
    }

    /// The first tick at which a deadline is over: a timer is never early.
    @inline(__always)
    static func tick(_ nanoseconds: UInt64) -> UInt64 { (nanoseconds >> tickShift) &+ 1 }

    fileprivate func place(_ timer: Timer) {
        if timer.linkedTick != .max { remove(timer) }
        let wanted = max(TimerWheel.tick(timer.deadlineNanoseconds), currentTick + 1)
        let tick = min(wanted, currentTick + UInt64(TimerWheel.places) - 1)
        let at = Int(tick) & (TimerWheel.places - 1)
        timer.linkedTick = tick
        timer.next = heads[at]
        timer.next?.previous = timer
        timer.previous = nil
        heads[at] = timer
        occupied[at >> 6] |= 1 << UInt64(at & 63)
        earliestTick = min(earliestTick, tick)
    }

    fileprivate func remove(_ timer: Timer) {
        let at = Int(timer.linkedTick) & (TimerWheel.places - 1)
        let next = timer.next
        next?.previous = timer.previous
        if let previous = timer.previous { previous.next = next } else { heads[at] = next }
        if heads[at] == nil { occupied[at >> 6] &= ~(1 << UInt64(at & 63)) }
        timer.next = nil
        timer.previous = nil
        timer.linkedTick = .max
    }

    /// How long `epoll_wait` may sleep: -1 for ever, 0 when something is due.
    func waitMilliseconds(nowNanoseconds: UInt64) -> Int32 {
        if earliestTick == .max { return -1 }
        let due = earliestTick << TimerWheel.tickShift
        if due <= nowNanoseconds { return 0 }
        return Int32(min((due - nowNanoseconds + 999_999) / 1_000_000, 60_000))
    }

    /// Fires every timer whose deadline is over and places again those that were moved later.
    func fireDue(nowNanoseconds: UInt64) {
        let nowTick = nowNanoseconds >> TimerWheel.tickShift
        if nowTick < earliestTick {
            currentTick = max(currentTick, nowTick)
            return
        }
        var tick = earliestTick
        // A stall longer than one turn of the wheel visits every place once.
        let last = min(nowTick, tick + UInt64(TimerWheel.places) - 1)
        currentTick = max(currentTick, nowTick)
        while tick <= last {
            drain(place: Int(tick) & (TimerWheel.places - 1), nowNanoseconds: nowNanoseconds)
            tick += 1
        }
        earliestTick = nextOccupiedTick()
    }

    private func drain(place: Int, nowNanoseconds: UInt64) {
        while let timer = heads[place] {
            remove(timer)
            if timer.deadlineNanoseconds == .max { continue }
            if timer.deadlineNanoseconds <= nowNanoseconds {
                timer.deadlineNanoseconds = .max
                timer.target?.timerFired(timer)
            } else {
                aside.append(timer)
            }
        }
        // Only now: placed at the rim while the place is swept, a timer would come round again without end. One that a
        // callback has armed or unlinked meanwhile is in its place already, or in none.
        for timer in aside where timer.linkedTick == .max && timer.deadlineNanoseconds != .max { self.place(timer) }
        aside.removeAll(keepingCapacity: true)
    }

    private func nextOccupiedTick() -> UInt64 {
        let words = TimerWheel.places / 64
        let start = Int(currentTick + 1) & (TimerWheel.places - 1)
        for step in 0...words {
            let word = ((start >> 6) + step) % words
            var bits = occupied[word]
            if step == 0 { bits &= ~0 << UInt64(start & 63) }
            if step == words { bits &= (1 << UInt64(start & 63)) - 1 }
            if bits != 0 {
                let at = word * 64 + bits.trailingZeroBitCount
                let distance = (at - start + TimerWheel.places) % TimerWheel.places
                return currentTick + 1 + UInt64(distance)
            }
        }
        return .max
    }
}
