import Bytes
import EventLoop
import HTTP

/// A caller's HTTP/1.1 connection: heads in, one exchange at a time, answers out.
///
/// The exchange outlives it: a caller that goes away is told to the exchange, which decides what that means.
final class DownstreamConnection: EventHandler, TimerTarget {
    enum Phase {
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
    static let drainedBodyBytes = 256 * 1024
    static let lingerMilliseconds = 2_000
    static let writeStallMilliseconds = 60_000

    // Strong, since a counted or unsafe reference costs at each use: the loop lets go of a connection that is closed.
    let worker: Worker
    let loop: EventLoop
    let exchanges: ExchangeSlab
    // The stream, the buffers and the body's reader are unchecked: what they are passed to knows nothing of the connection.
    @exclusivity(unchecked) var stream: Stream?
    private var registration: Registration?
    var phase = Phase.idle
    let timer: Timer

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
    var current: Unmanaged<Exchange>?
    var exchange: Exchange? { current?.takeUnretainedValue() }
    /// A partial head, or requests that were sent ahead (pipelining, RFC 9112 §9.3.2).
    @exclusivity(unchecked) var inbound = ByteBuffer()
    var scannedBytes = 0
    @exclusivity(unchecked) var outbound = ByteBuffer()
    @exclusivity(unchecked) var body = BodyReader(.none)
    var bodyIsWhole = true
    var bodyBytes = 0
    var bodyStartedNanoseconds: UInt64 = 0
    var bodyIsDropped = false
    var readingIsPaused = false
    /// The socket may hold bytes of which no event will tell again.
    var mayHoldMore = false
    var answerEnded = false
    /// Found while the exchange was sending; told from a call of the loop, so that the exchange is not called back in between.
    var isBroken = false
    var closesAfterAnswer = false
    /// The caller closed its sending side; it may still be reading.
    var peerFinished = false

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
    func arm(_ milliseconds: Int) {
        if phase == .closed { return }
        timer.arm(atNanoseconds: loop.nowNanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

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

    // MARK: Ending

    /// Whether the caller has closed its sending side, as the kernel knows it: the event may still be on its way.
    var peerHasFinished: Bool { peerFinished || phase == .closed || stream!.peerHasFinished() }

    /// True when the caller's kernel has acknowledged every byte: the answer has arrived though its sender has finished.
    var isAcknowledged: Bool { phase != .closed && stream!.isAcknowledged() }

    func lost() {
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
