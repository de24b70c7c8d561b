import Bytes
import EventLoop
import Logging
import OnChain

/// One node: how it does, and one message to it. A node is asked for its chain before anything it says counts, and again
/// after each failure.
final class RPCNode: TimerTarget {
    /// What came of one message.
    enum Outcome {
        case answer(RPCBatch.Answer)
        /// The node gave no answer that counts.
        case failed(String)
    }

    static let probeMilliseconds = 5_000
    /// Asks do not probe a node that failed more often than this.
    static let probeGapNanoseconds: UInt64 = 250_000_000
    /// Messages on their way; more calls wait and go together.
    static let batchesAtMost = 8
    private static let restSecondsAtMost = 60

    let index: Int
    let endpoint: RPCEndpoint
    private(set) var state = RPCHealth.State.unchecked
    /// Failures since it last answered calls.
    private(set) var failures = 0
    /// Its newest block is older than another node's: it is asked only where nobody else can be.
    private(set) var isBehind = false
    var batchesInFlight = 0
    /// How many calls it takes in one message; less once it refused as many.
    var callsAtMost = 100

    private let network: String
    private let chainID: UInt64
    private let pool: EndpointPool
    private let loop: EventLoop
    private let logger: Logger
    private let timer: Timer
    private var isProbing = false
    private var probeEndedNanoseconds: UInt64 = 0
    /// Told after each probe and each failure.
    var changed: (() -> Void)?

    init(
        _ endpoint: RPCEndpoint, index: Int, network: String, chainID: UInt64, client: HTTPClient, logger: Logger
    ) {
        self.index = index
        self.endpoint = endpoint
        self.network = network
        self.chainID = chainID
        self.logger = logger
        loop = client.loop
        pool = client.pool(for: endpoint.endpoint, keptAtMost: RPCNode.batchesAtMost)
        timer = Timer(loop.timers)
        timer.target = self
    }

    deinit { timer.unlink() }

    var health: RPCHealth { RPCHealth(name: endpoint.name, state: state) }
    /// In sets of nodes.
    var bit: UInt64 { 1 << UInt64(index) }
    var hasRoom: Bool { batchesInFlight < RPCNode.batchesAtMost }

    /// Why it is not asked; nil where it is.
    var trouble: String? {
        switch state {
        case .usable: nil
        case .unchecked: "\(endpoint.name) was not asked yet"
        case .failed(let reason): reason
        case .wrongChain(let found): "\(endpoint.name) is on chain \(found), not \(chainID)"
        }
    }

    /// Whether it is the one to ask of two that answer.
    func isBetter(than other: RPCNode) -> Bool {
        isBehind == other.isBehind ? failures < other.failures : !isBehind
    }

    // MARK: Health

    /// Whether an ask may hope for this node, which is not usable now: a probe runs, or one is begun by this.
    func isWorthWaiting(for ask: RPCAsk) -> Bool {
        if isProbing { return true }
        let now = monotonicNanoseconds()
        guard probeEndedNanoseconds < ask.bornNanoseconds,
            now - probeEndedNanoseconds >= RPCNode.probeGapNanoseconds
        else { return false }
        probe()
        return true
    }

    /// Asks for its chain, unless that is being done.
    func probe() {
        if isProbing { return }
        isProbing = true
        timer.cancel()
        post(RPCBatch([.chainID]), deadlineMilliseconds: RPCNode.probeMilliseconds) { [self] outcome in
            isProbing = false
            probeEndedNanoseconds = monotonicNanoseconds()
            judge(outcome)
            changed?()
        }
    }

    private func judge(_ outcome: Outcome) {
        switch outcome {
        case .failed(let reason): rest(.failed(reason))
        case .answer(.refused(let code, let message)):
            rest(.failed("\(endpoint.name): error \(code): \(message)"))
        case .answer(.replies(let replies)):
            do throws(RPCFault) {
                let found = try replies[0].uint64()
                if found != chainID { return rest(.wrongChain(found: found)) }
                timer.cancel()
                if state != .usable { logger.notice("\(network): \(endpoint.name) is in use") }
                state = .usable
            } catch {
                rest(.failed("\(endpoint.name): \(error)"))
            }
        }
    }

    /// It answered calls.
    func worked() { failures = 0 }

    /// Its newest block was compared with another's.
    func compared(_ block: RPCBlock, isBehind: Bool) {
        guard isBehind != self.isBehind else { return }
        self.isBehind = isBehind
        let newest = "its newest block is \(block.number)"
        if isBehind {
            logger.warning("\(network): \(endpoint.name) is behind the other nodes: \(newest)")
        } else {
            logger.notice("\(network): \(endpoint.name) has caught up: \(newest)")
        }
        changed?()
    }

    /// It gave no answer to calls: it rests, and is probed before it is used again.
    func failed(_ reason: String) {
        // One fault breaks every message on its way: it counts once.
        guard state == .usable else { return }
        rest(.failed(reason))
        changed?()
    }

    private func rest(_ state: RPCHealth.State) {
        failures += 1
        if state != self.state {
            self.state = state
            logger.warning("\(network): \(trouble ?? "")")
        }
        let seconds = min(1 << min(failures - 1, 6), RPCNode.restSecondsAtMost)
        timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000)
    }

    func timerFired(_ timer: Timer) { probe() }

    // MARK: One message

    /// Sends a batch and reads what comes back.
    func post(_ batch: RPCBatch, deadlineMilliseconds: Int, done: @escaping (Outcome) -> Void) {
        var body = ByteBuffer(capacity: 512)
        batch.encode(into: &body)
        let request = ClientRequest(
            method: .post, target: endpoint.target, authority: endpoint.authority,
            fields: [("Content-Type", "application/json"), ("Accept", "application/json")],
            // Reads change nothing, and the same signed transaction may be given again.
            body: Array(body.readable), mayRepeat: true, answerBytesAtMost: RPCBatch.limits.bytes)
        let name = endpoint.name
        ClientCall.begin(request, over: pool, on: loop, deadlineMilliseconds: deadlineMilliseconds) { result in
            switch result {
            case .success(let answer): done(RPCNode.judge(answer, to: batch, name))
            case .failure(let failure):
                let detail = failure.fault.detail
                done(.failed(detail.contains(name) ? detail : "\(name): \(detail)"))
            }
        }
    }

    private static func judge(_ answer: ClientAnswer, to batch: RPCBatch, _ name: String) -> Outcome {
        // Some nodes refuse a batch with one of these; every other status says that the node does not serve us.
        let isRefusal = batch.calls.count > 1 && (answer.status == 400 || answer.status == 413)
        guard answer.status == 200 || isRefusal else { return .failed("\(name): HTTP \(answer.status)") }
        let decoded = answer.body.withUnsafeBytes { bytes in
            Result { () throws(RPCFault) in try batch.decode(bytes) }
        }
        switch decoded {
        case .success(.replies) where isRefusal: return .failed("\(name): HTTP \(answer.status)")
        case .success(let answer): return .answer(answer)
        case .failure(_) where isRefusal: return .answer(.refused(code: answer.status, message: "batch refused"))
        case .failure(let fault): return .failed("\(name): \(fault)")
        }
    }
}
