/// Which answers are charged under `settle: after`.
public struct ChargeWhen: Sendable, Equatable {
    /// Among 200 to 299.
    public var statuses: StatusSet
    /// Values that the answer's JSON must hold, by RFC 6901 pointer; all of them.
    public var json: [JSONCondition]

    /// Every 2xx.
    static let success = StatusSet([200...299])
}

/// One value that a JSON text must hold.
public struct JSONCondition: Sendable, Equatable {
    /// As written: `/ok`, `/result/0/state`.
    public var pointer: String
    /// The pointer's steps, unescaped, as UTF-8.
    public var steps: [[UInt8]]
    public var expected: JSONScalar

    public enum JSONScalar: Sendable, Equatable {
        case null
        case bool(Bool)
        /// As written: a number is compared by its text.
        case number(String)
        case string(String)
    }
}
