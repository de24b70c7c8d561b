import Bytes

/// Who may hear an answer that was sold, by the digest of its text; the newest of them.
///
/// Servers commonly keep what they sent in one store for all their sessions, in which a stream has the id of its request and
/// nothing else: a client that resumes a stream of its own would hear what another session was sold, or what was withheld there.
struct SoldAnswers {
    /// Sessions that have paid for the same text; beyond, one of them hears it on no stream but its call's.
    static let buyersAtMost = 64

    private let maximum: Int
    private var listeners: [Bytes32: Set<Bytes32>] = [:]
    /// In the order in which they came, from `oldest` on and round.
    private var order: [Bytes32] = []
    private var oldest = 0

    /// - Parameter maximum: beyond, the oldest is forgotten.
    init(maximum: Int) {
        precondition(maximum > 0)
        self.maximum = maximum
    }

    /// The answer costs something.
    ///
    /// - Parameter session: who has paid for it; nil while nobody has.
    mutating func note(_ answer: Bytes32, paidIn session: Bytes32?) {
        if listeners[answer] == nil {
            if order.count < maximum {
                order.append(answer)
            } else {
                listeners[order[oldest]] = nil
                order[oldest] = answer
                oldest = (oldest + 1) % maximum
            }
            listeners[answer] = []
        }
        guard let session else { return }
        if listeners[answer]!.count == Self.buyersAtMost { listeners[answer]!.removeFirst() }
        listeners[answer]!.insert(session)
    }

    /// Nil of an answer that was not sold, or is forgotten.
    func mayHear(_ answer: Bytes32, session: Bytes32) -> Bool? { listeners[answer].map { $0.contains(session) } }
}
