import Bytes
import EventLoop
import HTTP

/// A caller's HTTP/1.1 connection: heads in, one exchange at a time, answers out.
///
/// The exchange outlives it: a caller that goes away is told to the exchange, which decides what that means.
final class DownstreamConnection: EventHandler, TimerTarget {
    private enum Phase {
        /// Between two requests: nothing of the next one is here.
        case idle
        case readingHead
        case exchanging
        /// The answer is out and the connection ends: what the caller still sends is read and dropped, so that a reset
        /// does not destroy the answer on its way (RFC 9112 §9.6).
        case lingering
        case closed
    }

    /// A body that nobody reads is borne up to this size for the connection's sake; above it the connection ends.
    private static let drainedBodyBytes = 256 * 1024
    private static let lingerMilliseconds = 2_000
    private static let writeStallMilliseconds = 60_000

    // Strong, since a counted or unsafe reference costs at each use: the loop lets go of a connection that is closed.
    private let worker: Worker
    private let loop: EventLoop
    private let exchanges: ExchangeSlab
    // The stream, the buffers and the body's reader are unchecked: what they are passed to knows nothing of the connection.
    @exclusivity(unchecked) private var stream: Stream?
    private var registration: Registration?
    private var phase = Phase.idle
    private let timer: Timer

    let peer: SocketAddress
    /// Of the admin listener: never priced, never forwarded.
    let isAdmin: Bool
    @exclusivity(unchecked) private var printedPeer = ByteBuffer()
    /// The peer's address as `X-Forwarded-For` and the log have it; made at first use, good as long as the connection.
    var peerText: UnsafeRawBufferPointer {
        if printedPeer.isEmpty { printedPeer.append(string: peer.host) }
        return printedPeer.readable
    }

    /// Whom bounds in memory count; made at first use.
    private(set) lazy var key = CallerKey(peer)

    /// Not counted: the slab keeps every exchange to the loop's end.
    private var current: Unmanaged<Exchange>?
    private var exchange: Exchange? { current?.takeUnretainedValue() }
    /// A partial head, or requests that were sent ahead (pipelining, RFC 9112 §9.3.2).
    @exclusivity(unchecked) private var inbound = ByteBuffer()
    private var scannedBytes = 0
    @exclusivity(unchecked) private var outbound = ByteBuffer()
    @exclusivity(unchecked) private var body = BodyReader(.none)
    private var bodyIsWhole = true
    private var bodyBytes = 0
    private var bodyStartedNanoseconds: UInt64 = 0
    private var bodyIsDropped = false
    private var readingIsPaused = false
    /// The socket may hold bytes of which no event will tell again.
    private var mayHoldMore = false
    private var answerEnded = false
    /// Found while the exchange was sending; told from a call of the loop, so that the exchange is not called back in between.
    private(set) var isBroken = false
    private var closesAfterAnswer = false
    /// The caller closed its sending side; it may still be reading.
    private(set) var peerFinished = false

    init(worker: Worker, accepted: consuming AcceptedSocket, isAdmin: Bool) throws(SystemFault) {
        self.worker = worker
        loop = worker.loop
        exchanges = worker.exchanges
        timer = Timer(loop.timers)
        self.isAdmin = isAdmin
        peer = accepted.peer
        stream = Stream(accepted.take())
        super.init()
        timer.target = self
        registration = try loop.register(stream!.descriptorNumber(), self)
        arm(worker.limits.headTimeoutMilliseconds)
    }

    @inline(__always)
    private func arm(_ milliseconds: Int) {
        if phase == .closed { return }
        timer.arm(atNanoseconds: loop.nowNanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

    // MARK: Reading

    override func ready(_ events: Readiness) {
        if isBroken { return lost() }
        if events.contains(.writable) && !outbound.isEmpty { flush() }
        if phase == .closed { return }
        if !events.isDisjoint(with: [.hungUp, .failed]) && phase == .exchanging { return lost() }
        if events.contains(.halfClosed) && !peerFinished {
            peerFinished = true
            exchange?.callerFinishedSending()
        }
        if events.isDisjoint(with: [.readable, .halfClosed, .hungUp]) { return }
        if wantsBytes { readAvailable() } else { mayHoldMore = true }
    }

    private var wantsBytes: Bool {
        switch phase {
        case .idle, .readingHead, .lingering: true
        case .exchanging: !bodyIsWhole && !readingIsPaused
        case .closed: false
        }
    }

    private func readAvailable() {
        mayHoldMore = false
        if !inbound.isEmpty && phase != .readingHead { receivedEarlier() }
        while wantsBytes {
            switch stream!.read(into: loop.scratch) {
            case .bytes(let count):
                let isDrained = count < loop.scratch.count && !peerFinished
                received(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                if isDrained { return }
            case .wouldBlock: return
            case .endOfStream: return finishedByPeer()
            case .failed: return lost()
            }
        }
        mayHoldMore = true
    }

    /// Bytes that came while an exchange was under way.
    private func receivedEarlier() {
        var held = ByteBuffer()
        swap(&held, &inbound)
        received(held.readable)
    }

    private func finishedByPeer() {
        peerFinished = true
        switch phase {
        case .idle, .readingHead, .lingering: close()
        case .exchanging:
            if !bodyIsWhole {
                bodyIsWhole = true
                closesAfterAnswer = true
                if answerEnded { return close() }
                exchange?.requestFailed(.truncatedBody)
            }
        case .closed: break
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .idle, .readingHead:
            if inbound.isEmpty { return receivedHead(bytes, isHeld: false) }
            inbound.append(bytes)
            var held = ByteBuffer()
            swap(&held, &inbound)
            receivedHead(held.readable, isHeld: true)
        case .exchanging: receivedBody(bytes)
        case .lingering, .closed: break
        }
    }

    private func receivedHead(_ bytes: UnsafeRawBufferPointer, isHeld: Bool) {
        exchanges.take(for: worker)._withUnsafeGuaranteedRef { receivedHead(bytes, isHeld: isHeld, for: $0) }
    }

    private func receivedHead(_ bytes: UnsafeRawBufferPointer, isHeld: Bool, for exchange: Exchange) {
        let scanned = isHeld ? scannedBytes : 0
        switch RequestParser.parse(bytes, scannedFrom: scanned, into: exchange.head, limits: worker.headLimits) {
        case .incomplete:
            scannedBytes = bytes.count
            exchanges.giveBack(exchange)
            if phase == .idle {
                phase = .readingHead
                arm(worker.limits.headTimeoutMilliseconds)
            }
            inbound.append(bytes)
        case .refused(let fault):
            scannedBytes = 0
            begin(exchange)
            bodyIsWhole = true
            closesAfterAnswer = true
            exchange.begin(self, refused: .malformed(fault))
        case .complete(let consumed):
            scannedBytes = 0
            begin(exchange)
            let framing = exchange.head.framing
            bodyIsWhole = framing == .none || framing == .length(0)
            if !bodyIsWhole { body = BodyReader(framing) }
            closesAfterAnswer = !exchange.head.keepAlive
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            if bodyIsWhole {
                if !rest.isEmpty { inbound.append(rest) }
                exchange.begin(self)
            } else {
                bodyStartedNanoseconds = loop.nowNanoseconds
                arm(worker.limits.bodyTimeoutMilliseconds)
                exchange.begin(self)
                receivedBody(rest)
            }
        }
    }

    private func begin(_ exchange: Exchange) {
        current = .passUnretained(exchange)
        phase = .exchanging
        answerEnded = false
        bodyIsDropped = false
        readingIsPaused = false
        bodyBytes = 0
        timer.cancel()
    }

    private func receivedBody(_ bytes: UnsafeRawBufferPointer) {
        // The exchange may have answered already, and the answer may have ended the connection.
        guard phase == .exchanging else { return }
        var rest = bytes
        if !rest.isEmpty && !receivedBodyInTime(rest.count) { return }
        while !bodyIsWhole && phase == .exchanging {
            let step = body.next(rest)
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...]) }
            switch step.event {
            case .data(let range):
                if !bodyIsDropped { exchange?.requestBody(UnsafeRawBufferPointer(rebasing: rest[range])) }
            case .needMore: return
            case .end:
                bodyIsWhole = true
                if outbound.isEmpty { timer.cancel() }
                inbound.append(UnsafeRawBufferPointer(rebasing: rest[step.consumed...]))
                if !bodyIsDropped { exchange?.requestEnded(trailers: body.trailers) }
                if answerEnded && outbound.isEmpty { answerSent() }
                return
            case .refused(let fault):
                bodyIsWhole = true
                closesAfterAnswer = true
                if answerEnded { return close() }
                exchange?.requestFailed(.malformedBody(fault))
            }
        }
    }

    /// Holds a body to the limits on silence and rate; false when it was too slow.
    private func receivedBodyInTime(_ count: Int) -> Bool {
        bodyBytes += count
        if bodyIsDropped && bodyBytes > Self.drainedBodyBytes {
            closesAfterAnswer = true
            bodyIsWhole = true
            if answerEnded && outbound.isEmpty { linger() }
            return false
        }
        let elapsed = loop.nowNanoseconds &- bodyStartedNanoseconds
        let grace = UInt64(worker.limits.bodyTimeoutMilliseconds) * 1_000_000
        if elapsed > grace && !readingIsPaused {
            let seconds = Int(elapsed / 1_000_000_000)
            if bodyBytes < seconds * worker.limits.bodyBytesPerSecond {
                bodyIsSlow()
                return false
            }
        }
        arm(worker.limits.bodyTimeoutMilliseconds)
        return true
    }

    private func bodyIsSlow() {
        closesAfterAnswer = true
        bodyIsWhole = true
        if answerEnded { close() } else { exchange?.requestFailed(.slowBody) }
    }

    /// Stops reading the body: who takes it is slower than the caller.
    func pauseBody() {
        readingIsPaused = true
        timer.cancel()
    }

    func resumeBody() {
        guard readingIsPaused else { return }
        readingIsPaused = false
        if phase == .exchanging && !bodyIsWhole {
            bodyStartedNanoseconds = loop.nowNanoseconds
            bodyBytes = 0
            arm(worker.limits.bodyTimeoutMilliseconds)
            loop.callAgain(self)
        }
    }

    /// The exchange is answered without the rest of the request's body.
    func dropBody() {
        bodyIsDropped = true
        readingIsPaused = false
        if bodyIsWhole { return }
        bodyBytes = 0
        bodyStartedNanoseconds = loop.nowNanoseconds
        arm(worker.limits.bodyTimeoutMilliseconds)
        loop.callAgain(self)
    }

    // MARK: Answering

    /// Whether the answer about to be sent may leave the connection open. `awaitsContinue`: the caller still waits for
    /// 100 (Continue) before it sends its body, so where the body ends cannot be known.
    func keepsAlive(awaitsContinue: Bool) -> Bool {
        if closesAfterAnswer || worker.isDraining { return false }
        if bodyIsWhole { return true }
        if awaitsContinue { return false }
        return (body.remaining ?? .max) <= Self.drainedBodyBytes
    }

    /// The connection ends after this answer; its head says so.
    func closeAfterAnswer() { closesAfterAnswer = true }

    var hasUnsentBytes: Bool { !outbound.isEmpty }

    /// Sends two runs one after the other; what the kernel does not take is kept until it does.
    func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        if phase == .closed || isBroken { return }
        if !outbound.isEmpty {
            outbound.append(first)
            outbound.append(second)
            return
        }
        let total = first.count + second.count
        if total == 0 { return }
        var sent = 0
        switch stream!.write(first, second) {
        case .bytes(let count): sent = count
        case .wouldBlock, .endOfStream: break
        case .failed:
            isBroken = true
            return loop.callAgain(self)
        }
        if sent == total { return }
        if sent < first.count {
            outbound.append(UnsafeRawBufferPointer(rebasing: first[sent...]))
            outbound.append(second)
        } else {
            outbound.append(UnsafeRawBufferPointer(rebasing: second[(sent - first.count)...]))
        }
        arm(Self.writeStallMilliseconds)
    }

    private func flush() {
        while !outbound.isEmpty {
            switch stream!.write(outbound.readable, UnsafeRawBufferPointer(start: nil, count: 0)) {
            case .bytes(let count):
                outbound.consume(count)
                arm(Self.writeStallMilliseconds)
            case .wouldBlock, .endOfStream: return
            case .failed: return lost()
            }
        }
        outbound.release()
        if bodyIsWhole { timer.cancel() }
        if let exchange { exchange.downstreamDrained() } else if answerEnded { answerSent() }
    }

    /// Every byte of the answer was given to `send`: the exchange lets the connection go.
    func exchangeEnded() {
        current = nil
        answerEnded = true
        if phase != .closed && outbound.isEmpty { answerSent() }
    }

    private func answerSent() {
        if closesAfterAnswer { return linger() }
        if bodyIsWhole { afterAnswer() } else { dropBody() }
    }

    /// The answer is cut off and cannot be completed: what there is of it (a receipt, perhaps) still goes out, and the missing
    /// rest tells. Where only the connection's end marks the body's, a reset keeps it from being taken for whole.
    func breakOff(withReset: Bool) {
        closesAfterAnswer = true
        if !withReset { return exchangeEnded() }
        current = nil
        if phase == .closed { return }
        stream!.resetOnClose()
        close()
    }

    private func afterAnswer() {
        if closesAfterAnswer || worker.isDraining || peerFinished && inbound.isEmpty && !mayHoldMore { return linger() }
        phase = .idle
        arm(worker.limits.keepAliveMilliseconds)
        if mayHoldMore || !inbound.isEmpty { loop.callAgain(self) }
    }

    private func linger() {
        if peerFinished { return close() }
        stream!.finishSending()
        phase = .lingering
        inbound.release()
        arm(Self.lingerMilliseconds)
        loop.callAgain(self)
    }

    // MARK: Ending

    /// Whether the caller has closed its sending side, as the kernel knows it: the event may still be on its way.
    var peerHasFinished: Bool { peerFinished || phase == .closed || stream!.peerHasFinished() }

    /// True when the caller's kernel has acknowledged every byte: the answer has arrived though its sender has finished.
    var isAcknowledged: Bool { phase != .closed && stream!.isAcknowledged() }

    private func lost() {
        let exchange = exchange
        current = nil
        close()
        exchange?.downstreamLost()
    }

    func close() {
        if phase == .closed { return }
        phase = .closed
        timer.unlink()
        if let registration { loop.deregister(registration) }
        registration = nil
        stream = nil
        inbound.release()
        outbound.release()
        worker.connectionClosed(self)
    }

    /// The process stops: a connection without an exchange ends now, the others after their answer.
    func drain() {
        guard phase == .idle else { return }
        // Who was let in and has asked already is answered; a head half read has its deadline.
        if !stream!.isQuiet() { readAvailable() }
        if phase == .idle { close() }
    }

    func timerFired(_ timer: Timer) {
        switch phase {
        case .idle, .lingering: close()
        case .readingHead:
            let exchange = exchanges.take(for: worker).takeUnretainedValue()
            begin(exchange)
            bodyIsWhole = true
            closesAfterAnswer = true
            exchange.begin(self, refused: .headTimedOut)
        case .exchanging:
            if !outbound.isEmpty { lost() } else if !bodyIsWhole && !readingIsPaused { bodyIsSlow() }
        case .closed: break
        }
    }
}
