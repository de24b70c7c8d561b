import Bytes

/// The head of one response with its own copy of the bytes; pooled by its owner, filled by `ResponseParser`.
public final class ResponseHead {
    /// The head as it came, from the version's first byte to behind the empty line.
    public internal(set) var bytes = ByteBuffer()
    public let fields: FieldTable

    /// 100...599.
    public internal(set) var statusCode = 0
    /// Perhaps empty.
    public internal(set) var reason = ByteRange.empty
    /// 0 or 1.
    public internal(set) var minorVersion: UInt8 = 1
    /// Already decided for the request's method and the status (RFC 9112 §6.3).
    public internal(set) var framing = BodyFraming.none
    /// Whether the connection may carry another exchange after this body (RFC 9112 §9.3); false with `untilClose`.
    public internal(set) var keepAlive = true

    public init(limits: HeadLimits = HeadLimits()) {
        fields = FieldTable(capacity: limits.fieldCount)
    }

    /// 1xx but for 101: the final response is still to come on this connection.
    public var isInterim: Bool { statusCode < 200 && statusCode != 101 }

    /// Bytes of a range of this head. Valid until the next `parse` into it or `reset`.
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.readable[Int(range.offset)..<Int(range.end)])
    }

    /// Forgets the message and keeps the memory.
    public func reset() {
        bytes.clear()
        fields.reset()
        statusCode = 0
        reason = .empty
        minorVersion = 1
        framing = .none
        keepAlive = true
    }
}
