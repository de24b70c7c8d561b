import EventLoop
import OnChain

/// Calls that were given together: they are answered together, by the deadline at the latest.
final class RPCAsk: TimerTarget {
    let calls: [RPCCall]
    /// Index of the only node to be asked; nil: any.
    let node: Int?
    let deadlineMilliseconds: Int
    /// Monotonic.
    let bornNanoseconds: UInt64
    /// The latest reason why a node gave no answer.
    var lastFault: String?
    /// Held until it is over.
    private var client: RPCClient?
    private var replies: [RPCReply?]
    private var unanswered: Int
    private var done: (([RPCReply]) -> Void)?
    private let timer: Timer

    init(
        _ calls: [RPCCall], of client: RPCClient, node: Int?, deadlineMilliseconds: Int, timers: TimerWheel,
        done: @escaping ([RPCReply]) -> Void
    ) {
        self.calls = calls
        self.node = node
        self.client = client
        self.deadlineMilliseconds = deadlineMilliseconds
        self.done = done
        bornNanoseconds = monotonicNanoseconds()
        replies = Array(repeating: nil, count: calls.count)
        unanswered = calls.count
        timer = Timer(timers)
        timer.target = self
        timer.arm(atNanoseconds: endsNanoseconds)
    }

    deinit { timer.unlink() }

    private var endsNanoseconds: UInt64 { bornNanoseconds + UInt64(deadlineMilliseconds) * 1_000_000 }

    var isOver: Bool { done == nil }

    var millisecondsLeft: Int {
        let now = monotonicNanoseconds()
        return endsNanoseconds > now ? max(1, Int((endsNanoseconds - now) / 1_000_000)) : 1
    }

    func answer(_ index: Int, _ reply: RPCReply) {
        guard !isOver, replies[index] == nil else { return }
        replies[index] = reply
        unanswered -= 1
        if unanswered == 0 { finish(missing: "") }
    }

    func timerFired(_ timer: Timer) {
        let why = lastFault.map { "; before that, \($0)" } ?? ""
        finish(missing: "\(client?.network ?? ""): no answer within \(deadlineMilliseconds) ms\(why)")
    }

    private func finish(missing reason: String) {
        guard let done else { return }
        self.done = nil
        client = nil
        timer.unlink()
        done(replies.map { $0 ?? .unreachable(reason) })
    }
}

/// One call of an ask on its way.
struct RPCItem {
    let ask: RPCAsk
    let index: Int
    /// One bit a node: those that gave no answer to it.
    var tried: UInt64 = 0

    var call: RPCCall { ask.calls[index] }

    func mayGo(to node: RPCNode) -> Bool { tried & node.bit == 0 && (ask.node ?? node.index) == node.index }
}
