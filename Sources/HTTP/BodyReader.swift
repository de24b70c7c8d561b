/// What one call of a body reader found in the bytes it was given.
public enum BodyEvent: Equatable, Sendable {
    /// Body bytes, as a range of the bytes given; `consumed` reaches to their end.
    case data(Range<Int>)
    /// Everything given is used up; the body is not over.
    case needMore
    /// The body (and its trailers) ended; bytes behind `consumed` belong to the next message.
    case end
    /// The body cannot be read; nothing more may be taken from this connection.
    case refused(HTTPFault)
}

/// An event with the number of given bytes that are done with.
public struct BodyStep: Equatable, Sendable {
    public let event: BodyEvent
    public let consumed: Int
}

/// Reads one body, however it is framed, from bytes that come in pieces (RFC 9112 §6, §7).
///
/// Call `next` with what follows the bytes consumed so far until it says `needMore`, `end` or `refused`. After `end`
/// and `refused` it goes on saying so and consumes nothing.
public struct BodyReader: ~Copyable {
    public init(_ framing: BodyFraming, trailerLimits: HeadLimits = .trailers) {}

    /// Nothing of this body is still to come. True from the start for an empty one.
    public var isDone: Bool { true }

    /// Whether the end of the connection here would cut the body short.
    public var isCutByClose: Bool { false }

    /// Body bytes that are certain to come, where the framing tells.
    public var remaining: Int? { nil }

    /// The trailers of a chunked body that had any, once it has ended.
    public var trailers: TrailerSection? { nil }

    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyStep { BodyStep(event: .end, consumed: 0) }
}
