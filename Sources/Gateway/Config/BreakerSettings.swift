import Ledger

/// When paid answers of a route show that something is wrong with those who pay.
public struct BreakerSettings: Sendable, Equatable {
    /// A field of the answer that counts as bad; compared without regard to the name's case.
    public var header: AnswerField?
    /// Statuses that count as bad.
    public var statuses: StatusSet
    /// More than so many of a hundred trip it.
    public var overPercent: Int
    /// How many of the latest answers are looked at; fewer never trip it.
    public var ofLast: Int
    public var then: GateOutcome
    /// How long it stays open.
    public var forSeconds: Int
}

/// A field line of an answer.
public struct AnswerField: Sendable, Equatable {
    /// As written.
    public var name: String
    public var value: String
}

/// Statuses, as a list of numbers and ranges.
public struct StatusSet: Sendable, Equatable, CustomStringConvertible {
    public var ranges: [ClosedRange<Int>]

    public init(_ ranges: [ClosedRange<Int>]) { self.ranges = ranges }

    public func contains(_ status: Int) -> Bool { ranges.contains { $0.contains(status) } }

    /// `200-299, 304`.
    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }
}
