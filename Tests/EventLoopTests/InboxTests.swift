import Testing

@testable import EventLoop

@Suite struct InboxTests {
    private final class Owner {
        let loop: EventLoop
        var heard: [Int] = []
        init(_ loop: EventLoop) { self.loop = loop }
    }

    private let loop: EventLoop
    private let watch: Guard
    private let owner: Owner
    private let inbox: Inbox<Owner>

    init() throws {
        loop = try EventLoop()
        watch = Guard(loop)
        owner = Owner(loop)
        inbox = try Inbox()
    }

    @Test func deliversInOrderWhatWasPostedBeforeAndAfter() throws {
        for number in 0..<100 { inbox.post { $0.heard.append(number) } }
        try inbox.attach(to: loop, owner: owner)
        for number in 100..<200 { inbox.post { $0.heard.append(number) } }
        inbox.post { $0.loop.stop() }
        loop.run()
        #expect(owner.heard == Array(0..<200))
    }

    @Test func aMessageMayPostAnother() throws {
        try inbox.attach(to: loop, owner: owner)
        inbox.post { [inbox] owner in
            inbox.post { owner in
                owner.heard.append(2)
                owner.loop.stop()
            }
            owner.heard.append(1)
        }
        loop.run()
        #expect(owner.heard == [1, 2])
        #expect(!watch.tookTooLong)
    }

    @Test func manyThreadsPostAndEachKeepsItsOrder() throws {
        try inbox.attach(to: loop, owner: owner)
        let count = 8
        let each = 400
        let threads = (0..<count).map { WorkerThread(name: "post-\($0)") }
        for (number, thread) in threads.enumerated() {
            thread.post { [inbox] in
                for step in 0..<each {
                    inbox.post { owner in
                        owner.heard.append(number * each + step)
                        if owner.heard.count == count * each { owner.loop.stop() }
                    }
                }
            }
        }
        loop.run()
        for thread in threads { thread.stop() }
        #expect(!watch.tookTooLong)
        #expect(owner.heard.count == count * each)
        for number in 0..<count {
            #expect(owner.heard.filter { $0 / each == number } == (0..<each).map { number * each + $0 })
        }
    }

    /// Each message waits for the one before it to be heard, so that the loop sleeps between them: a lost wake-up would end it.
    @Test func noWakeUpIsLost() throws {
        try inbox.attach(to: loop, owner: owner)
        let rounds = 2000
        let thread = WorkerThread(name: "wake")
        thread.post { [inbox] in
            for round in 0..<rounds {
                let heard = Handover<Void>()
                inbox.post { owner in
                    owner.heard.append(round)
                    heard.give(())
                }
                if heard.take(untilNanoseconds: monotonicNanoseconds() + 20_000_000_000) == nil { break }
            }
            inbox.post { $0.loop.stop() }
        }
        loop.run()
        thread.stop()
        #expect(!watch.tookTooLong)
        #expect(owner.heard == Array(0..<rounds))
    }
}
