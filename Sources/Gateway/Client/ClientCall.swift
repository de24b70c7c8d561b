import Bytes
import EventLoop
import HTTP

/// One request with its whole answer, bounded in time and size, over a pool's connections. It keeps itself until it is over.
final class ClientCall: AnswerReceiver, TimerTarget {
    private let request: ClientRequest
    private let pool: EndpointPool
    private let loop: EventLoop
    private let deadlineMilliseconds: Int
    private let timer: Timer
    private var done: ((Result<ClientAnswer, ClientCallFault>) -> Void)?
    private var connection: ClientConnection?
    private var answer: ClientAnswer?
    private var hasRepeated = false
    private var wasSent = false
    /// Connections do not keep whom they tell.
    private var itself: ClientCall?

    private init(
        _ request: ClientRequest, _ pool: EndpointPool, _ loop: EventLoop, _ deadlineMilliseconds: Int,
        _ done: @escaping (Result<ClientAnswer, ClientCallFault>) -> Void
    ) {
        self.request = request
        self.pool = pool
        self.loop = loop
        self.deadlineMilliseconds = deadlineMilliseconds
        self.done = done
        timer = Timer(loop.timers)
        timer.target = self
    }

    /// Sends `request` to the pool's endpoint. `done` is told once, from a later call of the loop, unless it is cancelled.
    ///
    /// - Parameter deadlineMilliseconds: from now to the last byte of the answer, connecting included.
    @discardableResult
    static func begin(
        _ request: ClientRequest, over pool: EndpointPool, on loop: EventLoop, deadlineMilliseconds: Int,
        done: @escaping (Result<ClientAnswer, ClientCallFault>) -> Void
    ) -> ClientCall {
        let call = ClientCall(request, pool, loop, deadlineMilliseconds, done)
        call.itself = call
        call.timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(deadlineMilliseconds) * 1_000_000)
        call.send(fresh: false)
        return call
    }

    /// Nothing is told any more.
    func cancel() {
        done = nil
        end()
    }

    private func send(fresh: Bool) {
        let connection = pool.take(
            for: self, answering: request.method,
            deadlines: ClientDeadlines(
                connectMilliseconds: deadlineMilliseconds, firstByteMilliseconds: deadlineMilliseconds,
                idleMilliseconds: deadlineMilliseconds, totalMilliseconds: deadlineMilliseconds),
            fresh: fresh, mayRepeat: request.mayRepeat)
        self.connection = connection
        var bytes = ByteBuffer(capacity: 512 + request.body.count)
        request.write(into: &bytes)
        connection.send(bytes.readable, UnsafeRawBufferPointer(start: nil, count: 0))
        connection.requestEnded()
    }

    private func fail(_ fault: ClientFault) {
        if connection?.hasWrittenRequest == true { wasSent = true }
        finish(.failure(ClientCallFault(fault: fault, wasSent: wasSent)))
    }

    private func finish(_ outcome: Result<ClientAnswer, ClientCallFault>) {
        let done = done
        self.done = nil
        end()
        done?(outcome)
    }

    private func end() {
        timer.unlink()
        connection?.abandon()
        connection = nil
        itself = nil
    }

    func timerFired(_ timer: Timer) {
        fail(
            ClientFault(
                kind: .totalTimedOut,
                detail: "\(pool.endpoint.text): no whole answer within \(deadlineMilliseconds) ms"))
    }

    // MARK: The answer

    func answerHead(_ head: ResponseHead) {
        var answer = ClientAnswer(status: head.statusCode)
        for name in request.answerFields {
            answer.fields[name] = head.value(name).map { String(decoding: $0, as: UTF8.self) }
        }
        self.answer = answer
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer) {
        guard answer!.body.count + bytes.count <= request.answerBytesAtMost else {
            return fail(
                ClientFault(
                    kind: .malformed,
                    detail: "\(pool.endpoint.text): an answer above \(request.answerBytesAtMost) bytes"))
        }
        answer!.body.append(contentsOf: bytes)
    }

    func answerEnded(trailers: TrailerSection?) {
        // The connection is its pool's again, and perhaps another call's before this one returns.
        connection = nil
        finish(.success(answer!))
    }

    func answerFailed(_ fault: ClientFault) {
        guard let connection else { return }
        let mayGoAgain = request.mayRepeat || !connection.hasWrittenRequest
        if fault.kind == .closedEarly && connection.isReused && !connection.hasReceivedAnswer && mayGoAgain
            && !hasRepeated
        {
            hasRepeated = true
            if connection.hasWrittenRequest { wasSent = true }
            return send(fresh: true)
        }
        fail(fault)
    }

    func interimAnswer(_ head: ResponseHead) {}
    func answerSoFar() {}
    func requestDrained() {}
}
