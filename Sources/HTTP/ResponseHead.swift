import Bytes

/// What a response head says beside its fields.
struct ResponseParts: ~Copyable {
    var bytes = ByteBuffer()
    var statusCode = 0
    var reason = ByteRange.empty
    var minorVersion: UInt8 = 1
    var framing = BodyFraming.none
    var keepAlive = true
}

/// The head of one response with its own copy of the bytes; pooled by its owner, filled by `ResponseParser`.
public final class ResponseHead {
    /// By pointer, for the reason that `FieldTable` gives.
    let parts: UnsafeMutablePointer<ResponseParts>
    public let fields: FieldTable

    public init(limits: HeadLimits = HeadLimits()) {
        parts = .allocate(capacity: 1)
        parts.initialize(to: ResponseParts())
        fields = FieldTable(capacity: limits.fieldCount)
    }

    deinit {
        parts.deinitialize(count: 1)
        parts.deallocate()
    }

    /// The head as it came, from the version's first byte to behind the empty line. Valid until the next `parse` or
    /// `reset`.
    public var bytes: UnsafeRawBufferPointer { parts.pointee.bytes.readable }
    /// 100...599.
    public var statusCode: Int { parts.pointee.statusCode }
    /// Perhaps empty.
    public var reason: ByteRange { parts.pointee.reason }
    /// 0 or 1.
    public var minorVersion: UInt8 { parts.pointee.minorVersion }
    /// Already decided for the request's method and the status (RFC 9112 §6.3).
    public var framing: BodyFraming { parts.pointee.framing }
    /// Whether the connection may carry another exchange after this body (RFC 9112 §9.3); false with `untilClose`.
    public var keepAlive: Bool { parts.pointee.keepAlive }

    /// 1xx but for 101: the final response is still to come on this connection.
    public var isInterim: Bool { statusCode < 200 && statusCode != 101 }

    /// Bytes of a range of this head. Valid until the next `parse` into it or `reset`.
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer { bytes.bytes(of: range) }

    /// Forgets the message and keeps the memory.
    public func reset() {
        var bytes = ByteBuffer()
        swap(&bytes, &parts.pointee.bytes)
        bytes.clear()
        parts.pointee = ResponseParts(bytes: bytes)
        fields.reset()
    }
}
