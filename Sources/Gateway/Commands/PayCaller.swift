import Bytes
import EventLoop
import HTTP

/// Sends a request once over a connection of its own and waits for the answer on a loop that does nothing else.
final class PayCaller: AnswerReceiver, TimerTarget {
    struct Result {
        /// Nil when the connection failed before the answer was whole.
        var answer: PayAnswer?
        var fault: String?
        /// What had come of an answer by then.
        var partial: PayAnswer?
        /// A byte of the request left.
        var wasSent = false
    }

    /// Of an answer that is judged before it is shown.
    private static let judgedBodyLimit = 4 << 20

    private let request: PayRequest
    private let loop: EventLoop
    private let client: HTTPClient
    private let deadlines: ClientDeadlines
    private lazy var timer = Timer(loop.timers)
    private var result = Result()
    private var head: PayAnswer?
    /// Of an answer that is a stream of events.
    private var streamed: StreamedReceipt?

    init(_ request: PayRequest, timeoutSeconds: Int) throws(SystemFault) {
        self.request = request
        loop = try EventLoop()
        client = try HTTPClient(loop: loop, resolver: Resolver())
        deadlines = ClientDeadlines(
            connectMilliseconds: min(timeoutSeconds, 30) * 1000, firstByteMilliseconds: timeoutSeconds * 1000,
            idleMilliseconds: timeoutSeconds * 1000, totalMilliseconds: timeoutSeconds * 1000)
        timer.target = self
    }

    /// Bodies of answers below 400 go to standard output as they come; the others are in the result.
    func ask(payment: PayRequest.Field?) -> Result {
        result = Result()
        head = nil
        let pool = client.pool(for: request.endpoint, keptAtMost: 0)
        let connection = pool.take(
            for: self, answering: request.knownMethod, deadlines: deadlines, fresh: true, mayRepeat: false)
        var bytes = ByteBuffer()
        request.write(payment: payment, into: &bytes)
        connection.send(bytes.readable, UnsafeRawBufferPointer(start: nil, count: 0))
        connection.requestEnded()
        timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(deadlines.totalMilliseconds) * 1_000_000)
        loop.run()
        timer.cancel()
        result.partial = head
        result.wasSent = connection.hasWrittenRequest
        connection.abandon()
        return result
    }

    func answerHead(_ head: ResponseHead) {
        self.head = PayAnswer(
            status: head.statusCode, terms: head.value("payment-required"),
            receipt: head.value("payment-response") ?? head.value("x-payment-response"),
            location: head.value("location").map { String(decoding: $0, as: UTF8.self) })
        let isStream = head.value("content-type").map { type in
            type.withUnsafeBytes { MediaType.matches($0, "text/event-stream") }
        }
        streamed = isStream == true ? StreamedReceipt() : nil
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer) {
        guard let status = head?.status else { return }
        if status < 400 {
            streamed?.feed(bytes)
            if !Console.output(bytes) { end(fault: "standard output cannot be written") }
        } else if head!.body.count + bytes.count <= Self.judgedBodyLimit {
            head!.body += bytes
        } else {
            end(fault: "HTTP \(status) with a body above \(Self.judgedBodyLimit >> 20) MiB")
        }
    }

    func answerEnded(trailers: TrailerSection?) {
        if head?.receipt == nil { head?.receipt = streamed?.field }
        result.answer = head
        loop.stop()
    }

    func answerFailed(_ fault: ClientFault) { end(fault: fault.detail) }

    func timerFired(_ timer: Timer) {
        end(fault: "no whole answer within \(deadlines.totalMilliseconds / 1000) seconds")
    }

    private func end(fault: String) {
        if result.fault == nil && result.answer == nil { result.fault = fault }
        loop.stop()
    }

    func interimAnswer(_ head: ResponseHead) {}
    func answerSoFar() {}
    func requestDrained() {}
}
