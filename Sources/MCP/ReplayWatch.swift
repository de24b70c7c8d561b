/// Which responses may pass on a stream that a client opened by GET.
///
/// A server keeps its answers and sends them again to a client that resumes a stream, so that a call whose POST was
/// dropped before it was paid for could be had for nothing. Here is kept which requests of a session are owed a payment.
/// Whatever is not known does not pass: forgetting withholds, and never gives away.
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
        var lastUse: Int
    }

    private let maximumSessions: Int
    private let maximumIDs: Int
    private var sessions: [[UInt8]: Session] = [:]
    private var uses = 0

    /// - Parameters:
    ///   - maximumSessions: beyond, the session longest without a request is forgotten.
    ///   - maximumIDs: of one session; beyond, its oldest free or settled request is forgotten, and where all are held,
    ///     the session.
    public init(maximumSessions: Int, maximumIDs: Int) {
        precondition(maximumSessions > 0 && maximumIDs > 0, "a watch that keeps nothing")
        self.maximumSessions = maximumSessions
        self.maximumIDs = maximumIDs
    }

    public var sessionCount: Int { sessions.count }

    /// A server issued this session (`Mcp-Session-Id`, with whatever else tells servers apart) in answer to an
    /// `initialize` that named none. Of a session that was not seen from its beginning nothing is known: what was held in
    /// it is forgotten, so it must not be opened again by an `initialize` that names it.
    public mutating func open(session: [UInt8]) {
        guard sessions[session] == nil else { return }
        if sessions.count == maximumSessions,
            let idle = sessions.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
        {
            sessions[idle] = nil
        }
        uses += 1
        sessions[session] = Session(lastUse: uses)
    }

    /// A request that costs nothing was forwarded. It does not free another under the same id.
    public mutating func noteFree(session: [UInt8], id: MessageID) { note(session, id, owed: 0) }

    /// A priced call is about to be forwarded whose answer is not paid for yet.
    public mutating func hold(session: [UInt8], id: MessageID) { note(session, id, owed: 1) }

    /// One call under this id was settled, or its answer turned out to cost nothing. A call that ends in any other way
    /// stays held.
    public mutating func release(session: [UInt8], id: MessageID) {
        guard let owed = sessions[session]?.unsettled[id], owed > 0 else { return }
        sessions[session]?.unsettled[id] = owed - 1
    }

    /// The client ended the session (DELETE).
    public mutating func close(session: [UInt8]) { sessions[session] = nil }

    /// A call under this id is not settled, and may never be.
    public func isHeld(session: [UInt8], id: MessageID) -> Bool { sessions[session]?.unsettled[id] ?? 0 > 0 }

    public func verdict(session: [UInt8], _ answer: Answer) -> Verdict {
        if answer.isErrorWithoutID { return .passes }
        guard let id = answer.id, let owed = sessions[session]?.unsettled[id] else { return .unknown }
        return owed == 0 ? .passes : .held
    }

    private mutating func note(_ key: [UInt8], _ id: MessageID, owed: Int) {
        guard var session = sessions.removeValue(forKey: key) else { return }
        uses += 1
        session.lastUse = uses
        if let known = session.unsettled[id] {
            session.unsettled[id] = known + owed
        } else {
            if session.order.count == maximumIDs {
                // What is held is never forgotten alone: a free request under its id would let its answer pass.
                guard let place = session.order.firstIndex(where: { session.unsettled[$0] == 0 }) else { return }
                session.unsettled[session.order.remove(at: place)] = nil
            }
            session.order.append(id)
            session.unsettled[id] = owed
        }
        sessions[key] = session
    }
}
