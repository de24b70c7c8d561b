import EventLoop
import HTTP

/// Reads the rest of an answer that nobody needs any more, so that its connection can be used again: servers end a stream of
/// events a moment after its last one.
final class AnswerDrain: AnswerReceiver, TimerTarget {
    private static let nanosecondsAtMost: UInt64 = 1_000_000_000

    private let connection: ClientConnection
    private let timer: Timer
    /// Connections do not keep whom they tell.
    private var itself: AnswerDrain?

    private init(_ connection: ClientConnection, _ loop: EventLoop) {
        self.connection = connection
        timer = Timer(loop.timers)
        timer.target = self
        itself = self
        timer.arm(atNanoseconds: loop.nowNanoseconds + Self.nanosecondsAtMost)
    }

    /// Takes the connection over from whoever the answer was for.
    static func take(_ connection: ClientConnection, _ loop: EventLoop) {
        connection.handOver(to: AnswerDrain(connection, loop))
    }

    private func end() {
        timer.unlink()
        itself = nil
    }

    func timerFired(_ timer: Timer) {
        connection.abandon()
        end()
    }

    func answerEnded(trailers: TrailerSection?) { end() }
    func answerFailed(_ fault: ClientFault) { end() }
    func interimAnswer(_ head: ResponseHead) {}
    func answerHead(_ head: ResponseHead) {}
    func answerBody(_ bytes: UnsafeRawBufferPointer) {}
    func answerSoFar() {}
    func requestDrained() {}
}
