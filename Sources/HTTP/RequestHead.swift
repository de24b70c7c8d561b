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

/// The head of one request with its own copy of the bytes; pooled by its owner, filled by `RequestParser`.
///
/// Every range is an offset into `bytes`, which begins at the method's first byte and ends behind the empty line.
public final class RequestHead {
    /// The head as it came, without the empty line that may precede it.
    public internal(set) var bytes = ByteBuffer()
    public let fields: FieldTable

    public internal(set) var method = Method.other
    public internal(set) var methodRange = ByteRange.empty
    /// As it came on the wire.
    public internal(set) var target = ByteRange.empty
    public internal(set) var form = TargetForm.origin
    /// Without the query; empty in authority form and where an absolute form has none (which means `/`).
    public internal(set) var path = ByteRange.empty
    /// What follows `?`, perhaps empty; nil without a `?`.
    public internal(set) var query: ByteRange?
    /// Host and port: of the absolute or authority form, else of Host; empty where HTTP/1.0 sends neither.
    public internal(set) var authority = ByteRange.empty
    /// 0 or 1.
    public internal(set) var minorVersion: UInt8 = 1
    public internal(set) var framing = BodyFraming.none
    /// Whether the caller lets the connection go on after this exchange (RFC 9112 §9.3).
    public internal(set) var keepAlive = true
    /// The caller waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1); false in HTTP/1.0.
    public internal(set) var expectsContinue = false
    /// `Upgrade` is there and `Connection` names it, in HTTP/1.1 (RFC 9110 §7.8).
    public internal(set) var wantsUpgrade = false

    public init(limits: HeadLimits = HeadLimits()) {
        fields = FieldTable(capacity: limits.fieldCount)
    }

    /// Bytes of a range of this head. Valid until the next `parse` into it or `reset`.
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.readable[Int(range.offset)..<Int(range.end)])
    }

    /// Path and query as one run, as they came. Valid as `bytes(of:)` is.
    public var pathAndQuery: UnsafeRawBufferPointer {
        guard let query else { return bytes(of: path) }
        return bytes(of: ByteRange(from: Int(path.offset), to: Int(query.end)))
    }

    /// Forgets the message and keeps the memory.
    public func reset() {
        bytes.clear()
        fields.reset()
        method = .other
        methodRange = .empty
        target = .empty
        form = .origin
        path = .empty
        query = nil
        authority = .empty
        minorVersion = 1
        framing = .none
        keepAlive = true
        expectsContinue = false
        wantsUpgrade = false
    }
}
