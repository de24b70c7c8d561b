import CLinux
import Glibc
import Testing

@testable import EventLoop

/// Notes its events and does what the test asks.
private class Noting: EventHandler {
    var events: [Readiness] = []
    var depth = 0
    var deepest = 0
    var whenReady: ((Readiness) -> Void)?

    override func ready(_ events: Readiness) {
        depth += 1
        deepest = max(deepest, depth)
        self.events.append(events)
        whenReady?(events)
        depth -= 1
    }
}

private func say(_ text: String, _ descriptor: Int32) {
    #expect(write(descriptor, text, text.utf8.count) == text.utf8.count)
}

@Suite struct EventLoopTests {
    private let loop: EventLoop
    /// No turn of these tests waits for ever.
    private let watch: Guard

    init() throws {
        loop = try EventLoop()
        watch = Guard(loop)
    }

    @Test func tellsOfBothDirectionsAndOfTheEnd() throws {
        let (ours, theirs) = socketPair()
        let handler = Noting()
        let registration = try loop.register(ours.number, handler)
        loop.turn()
        #expect(handler.events == [.writable])
        say("x", theirs.number)
        loop.turn()
        #expect(handler.events.last == [.readable, .writable])
        shutdown(theirs.number, Int32(SHUT_WR))
        loop.turn()
        #expect(handler.events.last?.contains(.halfClosed) == true)
        #expect(handler.events.count == 3)
        loop.deregister(registration)
    }

    /// Two events are in hand; whoever comes first ends the other and gives its place away.
    @Test func aLateEventNeverReachesTheNewOwnerOfAPlace() throws {
        let pairs = [socketPair(), socketPair(), socketPair()]
        let handlers = [Noting(), Noting()]
        let late = Noting()
        var registrations = try (0..<2).map { try loop.register(pairs[$0].0.number, handlers[$0]) }
        loop.turn()
        #expect(handlers.map(\.events.count) == [1, 1])
        for at in 0..<2 {
            handlers[at].whenReady = { [loop] _ in
                let other = 1 - at
                loop.deregister(registrations[other])
                let reused = try? loop.register(pairs[2].0.number, late)
                #expect(reused?.index == registrations[other].index)
                #expect(reused != registrations[other])
                // The former owner's name reaches nobody.
                loop.deregister(registrations[other])
                registrations[other] = reused!
            }
            say("x", pairs[at].1.number)
        }
        loop.turn()
        #expect(handlers.map(\.events.count).reduce(0, +) == 3)
        #expect(late.events.isEmpty)
        for handler in handlers { handler.whenReady = nil }
        loop.turn()
        #expect(late.events == [.writable])
    }

    @Test func whoDeregistersWithinItsCallLivesToTheEndOfTheTurn() throws {
        final class Leaving: EventHandler {
            var registration: Registration?
            let leave: (Leaving) -> Void
            let gone: () -> Void
            var calls = 0

            init(_ leave: @escaping (Leaving) -> Void, gone: @escaping () -> Void) {
                self.leave = leave
                self.gone = gone
            }

            deinit { gone() }

            override func ready(_ events: Readiness) {
                leave(self)
                calls += 1
            }
        }
        var (ours, _) = socketPair()
        var isGone = false
        do {
            let handler = Leaving(
                { [loop] handler in loop.deregister(handler.registration!) }, gone: { isGone = true })
            handler.registration = try loop.register(ours.number, handler)
        }
        // Called after all events of the turn.
        let witness = Noting()
        var wasAliveAfterwards = false
        witness.whenReady = { _ in wasAliveAfterwards = !isGone }
        loop.callAgain(witness)
        loop.turn()
        #expect(wasAliveAfterwards)
        #expect(isGone)
        (ours, _) = socketPair()
    }

    @Test func manyPlacesAreTakenGivenBackAndTakenAgain() throws {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        let handlers = (0..<600).map { _ in Noting() }
        var registrations: [Registration] = []
        for handler in handlers {
            descriptors.append(eventfd(1, Int32(EFD_NONBLOCK)))
            registrations.append(try loop.register(descriptors.last!, handler))
        }
        for _ in 0..<4 { if handlers.contains(where: { $0.events.isEmpty }) { loop.turn() } }
        #expect(handlers.allSatisfy { $0.events == [[.readable, .writable]] })
        for at in stride(from: 0, to: 600, by: 2) { loop.forget(registrations[at], descriptor: descriptors[at]) }
        let again = Noting()
        let reused = try loop.register(descriptors[0], again)
        #expect(registrations.contains { $0.index == reused.index && $0 != reused })
        loop.turn()
        #expect(again.events.count == 1)
        // A descriptor that is forgotten stays open and is silent.
        let before = handlers[2].events.count
        var one: UInt64 = 1
        #expect(write(descriptors[2], &one, 8) == 8)
        #expect(write(descriptors[1], &one, 8) == 8)
        loop.turn()
        #expect(handlers[2].events.count == before)
        #expect(handlers[1].events.count == 2)
    }

    @Test func aDescriptorThatCannotBeWatchedTakesNoPlace() throws {
        let file = open("/dev/null", O_RDONLY)
        let regular = open(#filePath, O_RDONLY)
        defer {
            close(file)
            close(regular)
        }
        #expect(throws: SystemFault.self) { try loop.register(regular, Noting()) }
        let (ours, _) = socketPair()
        let handler = Noting()
        #expect(try loop.register(ours.number, handler).index == 0)
        loop.turn()
        #expect(handler.events.count == 1)
    }

    @Test func callAgainComesInTheSameTurnAndNotWithinTheCall() throws {
        let (ours, _) = socketPair()
        let handler = Noting()
        let registration = try loop.register(ours.number, handler)
        handler.whenReady = { [loop, unowned handler] _ in
            if handler.events.count == 1 { loop.callAgain(handler) }
        }
        loop.turn()
        #expect(handler.deepest == 1)
        #expect(handler.events.count == 2)
        #expect(handler.events.last == .readable)
        loop.deregister(registration)
    }

    /// Who asks each time gets one call a turn beside its event: others and the timers get theirs.
    @Test func whoAlwaysAsksDoesNotHoldTheLoop() throws {
        let (ours, _) = socketPair()
        let greedy = Noting()
        _ = try loop.register(ours.number, greedy)
        greedy.whenReady = { [loop, unowned greedy] _ in loop.callAgain(greedy) }
        for _ in 0..<5 { loop.turn() }
        #expect(greedy.events.count == 6)
        #expect(greedy.deepest == 1)
        greedy.whenReady = nil
        loop.turn()
        #expect(greedy.events.count == 7)
    }

    /// One is deregistered by the other after both have asked; being called once more is its own affair, being freed is not.
    @Test func whoLeftIsStillThereWhenItsTurnComes() throws {
        let (ours, theirs) = socketPair()
        var called = 0
        do {
            let leaving = Noting()
            leaving.whenReady = { _ in called += 1 }
            let registration = try loop.register(theirs.number, leaving)
            loop.callAgain(leaving)
            loop.deregister(registration)
        }
        let other = Noting()
        _ = try loop.register(ours.number, other)
        loop.turn()
        #expect(called == 1)
    }

    /// A listener takes one connection a call: the rest are told again, without an edge between them.
    @Test func listenersAreToldUntilTheQueueIsEmpty() throws {
        let listener = try ListeningSocket(SocketAddress("127.0.0.1:0")!, shared: false)
        let address = listener.address
        let number = listener.number
        let handler = Noting()
        var accepted = 0
        handler.whenReady = { _ in
            let descriptor = accept(number, nil, nil)
            if descriptor >= 0 {
                accepted += 1
                close(descriptor)
            }
        }
        let registration = try loop.register(number, handler, acceptsInBatches: true)
        let first = try Socket.connecting(to: address)
        let second = try Socket.connecting(to: address)
        waitFor(POLLOUT, first.number)
        waitFor(POLLOUT, second.number)
        loop.turn()
        loop.turn()
        #expect(accepted == 2)
        #expect(handler.events == [.readable, .readable])
        loop.forget(registration, descriptor: number)
        _ = listener.number
    }

    @Test func timersFireFromTheLoopAndStopEndsIt() {
        final class Stopping: TimerTarget {
            let loop: EventLoop
            var at: UInt64 = 0
            init(_ loop: EventLoop) { self.loop = loop }
            func timerFired(_ timer: Timer) {
                at = monotonicNanoseconds()
                loop.stop()
            }
        }
        let target = Stopping(loop)
        let timer = Timer(loop.timers)
        timer.target = target
        let deadline = monotonicNanoseconds() + 20_000_000
        timer.arm(atNanoseconds: deadline)
        loop.run()
        #expect(target.at >= deadline)
        #expect(!watch.tookTooLong)
        #expect(loop.nowNanoseconds <= monotonicNanoseconds())
    }
}
