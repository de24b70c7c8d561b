import Bytes
import EventLoop
import HTTP

/// One HTTP/1.1 connection to an endpoint, carrying one request at a time.
///
/// Bytes are pushed in with `send`, the answer comes out through the receiver, and back-pressure works both ways:
/// `hasUnsentBytes` and `requestDrained` outwards, `pause` and `resume` inwards.
final class ClientConnection: EventHandler, TimerTarget {
    private enum Phase {
        case resolving
        case connecting
        case securing
        case idle
        case exchanging
        case closed
    }

    private static let headLimits = HeadLimits(headBytes: 64 * 1024, fieldCount: 200)

    // Unsafe: the client owns its pools and outlives its loop's last call.
    private unowned(unsafe) let pool: EndpointPool
    private let loop: EventLoop
    // The stream, the buffers and the body's reader are unchecked: what they are passed to knows nothing of the connection.
    @exclusivity(unchecked) private var stream: Stream?
    private var registration: Registration?
    private var phase = Phase.resolving
    private var addresses: [SocketAddress] = []
    private var nextAddress = 0
    private let timer: Timer

    @exclusivity(unchecked) private unowned var receiver: (any AnswerReceiver)?
    private var deadlines = ClientDeadlines()
    private var method = Method.get
    private let head: ResponseHead
    @exclusivity(unchecked) private var body = BodyReader(.none)
    private var readingBody = false
    private var reusable = false
    private var paused = false
    /// The peer closed its sending side: reading goes on to the end, however short a read is.
    private var peerFinished = false
    private var interimAnswers = 0
    /// RFC 9110 sets no bound; nobody sends more.
    private static let interimAnswersAtMost = 32
    private var requestIsWhole = false
    /// Found while the receiver was calling in; told from a call of the loop, so that nobody is called back in between.
    private var fault: ClientFault?

    /// Bytes of a head that has not come whole.
    @exclusivity(unchecked) private var inbound = ByteBuffer()
    private var scannedBytes = 0
    @exclusivity(unchecked) private var outbound = ByteBuffer()

    /// True once the kernel took a byte of the present request: the endpoint may have acted on it.
    private(set) var hasWrittenRequest = false
    /// True when this connection carried an earlier request: its end before an answer may only mean that it was old.
    private(set) var isReused = false
    private(set) var hasReceivedAnswer = false

    init(pool: EndpointPool, loop: EventLoop) {
        self.pool = pool
        self.loop = loop
        timer = Timer(loop.timers)
        head = ResponseHead()
        super.init()
        timer.target = self
    }

    // MARK: Life

    /// Starts connecting to the first of `addresses`.
    func connect(_ addresses: [SocketAddress]) {
        guard phase == .resolving else { return }
        self.addresses = addresses
        arm(deadlines.connectMilliseconds)
        connectToNext(failing: ClientFault(kind: .unreachable, detail: "no address"))
    }

    func failResolving(_ detail: String) {
        if phase == .resolving { failSoon(ClientFault(kind: .unresolved, detail: detail)) }
    }

    private func failSoon(_ fault: ClientFault) {
        if self.fault != nil { return }
        self.fault = fault
        loop.callAgain(self)
    }

    private func connectToNext(failing fault: ClientFault) {
        var fault = fault
        while nextAddress < addresses.count {
            let address = addresses[nextAddress]
            nextAddress += 1
            do throws(SystemFault) {
                let socket = try Socket.connecting(to: address)
                registration = try loop.register(socket.number, self)
                stream = Stream(socket)
                phase = .connecting
                return
            } catch {
                fault = ClientFault(kind: .unreachable, detail: "\(address): \(error)")
            }
        }
        failSoon(fault)
    }

    private func connected() {
        do throws(TLSFault) {
            guard let session = try pool.newSession() else { return secured() }
            stream!.secure(session)
            phase = .securing
            continueHandshake()
        } catch {
            fail(ClientFault(kind: .insecure, detail: "\(pool.endpoint.text): \(error)"))
        }
    }

    private func continueHandshake() {
        switch stream!.handshake() {
        case .complete: secured()
        case .wantMore: break
        case .failed(let reason): fail(ClientFault(kind: .insecure, detail: "\(pool.endpoint.text): \(reason)"))
        }
    }

    private func secured() {
        phase = .exchanging
        arm(deadlines.idleMilliseconds)
        flush()
        if requestIsWhole && outbound.isEmpty { arm(deadlines.firstByteMilliseconds) }
    }

    /// Gives the connection a request's receiver. Connecting may still be under way.
    func begin(_ receiver: any AnswerReceiver, answering method: Method, deadlines: ClientDeadlines) {
        self.receiver = receiver
        self.method = method
        self.deadlines = deadlines
        hasWrittenRequest = false
        fault = nil
        scannedBytes = 0
        hasReceivedAnswer = false
        requestIsWhole = false
        readingBody = false
        paused = false
        interimAnswers = 0
        if phase == .idle {
            phase = .exchanging
            isReused = true
            arm(deadlines.idleMilliseconds)
        } else {
            arm(deadlines.connectMilliseconds)
        }
    }

    /// A kept connection whose peer has neither closed nor spoken.
    var isQuiet: Bool { phase == .idle && stream!.isQuiet() }

    /// The receiver wants nothing more; what the endpoint still says is not read.
    func abandon() {
        receiver = nil
        close()
    }

    /// What is left of the answer is told to another.
    func handOver(to receiver: any AnswerReceiver) {
        self.receiver = receiver
        resume()
    }

    func close() {
        if phase == .closed { return }
        phase = .closed
        timer.unlink()
        if let registration { loop.deregister(registration) }
        registration = nil
        stream = nil
        receiver = nil
        inbound.release()
        outbound.release()
        pool.left(self)
    }

    private func fail(_ fault: ClientFault) {
        let receiver = receiver
        close()
        receiver?.answerFailed(fault)
    }

    @inline(__always)
    private func arm(_ milliseconds: Int) {
        timer.arm(atNanoseconds: loop.nowNanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

    func timerFired(_ timer: Timer) {
        switch phase {
        case .resolving: fail(ClientFault(kind: .connectTimedOut, detail: "the name was not resolved in time"))
        case .connecting, .securing: fail(ClientFault(kind: .connectTimedOut, detail: pool.endpoint.text))
        case .idle: close()
        case .exchanging:
            if paused { return arm(deadlines.idleMilliseconds) }
            let waiting = requestIsWhole && outbound.isEmpty && !hasReceivedAnswer
            fail(ClientFault(kind: waiting ? .answerTimedOut : .idleTimedOut, detail: pool.endpoint.text))
        case .closed: break
        }
    }

    // MARK: Sending

    var hasUnsentBytes: Bool { !outbound.isEmpty || stream?.hasUnsentCiphertext() == true }

    /// Sends two runs one after the other; what the kernel does not take is kept and sent when it does.
    func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        guard phase == .exchanging, outbound.isEmpty else {
            if phase == .closed { return }
            outbound.append(first)
            outbound.append(second)
            return
        }
        switch stream!.write(first, second) {
        case .bytes(let count):
            hasWrittenRequest = true
            if count < first.count + second.count { keep(first, second, after: count) }
        case .wouldBlock, .endOfStream: keep(first, second, after: 0)
        case .failed(let code): sendingFailed(code)
        }
    }

    /// No more of the request comes: the wait for the answer begins.
    func requestEnded() {
        requestIsWhole = true
        if phase == .exchanging { arm(deadlines.firstByteMilliseconds) }
    }

    private func keep(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, after sent: Int) {
        if sent < first.count {
            outbound.append(UnsafeRawBufferPointer(rebasing: first[sent...]))
            outbound.append(second)
        } else {
            outbound.append(UnsafeRawBufferPointer(rebasing: second[(sent - first.count)...]))
        }
    }

    private func flush() {
        if stream!.hasUnsentCiphertext(), case .failed(let code) = stream!.flush() { return sendingFailed(code) }
        while phase == .exchanging, !outbound.isEmpty {
            switch stream!.write(outbound.readable, UnsafeRawBufferPointer(start: nil, count: 0)) {
            case .bytes(let count):
                hasWrittenRequest = true
                outbound.consume(count)
                arm(requestIsWhole && outbound.isEmpty ? deadlines.firstByteMilliseconds : deadlines.idleMilliseconds)
            case .wouldBlock, .endOfStream: return
            case .failed(let code): return sendingFailed(code)
            }
        }
        if phase == .exchanging, requestIsWhole == false { receiver?.requestDrained() }
    }

    /// The peer may have answered early and closed: what it said is read before the failure counts.
    private func sendingFailed(_ code: Int32) {
        outbound.clear()
        requestIsWhole = true
        reusable = false
        failSoon(ClientFault(kind: .closedEarly, detail: SystemFault("send", code: code).description))
    }

    // MARK: Receiving

    /// Stops reading after the bytes in hand: the receiver's own peer is slow.
    func pause() { paused = true }

    func resume() {
        guard paused else { return }
        paused = false
        if phase == .exchanging {
            arm(deadlines.idleMilliseconds)
            loop.callAgain(self)
        }
    }

    override func ready(_ events: Readiness) {
        if let fault {
            if phase == .exchanging { readAvailable() }
            if phase == .closed || phase == .idle || hasReceivedAnswer && readingBody { return }
            return fail(fault)
        }
        if !events.isDisjoint(with: [.halfClosed, .hungUp, .failed]) { peerFinished = true }
        switch phase {
        case .resolving, .closed: return
        case .connecting:
            if let fault = stream!.pendingFault() {
                if let registration { loop.deregister(registration) }
                registration = nil
                stream = nil
                return connectToNext(
                    failing: ClientFault(kind: .unreachable, detail: "\(pool.endpoint.text): \(fault)"))
            }
            if events.contains(.writable) { connected() }
        case .securing: continueHandshake()
        case .exchanging:
            if events.contains(.writable) && hasUnsentBytes { flush() }
            if phase == .exchanging && !events.isDisjoint(with: [.readable, .halfClosed, .hungUp, .failed]) {
                readAvailable()
            }
        case .idle:
            // A kept connection has nothing to say: whatever came, it is no longer ours to use.
            if !events.isDisjoint(with: [.readable, .halfClosed, .hungUp, .failed]) { close() }
        }
    }

    private func readAvailable() {
        while phase == .exchanging && !paused {
            switch stream!.read(into: loop.scratch) {
            case .bytes(let count):
                let isDrained = count < loop.scratch.count && !stream!.isSecured() && !peerFinished
                received(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                if isDrained { return }
            case .wouldBlock: return
            case .endOfStream: return ended()
            case .failed(let code):
                let kind: ClientFault.Kind = readingBody ? .truncated : .closedEarly
                return fail(ClientFault(kind: kind, detail: SystemFault("recv", code: code).description))
            }
        }
    }

    private func ended() {
        if readingBody && !body.isCutByClose {
            readingBody = false
            reusable = false
            return finish(trailers: nil)
        }
        let kind: ClientFault.Kind = readingBody ? .truncated : .closedEarly
        fail(ClientFault(kind: kind, detail: "\(pool.endpoint.text) closed the connection"))
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        arm(deadlines.idleMilliseconds)
        if readingBody {
            receivedBody(bytes)
        } else if inbound.isEmpty {
            let used = receivedHeads(bytes)
            if used < bytes.count { inbound.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
        } else {
            inbound.append(bytes)
            var held = ByteBuffer()
            swap(&held, &inbound)
            held.consume(receivedHeads(held.readable))
            if !held.isEmpty { swap(&held, &inbound) }
        }
        if phase == .exchanging { receiver?.answerSoFar() }
    }

    /// Reads heads off the front of `bytes`, and hands what follows the final one to the body. Returns the bytes that are
    /// done with: all of them, but for a head that is not whole.
    private func receivedHeads(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while phase == .exchanging && at < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
            switch ResponseParser.parse(
                rest, scannedFrom: scannedBytes, into: head, answering: method, limits: ClientConnection.headLimits)
            {
            case .incomplete:
                scannedBytes = rest.count
                return at
            case .refused(let fault):
                fail(ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): \(fault.explanation)"))
            case .complete(let consumed):
                at += consumed
                scannedBytes = 0
                if head.isInterim {
                    interimAnswers += 1
                    if interimAnswers > ClientConnection.interimAnswersAtMost {
                        fail(
                            ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): interim answers without end"))
                        return bytes.count
                    }
                    receiver?.interimAnswer(head)
                    continue
                }
                hasReceivedAnswer = true
                reusable = head.keepAlive && fault == nil
                body = BodyReader(head.framing)
                readingBody = true
                receiver?.answerHead(head)
                if phase == .exchanging { receivedBody(UnsafeRawBufferPointer(rebasing: bytes[at...])) }
                return bytes.count
            }
        }
        return bytes.count
    }

    private func receivedBody(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while phase == .exchanging {
            let step = body.next(rest)
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...]) }
            switch step.event {
            case .data(let range): receiver?.answerBody(UnsafeRawBufferPointer(rebasing: rest[range]))
            case .needMore: return
            case .end:
                readingBody = false
                // Bytes after the end of an answer that nobody asked for: the peer has lost its place.
                if step.consumed < rest.count { reusable = false }
                return finish(trailers: body.trailers)
            case .refused(let fault):
                return fail(ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): \(fault.explanation)"))
            }
        }
    }

    private func finish(trailers: TrailerSection?) {
        let receiver = receiver
        self.receiver = nil
        if reusable && requestIsWhole && !peerFinished && !hasUnsentBytes {
            phase = .idle
            inbound.release()
            outbound.release()
            arm(pool.keepAliveMilliseconds)
            pool.keep(self)
        } else {
            close()
        }
        receiver?.answerEnded(trailers: trailers)
    }
}
