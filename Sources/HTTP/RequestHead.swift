import Bytes

/// The form of a request target (RFC 9112 §3.2).
public enum TargetForm: UInt8, Sendable {
    /// `/path?query`
    case origin
    /// `http://authority/path?query`
    case absolute
    /// `*`, for OPTIONS only.
    case asterisk
    /// `host:port`, for CONNECT only.
    case authority
}

/// What a request head says beside its fields.
@usableFromInline
struct RequestParts: ~Copyable {
    @usableFromInline var bytes: ByteBuffer
    @usableFromInline var method = Method.other
    @usableFromInline var methodRange = ByteRange.empty
    @usableFromInline var target = ByteRange.empty
    @usableFromInline var form = TargetForm.origin
    @usableFromInline var path = ByteRange.empty
    @usableFromInline var query: ByteRange?
    @usableFromInline var authority = ByteRange.empty
    @usableFromInline var minorVersion: UInt8 = 1
    @usableFromInline var framing = BodyFraming.none
    @usableFromInline var keepAlive = true
    @usableFromInline var expectsContinue = false
    @usableFromInline var wantsUpgrade = false

    init(bytes: consuming ByteBuffer = ByteBuffer()) { self.bytes = bytes }
}

/// The head of one request with its own copy of the bytes; pooled by its owner, filled by `RequestParser`.
///
/// Every range is an offset into `bytes`, which begins at the method's first byte and ends behind the empty line.
public final class RequestHead {
    /// By pointer, for the reason that `FieldTable` gives.
    @usableFromInline let parts: UnsafeMutablePointer<RequestParts>
    public let fields: FieldTable

    public init(limits: HeadLimits = HeadLimits()) {
        parts = .allocate(capacity: 1)
        parts.initialize(to: RequestParts())
        fields = FieldTable(capacity: limits.fieldCount)
    }

    deinit {
        parts.deinitialize(count: 1)
        parts.deallocate()
    }

    /// The head as it came, without the empty line that may precede it. Valid until the next `parse` or `reset`.
    @inlinable public var bytes: UnsafeRawBufferPointer { parts.pointee.bytes.readable }
    @inlinable public var method: Method { parts.pointee.method }
    @inlinable public var methodRange: ByteRange { parts.pointee.methodRange }
    /// As it came on the wire.
    @inlinable public var target: ByteRange { parts.pointee.target }
    @inlinable public var form: TargetForm { parts.pointee.form }
    /// Without the query; empty in authority form and where an absolute form has none (which means `/`).
    @inlinable public var path: ByteRange { parts.pointee.path }
    /// What follows `?`, perhaps empty; nil without a `?`.
    @inlinable public var query: ByteRange? { parts.pointee.query }
    /// Host and port: of the absolute or authority form, else of Host; empty where HTTP/1.0 sends neither.
    @inlinable public var authority: ByteRange { parts.pointee.authority }
    /// 0 or 1.
    @inlinable public var minorVersion: UInt8 { parts.pointee.minorVersion }
    @inlinable public var framing: BodyFraming { parts.pointee.framing }
    /// Whether the caller lets the connection go on after this exchange (RFC 9112 §9.3).
    @inlinable public var keepAlive: Bool { parts.pointee.keepAlive }
    /// The caller waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1); false in HTTP/1.0.
    @inlinable public var expectsContinue: Bool { parts.pointee.expectsContinue }
    /// `Upgrade` is there and `Connection` names it, in HTTP/1.1 (RFC 9110 §7.8).
    @inlinable public var wantsUpgrade: Bool { parts.pointee.wantsUpgrade }

    /// Bytes of a range of this head. Valid until the next `parse` into it or `reset`.
    @inlinable @inline(__always)
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer { bytes.bytes(of: range) }

    /// Path and query as one run, as they came. Valid as `bytes(of:)` is.
    @inlinable public var pathAndQuery: UnsafeRawBufferPointer {
        guard let query else { return bytes(of: path) }
        return bytes(of: ByteRange(from: Int(path.offset), to: Int(query.end)))
    }

    /// Forgets the message and keeps the memory.
    public func reset() {
        var bytes = ByteBuffer()
        swap(&bytes, &parts.pointee.bytes)
        bytes.clear()
        parts.pointee = RequestParts(bytes: bytes)
        fields.reset()
    }
}
