import Bytes

/// The trailer fields of one chunked body (RFC 9112 §7.1.2).
public final class TrailerSection {
    public private(set) var bytes = ByteBuffer()
    public let fields: FieldTable

    init(limits: HeadLimits) {
        fields = FieldTable(capacity: limits.fieldCount)
    }

    /// Bytes of a range of this section.
    public func bytes(of range: ByteRange) -> UnsafeRawBufferPointer { bytes.readable.bytes(of: range) }

    /// Framing, routing, authentication or payment in a trailer has no effect and is not forwarded (RFC 9110 §6.5.1).
    public func isForbidden(_ field: Field) -> Bool { FieldIDSet.forbiddenInTrailers.contains(field.id) }

    /// Copies the lines that may be forwarded.
    public func appendAllowed(to out: inout ByteBuffer) {
        fields.append(from: bytes.readable, except: .forbiddenInTrailers, to: &out)
    }

    /// Takes the next bytes of the section; `consumed` counts those of `more` that belong to it.
    func take(_ more: UnsafeRawBufferPointer, limits: HeadLimits) -> HeadOutcome {
        let before = bytes.count
        let room = min(more.count, limits.headBytes + 1 - before)
        bytes.append(UnsafeRawBufferPointer(rebasing: more[..<room]))
        guard let window = HeadWindow.bytes(bytes.readable, scannedFrom: before, limit: limits.headBytes) else {
            return .incomplete
        }
        switch FieldParser.parse(window.base, from: 0, to: window.end, into: fields, limit: limits.fieldCount) {
        case .done(let end):
            bytes.truncate(end)
            return .complete(consumed: end - before)
        case .incomplete: return bytes.count > window.end ? .refused(.headTooLarge) : .incomplete
        case .refused(let fault): return .refused(fault)
        }
    }
}
