import EventLoop
import Logging
import OnChain

/// One network's nodes, asked over JSON-RPC on the money loop.
///
/// What was asked is answered even if the owner lets go of the client: each ask holds it until then.
final class RPCClient: EventHandler {
    /// Calls that wait for a node; beyond, calls are refused at once.
    static let waitingAtMost = 10_000
    /// Bytes of parameters in one message: nodes bound what they read.
    private static let paramsBytesAtMost = 1 << 20
    private static let comparisonMilliseconds: UInt64 = 3_000

    /// As in the configuration, for messages.
    let network: String
    let chainID: UInt64
    private let loop: EventLoop
    private let nodes: [RPCNode]
    private var waiting: [RPCItem] = []
    /// Told from the loop's next call.
    private var refused: [() -> Void] = []
    private var isScheduled = false
    private var hasBegun = false
    private var heads = NodeHeads()
    /// Nodes whose newest block is being asked for.
    private var comparing = 0
    private var nextComparisonAt: UInt64 = 0

    /// - Parameter endpoints: 1 to 64, dearest first.
    init(network: String, chainID: UInt64, endpoints: [RPCEndpoint], client: HTTPClient, logger: Logger) {
        precondition((1...64).contains(endpoints.count))
        self.network = network
        self.chainID = chainID
        loop = client.loop
        nodes = endpoints.enumerated().map { index, endpoint in
            RPCNode(endpoint, index: index, network: network, chainID: chainID, client: client, logger: logger)
        }
        super.init()
        for node in nodes {
            node.changed = { [weak self] in
                self?.schedule()
                self?.healthChanged?()
            }
        }
    }

    /// Told after each change of `health`.
    var healthChanged: (() -> Void)?

    /// In the configuration's order.
    var health: [RPCHealth] { nodes.map(\.health) }

    /// Asks the healthiest node, and the next one where it gives no answer. All calls made within one turn of the loop with
    /// the same deadline go out as one batch. `done` is told one reply a call, once, from a later call of the loop.
    func call(_ calls: [RPCCall], deadlineMilliseconds: Int, done: @escaping ([RPCReply]) -> Void) {
        ask(calls, of: nil, deadlineMilliseconds, done)
    }

    /// Asks every node the same: for what counts only if nobody says otherwise. One list a node, in the configuration's
    /// order; where a node gives no answer, it is of `.unreachable`.
    func callEach(_ calls: [RPCCall], deadlineMilliseconds: Int, done: @escaping ([[RPCReply]]) -> Void) {
        var lists = [[RPCReply]](repeating: [], count: nodes.count)
        var missing = nodes.count
        for node in nodes {
            ask(calls, of: node.index, deadlineMilliseconds) { replies in
                lists[node.index] = replies
                missing -= 1
                if missing == 0 { done(lists) }
            }
        }
    }

    /// Gives every node a signed transaction. `done` is told once: the first result; else, when all have spoken, the first
    /// error; else that none was reached.
    func broadcast(raw: [UInt8], deadlineMilliseconds: Int, done: @escaping (RPCReply) -> Void) {
        var missing = nodes.count
        var isTold = false
        var error: RPCReply?
        var unreachable: [String] = []
        for node in nodes {
            ask([.send(raw: raw)], of: node.index, deadlineMilliseconds) { replies in
                missing -= 1
                if isTold { return }
                switch replies[0] {
                case .result:
                    isTold = true
                    done(replies[0])
                case .error: error = error ?? replies[0]
                case .unreachable(let reason): unreachable.append(reason)
                }
                if missing == 0 && !isTold { done(error ?? .unreachable(unreachable.joined(separator: "; "))) }
            }
        }
    }

    /// Asks step by step until there is an answer. The deadline is each step's.
    func pursue<Answer>(
        _ inquiry: ChainInquiry<Answer>, deadlineMilliseconds: Int, done: @escaping (Answer) -> Void
    ) {
        switch inquiry {
        case .answer(let answer): done(answer)
        case .ask(let calls, let next):
            call(calls, deadlineMilliseconds: deadlineMilliseconds) { [self] replies in
                pursue(next(replies), deadlineMilliseconds: deadlineMilliseconds, done: done)
            }
        }
    }

    /// Asks every node that answers for its newest block, every few seconds at most, so that one that has stopped is passed over.
    func compareHeads(now: UInt64, deadlineMilliseconds: Int) {
        guard nodes.count > 1, comparing == 0, now >= nextComparisonAt else { return }
        nextComparisonAt = now + Self.comparisonMilliseconds
        for node in nodes where node.state == .usable {
            comparing += 1
            let bar = heads.bar(for: node.index, now: now)
            ask([.block(.latest)], of: node.index, deadlineMilliseconds) { [weak self] replies in
                guard let self else { return }
                comparing -= 1
                guard let block = try? replies[0].block() else { return }
                node.compared(block, isBehind: heads.take(block, of: node.index, bar: bar, now: now))
            }
        }
    }

    private func ask(
        _ calls: [RPCCall], of node: Int?, _ deadlineMilliseconds: Int, _ done: @escaping ([RPCReply]) -> Void
    ) {
        if waiting.count + calls.count > RPCClient.waitingAtMost || calls.isEmpty {
            let reason = "\(network): more than \(RPCClient.waitingAtMost) calls wait for an answer"
            refused.append { done(calls.map { _ in .unreachable(reason) }) }
            return schedule()
        }
        let ask = RPCAsk(
            calls, of: self, node: node, deadlineMilliseconds: deadlineMilliseconds, timers: loop.timers, done: done)
        for index in calls.indices { waiting.append(RPCItem(ask: ask, index: index)) }
        schedule()
    }

    // MARK: A turn

    private func schedule() {
        if isScheduled { return }
        isScheduled = true
        loop.callAgain(self)
    }

    /// Sends everything that was asked since the last call.
    override func ready(_ events: Readiness) {
        isScheduled = false
        if !hasBegun {
            hasBegun = true
            for node in nodes { node.probe() }
        }
        let told = refused
        refused = []
        for tell in told { tell() }
        let items = waiting
        waiting = []
        var groups: [(node: RPCNode, deadline: Int, items: [RPCItem])] = []
        for item in items where !item.ask.isOver {
            switch choose(item) {
            case .node(let node):
                let deadline = item.ask.deadlineMilliseconds
                if let at = groups.firstIndex(where: { $0.node === node && $0.deadline == deadline }) {
                    groups[at].items.append(item)
                } else {
                    groups.append((node, deadline, [item]))
                }
            case .later: waiting.append(item)
            case .nobody(let reason): item.ask.answer(item.index, .unreachable(reason))
            }
        }
        for group in groups { send(group.items[...], to: group.node) }
    }

    private enum Choice {
        case node(RPCNode)
        /// A node is being asked whether it can be used.
        case later
        case nobody(String)
    }

    private func choose(_ item: RPCItem) -> Choice {
        var best: RPCNode?
        for node in nodes where item.mayGo(to: node) && node.state == .usable {
            if best.map({ node.isBetter(than: $0) }) ?? true { best = node }
        }
        // One that is behind tells of what was: better to wait for another a little.
        if let best, !best.isBehind || item.ask.node != nil { return .node(best) }
        var isHopeful = false
        for node in nodes where item.mayGo(to: node) && node.state != .usable && node.isWorthWaiting(for: item.ask) {
            isHopeful = true
        }
        if isHopeful { return .later }
        if let best { return .node(best) }
        if let fault = item.ask.lastFault { return .nobody(fault) }
        let troubles = nodes.compactMap { item.mayGo(to: $0) ? $0.trouble : nil }
        return .nobody("\(network): \(troubles.joined(separator: "; "))")
    }

    private func send(_ items: ArraySlice<RPCItem>, to node: RPCNode) {
        var rest = items
        while !rest.isEmpty && node.hasRoom {
            var count = 0
            var bytes = 0
            for item in rest.prefix(node.callsAtMost) {
                bytes += item.call.params.utf8.count
                if count > 0 && bytes > RPCClient.paramsBytesAtMost { break }
                count += 1
            }
            let batch = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            node.batchesInFlight += 1
            let deadline = patience(batch, with: node)
            node.post(RPCBatch(batch.map(\.call)), deadlineMilliseconds: deadline) { [self] outcome in
                node.batchesInFlight -= 1
                finished(batch, node, outcome)
            }
        }
        waiting += rest
    }

    /// How long one node may take: an equal share of what is left for each node that could still be asked.
    private func patience(_ items: [RPCItem], with node: RPCNode) -> Int {
        items.reduce(1) { longest, item in
            let others = nodes.count { other in
                other !== node && other.state == .usable && item.mayGo(to: other)
            }
            return max(longest, item.ask.millisecondsLeft / (1 + others))
        }
    }

    private func finished(_ items: [RPCItem], _ node: RPCNode, _ outcome: RPCNode.Outcome) {
        schedule()
        switch outcome {
        case .failed(let reason): retry(items, failed: node, reason)
        case .answer(.refused(let code, let message)):
            let isOfBatches = [-32600, 400, 413].contains(code) || message.lowercased().contains("batch")
            guard isOfBatches && items.count > 1 else {
                return retry(items, failed: node, "\(node.endpoint.name): error \(code): \(message)")
            }
            node.callsAtMost = min(node.callsAtMost, max(1, items.count / 2))
            waiting += items
        case .answer(.replies(let replies)):
            if let limit = replies.lazy.compactMap(RPCClient.rateLimit).first {
                return retry(items, failed: node, "\(node.endpoint.name): \(limit)")
            }
            node.worked()
            var unanswered: [RPCItem] = []
            for (item, reply) in zip(items, replies) {
                if case .unreachable = reply { unanswered.append(item) } else { item.ask.answer(item.index, reply) }
            }
            if !unanswered.isEmpty { retry(unanswered, failed: node, "\(node.endpoint.name) left calls unanswered") }
        }
    }

    /// What a node says of us and not of the call.
    private static func rateLimit(_ reply: RPCReply) -> String? {
        guard case .error(let code, let message, _) = reply else { return nil }
        let said = message.lowercased()
        let isLimit = code == 429 || said.contains("rate limit") || said.contains("too many requests")
        return isLimit ? "error \(code): \(message)" : nil
    }

    private func retry(_ items: [RPCItem], failed node: RPCNode, _ reason: String) {
        node.failed(reason)
        for var item in items where !item.ask.isOver {
            item.tried |= node.bit
            item.ask.lastFault = "\(network): \(reason)"
            waiting.append(item)
        }
    }
}
