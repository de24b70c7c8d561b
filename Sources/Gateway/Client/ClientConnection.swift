import Bytes
import EventLoop
import HTTP

/// One HTTP/1.1 connection to an endpoint, carrying one request at a time.
///
/// Bytes are pushed in with `send`, the answer comes out through the receiver, and back-pressure works both ways:
/// `hasUnsentBytes` and `requestDrained` outwards, `pause` and `resume` inwards.
final class ClientConnection: EventHandler, TimerTarget {
    enum Phase {
        case resolving
        case connecting
        case securing
        case idle
        case exchanging
        case closed
    }

    static let headLimits = HeadLimits(headBytes: 64 * 1024, fieldCount: 200)

    // Unsafe: the client owns its pools and outlives its loop's last call.
    unowned(unsafe) let pool: EndpointPool
    let loop: EventLoop
    // The stream, the buffers and the body's reader are unchecked: what they are passed to knows nothing of the connection.
    @exclusivity(unchecked) var stream: Stream?
    private var registration: Registration?
    var phase = Phase.resolving
    private var addresses: [SocketAddress] = []
    private var nextAddress = 0
    private let timer: Timer

    @exclusivity(unchecked) unowned var receiver: (any AnswerReceiver)?
    var deadlines = ClientDeadlines()
    var method = Method.get
    let head: ResponseHead
    @exclusivity(unchecked) var body = BodyReader(.none)
    var readingBody = false
    var reusable = false
    var paused = false
    /// The peer closed its sending side: reading goes on to the end, however short a read is.
    var peerFinished = false
    var interimAnswers = 0
    /// RFC 9110 sets no bound; nobody sends more.
    static let interimAnswersAtMost = 32
    var requestIsWhole = false
    /// Found while the receiver was calling in; told from a call of the loop, so that nobody is called back in between.
    var fault: ClientFault?

    /// Bytes of a head that has not come whole.
    @exclusivity(unchecked) var inbound = ByteBuffer()
    var scannedBytes = 0
    @exclusivity(unchecked) var outbound = ByteBuffer()

    /// True once the kernel took a byte of the present request: the endpoint may have acted on it.
    var hasWrittenRequest = false
    /// True when this connection carried an earlier request: its end before an answer may only mean that it was old.
    private(set) var isReused = false
    var hasReceivedAnswer = false

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

    func failSoon(_ fault: ClientFault) {
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

    func fail(_ fault: ClientFault) {
        let receiver = receiver
        close()
        receiver?.answerFailed(fault)
    }

    @inline(__always)
    func arm(_ milliseconds: Int) {
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

    func finish(trailers: TrailerSection?) {
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
