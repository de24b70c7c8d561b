import Bytes
import MCP
import Synchronization

/// Which calls of which sessions are under way, settled or never paid for: shared by all loops, because an answer may come
/// again on another connection than its call's.
final class ToolSessions: Sendable {
    /// A request by its session's key and its id's text.
    struct Call: Hashable, Sendable {
        let session: Bytes32
        let id: MessageID

        init(session: Bytes32, id: MessageID) {
            self.session = session
            self.id = id.asText
        }
    }

    enum Verdict {
        /// Free, or settled.
        case passes
        /// Its call has not come to an end.
        case underWay
        /// Its call was never paid for, or nothing is known of it.
        case withheld
    }

    private static let sessionsAtMost = 16_384
    /// Of one session.
    private static let callsAtMost = 1_024
    private static let callsInAllAtMost = 262_144
    private static let soldAnswersAtMost = 16_384

    private struct State {
        var watch = ReplayWatch(
            maximumSessions: sessionsAtMost, maximumIDs: callsAtMost, maximumIDsInAll: callsInAllAtMost)
        /// Whether it is sold, of each.
        var underWay: [Call: Bool] = [:]
        /// How many sold calls of all sessions are under way under an id.
        var soldUnderWay: [MessageID: Int] = [:]
        var sold = SoldAnswers(maximum: soldAnswersAtMost)
    }

    private let state = Mutex(State())

    /// The upstream began a session.
    func opened(_ session: Bytes32) { state.withLock { $0.watch.open(session: session) } }

    /// The upstream ended a session.
    func closed(_ session: Bytes32) { state.withLock { $0.watch.close(session: session) } }

    /// Takes up calls that are about to be forwarded. False, and none is taken up, where one's id is of a call under way or
    /// of one that was not paid for: a server that tells its streams apart by ids would give the one's answer on the other's.
    func begin(_ calls: [Call], isSold: Bool) -> Bool {
        state.withLock { state in
            for call in calls {
                if state.underWay[call] != nil || state.watch.isHeld(session: call.session, id: call.id) {
                    return false
                }
            }
            for call in calls {
                state.underWay[call] = isSold
                if isSold {
                    state.soldUnderWay[call.id, default: 0] += 1
                    state.watch.hold(session: call.session, id: call.id)
                } else {
                    state.watch.noteFree(session: call.session, id: call.id)
                }
            }
            return true
        }
    }

    /// The answer of a sold call may be shown from now on.
    func released(_ calls: [Call]) {
        state.withLock { state in
            for call in calls { state.watch.release(session: call.session, id: call.id) }
        }
    }

    /// Nothing more is done for the calls. What was sold and not released is withheld for good.
    func ended(_ calls: [Call]) {
        state.withLock { state in
            for call in calls where state.underWay.removeValue(forKey: call) == true {
                let left = state.soldUnderWay[call.id, default: 0] - 1
                state.soldUnderWay[call.id] = left > 0 ? left : nil
            }
        }
    }

    /// An answer that costs something has come.
    ///
    /// - Parameters:
    ///   - digest: of its text.
    ///   - session: who has paid for it; nil while nobody has.
    func sold(_ digest: Bytes32, paidIn session: Bytes32?) {
        state.withLock { $0.sold.note(digest, paidIn: session) }
    }

    /// Whether a response may pass on a stream that a client opened by GET.
    ///
    /// - Parameters:
    ///   - digest: of its text.
    ///   - isLate: it has waited for sold calls of other sessions under its id, whose answer it could be.
    ///   - isResumed: the stream was asked for by `Last-Event-ID`. What comes again may be the answer of another session's
    ///     call that was given up before its answer came, so that nobody knows its digest.
    func verdict(
        session: Bytes32, _ answer: MCP.Answer, digest: Bytes32, isLate: Bool, isResumed: Bool
    ) -> Verdict {
        state.withLock { state in
            switch state.watch.verdict(session: session, answer) {
            case .unknown: return .withheld
            case .held:
                let isUnderWay = answer.id.map { state.underWay[Call(session: session, id: $0)] != nil }
                return isUnderWay == true ? .underWay : .withheld
            case .passes:
                if let mayHear = state.sold.mayHear(digest, session: session) { return mayHear ? .passes : .withheld }
                guard let id = answer.id?.asText else { return .passes }
                if !isLate && state.soldUnderWay[id] != nil { return .underWay }
                return isResumed && state.watch.isHeldAnywhere(id) ? .withheld : .passes
            }
        }
    }
}
