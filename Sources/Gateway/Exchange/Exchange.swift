import Bytes
import EventLoop
import HTTP

/// One request with its response, from the head's last byte to the access log's line.
///
/// `advance()` is its whole life: every stage returns `ready` or `pending`, and callbacks only note what came and resume it.
/// Body bytes move in the callbacks themselves. An exchange outlives its caller's connection where money is at stake.
final class Exchange: TimerTarget {
    // Strong, since a counted or unsafe reference costs at each use: the slab lets go of its exchanges after the loop's end.
    let worker: Worker
    private let index: UInt32
    var generation: UInt32 = 0
    let head: RequestHead
    var stage = Stage.ended

    /// The next at rest, in the slab's list.
    var nextFree: Unmanaged<Exchange>?

    // What is not counted, the buffers and the record are unchecked: what they are passed to knows nothing of the exchange.

    /// The connection that the request came by, while it is open. Not counted: an open one is its worker's, and one that
    /// closes stays its loop's to the turn's end, before which it is forgotten here, by `downstreamLost` or by `end`.
    @exclusivity(unchecked) private(set) var openCaller: Unmanaged<DownstreamConnection>?
    /// The same once it has closed.
    private var goneCaller: DownstreamConnection?
    /// Where the request came from, open or not.
    var caller: DownstreamConnection? { downstream ?? goneCaller }
    /// Nil when the caller has gone.
    var downstream: DownstreamConnection? { openCaller?.takeUnretainedValue() }
    /// Holds the revision that this exchange began with.
    var prepared: PreparedRevision
    /// Not counted: it is of the revision that `prepared` holds.
    @exclusivity(unchecked) private var matched: Unmanaged<Route>?
    var route: Route? {
        get { matched?.takeUnretainedValue() }
        set { matched = newValue.map(Unmanaged.passUnretained) }
    }
    var isAdmin = false

    /// The canonical target where it differs from what came on the wire.
    @exclusivity(unchecked) var rewrittenTarget = ByteBuffer()
    var targetIsRewritten = false
    var pathLength = 0

    // The request's way up.
    var upstream: Upstream?
    var connection: ClientConnection?
    /// Body bytes that came before there was an upstream to take them.
    @exclusivity(unchecked) var earlyBody = ByteBuffer()
    var requestIsWhole = false
    var requestBodyBytes = 0
    var hasContinued = false
    var requestFault: RequestFault?

    // The answer's way down.
    /// Head and framing bytes that wait to be sent with the next body bytes.
    @exclusivity(unchecked) var out = ByteBuffer()
    var answerFraming = AnswerFraming.none
    var answerStarted = false
    var answerIsWhole = false
    var upstreamFault: ClientFault?
    var triedAgain = false
    private var acknowledgementChecks = 0

    /// What is bought, where the route has a price and the caller pays.
    var purchase: Purchase?
    /// What the exchange has to do with a person's review; nil for nearly all.
    var visit: ReviewVisit?
    /// What is POSTed to a server of tools.
    var message: ToolMessage?
    /// A stream of such a server's that its client listens on.
    var listening: Listening?

    @exclusivity(unchecked) var record = ExchangeRecord(startedNanoseconds: 0)
    let timer: Timer

    init(worker: Worker, index: UInt32) {
        self.worker = worker
        self.index = index
        head = RequestHead(limits: worker.headLimits)
        prepared = worker.prepared
        timer = Timer(worker.loop.timers)
        timer.target = self
    }

    var handle: ExchangeHandle { ExchangeHandle(index: index, generation: generation) }

    /// Path and query as they are routed, priced, bound and forwarded. Good until the exchange ends.
    var target: UnsafeRawBufferPointer { targetIsRewritten ? rewrittenTarget.readable : head.pathAndQuery }
    /// The canonical path alone.
    var path: UnsafeRawBufferPointer {
        let target = target
        precondition(pathLength <= target.count)
        return UnsafeRawBufferPointer(start: target.baseAddress, count: pathLength)
    }

    // MARK: The life of a request

    /// Takes up a request whose head is in `head`.
    func begin(_ downstream: DownstreamConnection) {
        prepare(downstream)
        stage = .routing
        advance()
    }

    /// Takes up what is no request: it is answered, logged, and the connection ends.
    func begin(_ downstream: DownstreamConnection, refused fault: RequestFault) {
        prepare(downstream)
        record.targetIsUnknown = true
        answer(refusing: fault)
        advance()
    }

    /// - Parameter downstream: nil for a request that nobody waits for.
    func prepare(_ downstream: DownstreamConnection?) {
        openCaller = downstream.map { .passUnretained($0) }
        if prepared !== worker.prepared { prepared = worker.prepared }
        isAdmin = downstream?.isAdmin ?? false
        record.begin(atNanoseconds: worker.loop.nowNanoseconds)
        requestIsWhole = head.framing == .none || head.framing == .length(0)
    }

    /// Goes on until something must be waited for.
    func advance() {
        while true {
            let progress: Progress
            switch stage {
            case .routing: progress = routeRequest()
            case .judging: progress = judgeMessage()
            case .reading: progress = readPayment()
            case .collecting: progress = collectBody()
            case .proving: progress = provePayment()
            case .probing: progress = probeUpstream()
            case .admitting: progress = admitPayment()
            case .verifying: progress = verifyPayment()
            case .reviewing: progress = review()
            case .settlingFirst: progress = settleFirst()
            case .forwarding: progress = forward()
            case .answering: progress = judgeAnswer()
            case .settlingAfter: progress = settleAfter()
            case .releasing: progress = releaseHeldAnswer()
            case .delivering: progress = deliver()
            case .ended: return
            }
            if progress == .pending { return }
        }
    }

    /// Waits until the caller's kernel has the last byte, and where money is at stake and the caller finished sending
    /// first, until it has acknowledged it.
    private func deliver() -> Progress {
        guard let openCaller else {
            end(delivered: false)
            return .ready
        }
        if openCaller._withUnsafeGuaranteedRef({ $0.hasUnsentBytes || $0.isBroken }) { return .pending }
        if purchase?.ticket != nil || visit?.ticket != nil, let downstream, downstream.peerHasFinished,
            !downstream.isAcknowledged
        {
            if acknowledgementChecks == Purchase.acknowledgementChecksAtMost {
                end(delivered: false)
                return .ready
            }
            acknowledgementChecks += 1
            timer.arm(atNanoseconds: worker.loop.nowNanoseconds + Purchase.acknowledgementCheckNanoseconds)
            return .pending
        }
        end(delivered: true)
        return .ready
    }

    /// Every exchange ends here, once: the ledger is told, the line is logged, the connection goes on without it.
    private func end(delivered: Bool) {
        stage = .ended
        timer.cancel()
        if connection != nil { abandonConnection() }
        var outcome = purchase == nil ? record.outcome : settleAccounts(delivered: delivered)
        let isPaid = purchase?.isPaid == true
        let isAsked = purchase?.requestBytesWritten == true
        if let visit { outcome = conclude(visit, outcome, delivered: delivered) }
        worker.log(self, outcome: outcome)
        let endsWithConnection = answerFraming == .untilClose
        let caller = openCaller
        openCaller = nil
        matched = nil
        // Looked at first, because letting go of nothing costs a call, too.
        if goneCaller != nil { goneCaller = nil }
        if upstream != nil { upstream = nil }
        if purchase != nil { purchase = nil }
        if visit != nil { visit = nil }
        if let message {
            end(message, isPaid: isPaid, isAsked: isAsked)
            self.message = nil
        }
        if listening != nil { listening = nil }
        requestIsWhole = false
        requestBodyBytes = 0
        hasContinued = false
        requestFault = nil
        answerFraming = .none
        answerStarted = false
        answerIsWhole = false
        if upstreamFault != nil { upstreamFault = nil }
        triedAgain = false
        acknowledgementChecks = 0
        targetIsRewritten = false
        pathLength = 0
        earlyBody.release()
        out.clear()
        if let caller {
            if record.isBrokenOff {
                caller._withUnsafeGuaranteedRef { $0.breakOff(withReset: endsWithConnection) }
            } else {
                caller._withUnsafeGuaranteedRef { $0.exchangeEnded() }
            }
        }
        worker.exchangeEnded(self)
    }

    /// The answer is all with `downstream`: what is left is its delivery.
    func finishAnswer() { stage = .delivering }

    /// The answer cannot be completed: the caller's connection ends so that it cannot be taken for whole.
    func breakOff() {
        flushOut()
        record.isBrokenOff = true
        end(delivered: false)
    }

    // MARK: What the caller's connection tells

    /// All that was given to `send` is with the kernel.
    func downstreamDrained() {
        // An answer that waits for its call's end holds back what comes behind it.
        if listening?.waiting == nil { connection?.resume() }
        if stage == .delivering || stage == .releasing { advance() }
    }

    /// The caller sends no more: it may still read, or it may be gone, which only an answer will tell. From the claim on, a
    /// retry of the same request waits for this exchange rather than being charged beside it.
    func callerFinishedSending() {
        switch stage {
        case .routing, .judging, .reading, .collecting, .proving, .probing, .admitting, .verifying, .reviewing,
            .ended:
            return
        case .forwarding where listening != nil, .answering where listening != nil:
            // To a caller of whom nothing more is heard nothing may be said for hours.
            abandonConnection()
            breakOff()
        case .settlingFirst, .forwarding, .answering, .settlingAfter, .releasing, .delivering:
            tellCallerGone()
        }
    }

    /// The caller is gone. Where nothing is claimed, nobody needs the answer; a claim runs to its end without it.
    func downstreamLost() {
        goneCaller = downstream
        openCaller = nil
        switch stage {
        case .ended: return
        case .routing, .judging, .reading, .collecting, .proving, .probing, .verifying, .reviewing:
            return end(delivered: false)
        case .admitting:
            tellCallerGone()
            return end(delivered: false)
        case .settlingFirst, .settlingAfter: tellCallerGone()
        case .forwarding, .answering:
            guard purchase != nil else { return end(delivered: false) }
            tellCallerGone()
            if !requestIsWhole && purchase?.body == nil { return requestFailed(.truncatedBody) }
            connection?.resume()
        case .releasing, .delivering:
            tellCallerGone()
            advance()
        }
    }

    func tellCallerGone() {
        if let token = purchase?.token { worker.ledger.callerGone(token) }
    }

    /// The upstream connection is no longer this exchange's; whether the upstream may have acted on the request is remembered.
    func forgetConnection() {
        guard let connection else { return }
        if connection.hasWrittenRequest { purchase?.requestBytesWritten = true }
        self.connection = nil
    }

    /// The same, where the answer is not over: the connection ends.
    func abandonConnection() {
        let connection = connection
        forgetConnection()
        connection?.abandon()
    }

    func timerFired(_ timer: Timer) {
        switch stage {
        case .delivering: advance()
        case .answering where listening?.isWaiting == true: goOnListening()
        case .probing:
            upstreamFault = ClientFault(kind: .totalTimedOut, detail: "")
            abandonConnection()
            advance()
        case .forwarding, .answering:
            upstreamFault = ClientFault(kind: .totalTimedOut, detail: "")
            abandonConnection()
            stage = .answering
            advance()
        default: break
        }
    }
}
