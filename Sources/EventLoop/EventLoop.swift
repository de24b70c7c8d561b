import CLinux
import Glibc

/// What epoll said of a descriptor.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer closed its sending side.
    public static let halfClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
    public static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
    public static let failed = Readiness(rawValue: EPOLLERR.rawValue)
}

/// Something that owns a registered descriptor. Called on the loop's thread only.
open class EventHandler {
    public init() {}
    open func ready(_ events: Readiness) { preconditionFailure("ready(_:) is abstract") }
}

/// A descriptor's place in the loop: index and generation, so that a late event never reaches a new owner.
public struct Registration: Equatable, Sendable {
    let index: UInt32
    let generation: UInt32
    var packed: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}

/// A single-threaded reactor over epoll. Everything it owns is used on the thread that calls `run()`.
///
/// Descriptors are registered once, edge-triggered for both directions; a short read means drained.
public final class EventLoop {
    private struct Slot {
        var handler: Unmanaged<EventHandler>?
        var generation: UInt32
        var nextFree: UInt32
    }

    private static let eventsPerTurn = 256
    private static let noSlot = UInt32.max
    /// One read scratch for every connection of the loop: 128 KiB.
    public static let scratchBytes = 128 * 1024

    private let epoll: Descriptor
    private var slots: UnsafeMutablePointer<Slot>
    private var slotCapacity: Int
    private var slotCount = 0
    private var firstFree = EventLoop.noSlot
    private let events: UnsafeMutablePointer<epoll_event>
    private var stopped = false
    /// Handlers that asked to be called once more, outside of the call they were in. Unchecked: no access is open during a
    /// handler's call.
    @exclusivity(unchecked)
    private var again: [EventHandler] = []
    /// Handlers deregistered in this turn: kept alive until it ends.
    private var leaving: [EventHandler] = []
    /// Whether there are any. Most turns have none, and a look at the list costs a run-time check.
    private var someLeave = false

    public let timers: TimerWheel
    /// Read scratch: its content is good until the handler that filled it returns.
    public let scratch: UnsafeMutableRawBufferPointer
    /// By pointer, because other modules pay for a run-time check of exclusive access at each look at a class's variable.
    @usableFromInline let now: UnsafeMutablePointer<UInt64>
    /// Monotonic time of this turn, in nanoseconds.
    @inlinable public var nowNanoseconds: UInt64 { now.pointee }
    /// By how much this loop's clock is ahead of the system's: 0 but where a test sees a long deadline pass.
    @exclusivity(unchecked)
    var aheadNanoseconds: UInt64 = 0
    /// Run at the end of every turn, before waiting again. Unchecked: it is copied before it is called.
    @exclusivity(unchecked)
    public var endOfTurn: (() -> Void)?

    public init() throws(SystemFault) {
        epoll = Descriptor(owning: try SystemCall.checked("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        slotCapacity = 256
        slots = .allocate(capacity: slotCapacity)
        events = .allocate(capacity: EventLoop.eventsPerTurn)
        scratch = .allocate(byteCount: EventLoop.scratchBytes, alignment: 64)
        now = .allocate(capacity: 1)
        now.initialize(to: monotonicNanoseconds())
        timers = TimerWheel(nowNanoseconds: now.pointee)
    }

    deinit {
        for index in 0..<slotCount { slots[index].handler?.release() }
        slots.deallocate()
        events.deallocate()
        scratch.deallocate()
        now.deallocate()
    }

    /// Watches `descriptor` for both directions, edge-triggered; level-triggered reading when `acceptsInBatches`.
    /// The loop keeps `handler` alive until `deregister`.
    public func register(
        _ descriptor: Int32, _ handler: EventHandler, acceptsInBatches: Bool = false
    ) throws(SystemFault) -> Registration {
        let index = takeSlot()
        let registration = Registration(index: index, generation: slots[Int(index)].generation)
        var event = epoll_event()
        event.events =
            acceptsInBatches
            ? EPOLLIN.rawValue
            : EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        event.data.u64 = registration.packed
        do {
            _ = try SystemCall.checked("epoll_ctl") { epoll_ctl(epoll.number, EPOLL_CTL_ADD, descriptor, &event) }
        } catch {
            freeSlot(index)
            throw error
        }
        slots[Int(index)].handler = .passRetained(handler)
        return registration
    }

    /// Ends a registration; the owner closes the descriptor afterwards. The handler lives to the end of the turn.
    public func deregister(_ registration: Registration) {
        let index = Int(registration.index)
        guard slots[index].generation == registration.generation, let handler = slots[index].handler else { return }
        leaving.append(handler.takeRetainedValue())
        someLeave = true
        slots[index].handler = nil
        freeSlot(registration.index)
    }

    /// Stops watching a descriptor that stays open (a listener at rest).
    public func forget(_ registration: Registration, descriptor: Int32) {
        epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor, nil)
        deregister(registration)
    }

    /// Calls `handler.ready(.readable)` later in this turn, when no other handler is using the scratch.
    public func callAgain(_ handler: EventHandler) { again.append(handler) }

    private func takeSlot() -> UInt32 {
        if firstFree != EventLoop.noSlot {
            let index = firstFree
            firstFree = slots[Int(index)].nextFree
            return index
        }
        if slotCount == slotCapacity {
            let larger = UnsafeMutablePointer<Slot>.allocate(capacity: slotCapacity * 2)
            larger.moveInitialize(from: slots, count: slotCount)
            slots.deallocate()
            slots = larger
            slotCapacity *= 2
        }
        slots.advanced(by: slotCount).initialize(to: Slot(handler: nil, generation: 1, nextFree: EventLoop.noSlot))
        slotCount += 1
        return UInt32(slotCount - 1)
    }

    private func freeSlot(_ index: UInt32) {
        slots[Int(index)].generation &+= 1
        slots[Int(index)].nextFree = firstFree
        firstFree = index
    }

    /// Ends `run()` after the turn in progress.
    public func stop() { stopped = true }

    /// Runs turns until `stop()`.
    public func run() {
        stopped = false
        while !stopped { turn() }
    }

    /// Waits for events or the next timer, then runs every handler that has something.
    public func turn() {
        let timeout = again.isEmpty ? timers.waitMilliseconds(nowNanoseconds: nowNanoseconds) : 0
        let count = epoll_wait(epoll.number, events, Int32(EventLoop.eventsPerTurn), timeout)
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed on its own descriptor")
        now.pointee = monotonicNanoseconds() &+ aheadNanoseconds
        var at = 0
        while at < Int(count) {
            let data = events[at].data.u64
            let index = Int(data & 0xFFFF_FFFF)
            let slot = slots + index
            if slot.pointee.generation == UInt32(truncatingIfNeeded: data >> 32), let handler = slot.pointee.handler {
                handler._withUnsafeGuaranteedRef { $0.ready(Readiness(rawValue: events[at].events)) }
            }
            at += 1
        }
        callThoseWhoAsked()
        timers.fireDue(nowNanoseconds: nowNanoseconds)
        endOfTurn?()
        if someLeave {
            someLeave = false
            leaving.removeAll(keepingCapacity: true)
        }
    }

    /// One call each; who asks during it waits for the next turn, so that nobody holds the loop.
    private func callThoseWhoAsked() {
        let count = again.count
        if count == 0 { return }
        for at in 0..<count {
            let handler = again[at]
            handler.ready(.readable)
        }
        again.removeFirst(count)
    }
}
