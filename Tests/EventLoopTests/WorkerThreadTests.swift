import Synchronization
import Testing

@testable import EventLoop

@Suite struct WorkerThreadTests {
    @Test func runsInOrderAndStopsWhenAllIsDone() {
        let done = Mutex<[Int]>([])
        let thread = WorkerThread(name: "test")
        for number in 0..<1000 { thread.post { done.withLock { $0.append(number) } } }
        thread.stop()
        #expect(done.withLock { $0 } == Array(0..<1000))
        #expect(thread.post {} == false)
    }
}
