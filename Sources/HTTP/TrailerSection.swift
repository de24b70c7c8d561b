import Bytes

/// The trailer fields of one chunked body (RFC 9112 §7.1.2).
public final class TrailerSection {
    public internal(set) var bytes = ByteBuffer()
    public let fields: FieldTable

    init(limits: HeadLimits) {
        fields = FieldTable(capacity: limits.fieldCount)
    }

    /// Bytes of a range of this section.
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.readable[Int(range.offset)..<Int(range.end)])
    }

    /// Framing, routing, authentication or payment in a trailer has no effect and is not forwarded (RFC 9110 §6.5.1).
    public func isForbidden(_ field: Field) -> Bool { FieldIDSet.forbiddenInTrailers.contains(field.id) }

    /// Copies the lines that may be forwarded.
    public func appendAllowed(to out: inout ByteBuffer) {
        fields.append(from: bytes.readable, except: .forbiddenInTrailers, to: &out)
    }
}
