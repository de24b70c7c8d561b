/// What one call of a body reader found in the bytes it was given.
public enum BodyEvent: Equatable, Sendable {
    /// Body bytes, as a range of the bytes given, never empty; `consumed` reaches to their end.
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
    private let framing: BodyFraming
    /// Of a body with a length: the bytes still to come.
    private var left: Int
    private var decoder: ChunkedDecoder

    /// - Parameter takesPadding: as of `ChunkedDecoder`.
    public init(_ framing: BodyFraming, trailerLimits: HeadLimits = .trailers, takesPadding: Bool = false) {
        self.framing = framing
        if case .length(let count) = framing { left = count } else { left = 0 }
        decoder = ChunkedDecoder(trailerLimits: trailerLimits, takesPadding: takesPadding)
    }

    /// Nothing of this body is still to come; true from the start for an empty one, never true for `untilClose`.
    public var isDone: Bool {
        switch framing {
        case .none: true
        case .length: left == 0
        case .chunked: decoder.isDone
        case .untilClose: false
        }
    }

    /// Whether the end of the connection here would cut the body short (RFC 9112 §8).
    public var isCutByClose: Bool {
        if case .untilClose = framing { return false }
        return !isDone
    }

    /// Body bytes still to come, where the framing tells.
    public var remaining: Int? {
        switch framing {
        case .none, .length: left
        case .chunked, .untilClose: nil
        }
    }

    /// The trailers of a chunked body that had any, once it has ended.
    public var trailers: TrailerSection? { isDone ? decoder.trailers : nil }

    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyStep {
        switch framing {
        case .none: return BodyStep(event: .end, consumed: 0)
        case .length:
            if left == 0 { return BodyStep(event: .end, consumed: 0) }
            let count = min(left, bytes.count)
            left -= count
            return Self.data(count)
        case .untilClose: return Self.data(bytes.count)
        case .chunked: return decoder.next(bytes)
        }
    }

    private static func data(_ count: Int) -> BodyStep {
        count > 0 ? BodyStep(event: .data(0..<count), consumed: count) : BodyStep(event: .needMore, consumed: 0)
    }
}
