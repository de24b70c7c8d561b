import Glibc
import Testing

@testable import EventLoop

@Suite struct HandoverTests {
    @Test func theFirstValueCountsForEveryTaker() {
        let handover = Handover<Int>()
        handover.give(1)
        handover.give(2)
        #expect(handover.take() == 1)
        #expect(handover.take() == 1)
        #expect(handover.take(untilNanoseconds: 0) == 1)
    }

    @Test func takersWaitForIt() {
        let handover = Handover<Int>()
        let heard = Handover<[Int]>()
        let takers = WorkerThread(name: "taker")
        takers.post {
            let far = monotonicNanoseconds() + 20_000_000_000
            heard.give([handover.take(), handover.take(untilNanoseconds: far) ?? -1])
        }
        usleep(2000)
        handover.give(7)
        #expect(heard.take(untilNanoseconds: monotonicNanoseconds() + 20_000_000_000) == [7, 7])
        takers.stop()
    }

    @Test func noneInTimeIsNil() {
        let handover = Handover<Int>()
        #expect(handover.take(untilNanoseconds: 0) == nil)
        let until = monotonicNanoseconds() + 5_000_000
        #expect(handover.take(untilNanoseconds: until) == nil)
        #expect(monotonicNanoseconds() >= until)
        handover.give(3)
        #expect(handover.take() == 3)
    }
}
