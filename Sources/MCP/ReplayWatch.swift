import Bytes

/// Which responses may pass on a stream that a client opened by GET.
///
/// A server keeps its answers and sends them again to a client that resumes a stream, so that a call whose POST was
/// dropped before it was paid for could be had for nothing. Here is kept which requests of a session are owed a payment.
/// Whatever is not known does not pass, so that forgetting withholds. What is held keeps others from its id, too, and is
/// forgotten only where nothing else is left to forget.
///
/// Ids are compared by their text, since servers keep their streams by it: 5 and "5" are one. Sessions are known by a
/// digest of `Mcp-Session-Id` with whatever else tells servers apart, so that a long name takes no more room.
public struct ReplayWatch: Sendable {
    public enum Verdict: Hashable, Sendable {
        /// Free, or settled.
        case passes
        /// A call is under way whose payment is not settled, or never was.
        case held
        /// A request of which nothing is known: made before a restart, or forgotten by the bounds.
        case unknown
    }

    private struct Session: Sendable {
        /// How many calls under this id are not settled.
        var unsettled: [MessageID: Int] = [:]
        /// In the order in which they came.
        var order: [MessageID] = []
        /// It was seen from its beginning. Of any other only what is held is known, and nothing passes.
        var isWhole: Bool
        /// How many of its requests are held.
        var heldCount = 0
    }

    private let maximumSessions: Int
    private let maximumIDs: Int
    private let maximumIDsInAll: Int
    private var sessions: [Bytes32: Session] = [:]
    /// Every session is in one of these two; those that hold nothing are forgotten first.
    private var idle = RecencyList()
    private var holding = RecencyList()
    /// Those with requests that are not held.
    private var withFree = RecencyList()
    /// How many calls under an id are not settled, in all sessions.
    private var unsettled: [MessageID: Int] = [:]
    /// Of all sessions.
    private(set) var idCount = 0

    /// - Parameters:
    ///   - maximumSessions: beyond, the session longest without a request is forgotten, one that holds nothing first.
    ///   - maximumIDs: of one session; beyond, its oldest free or settled request is forgotten, and where all are held,
    ///     nothing is known of the new one.
    ///   - maximumIDsInAll: of all sessions, at least `maximumIDs`; beyond, all free and settled requests of the session
    ///     longest without one are forgotten, and where all are held, a session.
    public init(maximumSessions: Int, maximumIDs: Int, maximumIDsInAll: Int) {
        precondition(maximumSessions > 0 && maximumIDs > 0, "a watch that keeps nothing")
        precondition(maximumIDsInAll >= maximumIDs, "a session has room for its ids")
        self.maximumSessions = maximumSessions
        self.maximumIDs = maximumIDs
        self.maximumIDsInAll = maximumIDsInAll
    }

    public var sessionCount: Int { sessions.count }

    /// A server issued this session in answer to an `initialize` that named none. A session that was not seen from its
    /// beginning must not be opened by an `initialize` that names it: what was held in it before is not known.
    public mutating func open(session key: Bytes32) {
        guard sessions[key] == nil else { return }
        makeRoom()
        sessions[key] = Session(isWhole: true)
        place(key)
    }

    /// For one more session.
    private mutating func makeRoom() {
        if sessions.count == maximumSessions, let oldest = idle.oldest ?? holding.oldest { forget(oldest) }
    }

    private mutating func keepIDsBounded() {
        while idCount > maximumIDsInAll {
            if let oldest = withFree.oldest {
                forgetFree(of: oldest)
            } else if let oldest = holding.oldest {
                forget(oldest)
            }
        }
    }

    /// Nothing is known any more of what was held there, either.
    private mutating func forget(_ key: Bytes32) {
        guard let forgotten = sessions.removeValue(forKey: key) else { return }
        idCount -= forgotten.unsettled.count
        for (id, owed) in forgotten.unsettled { settled(id, owed) }
        place(key)
    }

    /// What is held there stays so.
    private mutating func forgetFree(of key: Bytes32) {
        guard var session = sessions.removeValue(forKey: key) else { return }
        idCount -= session.order.count
        session.unsettled = session.unsettled.filter { $0.value > 0 }
        session.order = session.order.filter { session.unsettled[$0] != nil }
        idCount += session.order.count
        sessions[key] = session
        withFree.remove(key)
    }

    /// Puts the session where it belongs, as the one used last; takes out one that is forgotten.
    private mutating func place(_ key: Bytes32) {
        let session = sessions[key]
        if let session, session.heldCount == 0 { idle.use(key) } else { idle.remove(key) }
        if let session, session.heldCount > 0 { holding.use(key) } else { holding.remove(key) }
        if let session, session.heldCount < session.order.count { withFree.use(key) } else { withFree.remove(key) }
    }

    /// A request that costs nothing was forwarded. It does not free another under the same id.
    public mutating func noteFree(session: Bytes32, id: MessageID) { note(session, id, owed: 0) }

    /// A priced call is about to be forwarded whose answer is not paid for yet.
    public mutating func hold(session: Bytes32, id: MessageID) { note(session, id, owed: 1) }

    /// One call under this id was settled, or its answer turned out to cost nothing. A call that ends in any other way
    /// stays held.
    public mutating func release(session key: Bytes32, id: MessageID) {
        let id = id.asText
        guard let owed = sessions[key]?.unsettled[id], owed > 0 else { return }
        sessions[key]!.unsettled[id] = owed - 1
        settled(id, 1)
        guard owed == 1 else { return }
        sessions[key]!.heldCount -= 1
        place(key)
    }

    private mutating func settled(_ id: MessageID, _ count: Int) {
        let left = unsettled[id, default: 0] - count
        unsettled[id] = left > 0 ? left : nil
    }

    /// The client ended the session (DELETE). What is held in it stays so: a server may say that it ended a session, and
    /// go on with it.
    public mutating func close(session key: Bytes32) {
        guard let session = sessions[key] else { return }
        if session.heldCount == 0 { return forget(key) }
        sessions[key]!.isWhole = false
        forgetFree(of: key)
    }

    /// A call under this id is not settled, and may never be.
    public func isHeld(session: Bytes32, id: MessageID) -> Bool { sessions[session]?.unsettled[id.asText] ?? 0 > 0 }

    /// A call under this id is not settled, and may never be, in whatever session.
    public func isHeldAnywhere(_ id: MessageID) -> Bool { unsettled[id.asText] != nil }

    public func verdict(session: Bytes32, _ answer: Answer) -> Verdict {
        if answer.isErrorWithoutID { return .passes }
        guard let id = answer.id, let session = sessions[session], let owed = session.unsettled[id.asText] else {
            return .unknown
        }
        if owed > 0 { return .held }
        return session.isWhole ? .passes : .unknown
    }

    private mutating func note(_ key: Bytes32, _ id: MessageID, owed: Int) {
        let id = id.asText
        if sessions[key] == nil {
            // Of a session that was not seen from its beginning only what is held counts.
            if owed == 0 { return }
            makeRoom()
        }
        var session = sessions.removeValue(forKey: key) ?? Session(isWhole: false)
        defer {
            sessions[key] = session
            place(key)
            keepIDsBounded()
        }
        if let known = session.unsettled[id] {
            session.unsettled[id] = known + owed
            if known == 0 { session.heldCount += owed }
        } else {
            if session.order.count == maximumIDs {
                // What is held is never forgotten alone: a free request under its id would let its answer pass.
                guard let place = session.order.firstIndex(where: { session.unsettled[$0] == 0 }) else { return }
                session.unsettled[session.order.remove(at: place)] = nil
                idCount -= 1
            }
            session.order.append(id)
            session.unsettled[id] = owed
            session.heldCount += owed
            idCount += 1
        }
        if owed > 0 { unsettled[id, default: 0] += owed }
    }
}
