import Bytes

/// Reads request heads (RFC 9112 §3, §5): anything with two readings is refused.
public enum RequestParser {
    /// Bytes of a method, known or not.
    static let methodBytes = 32

    /// Reads one head from the front of `bytes`.
    ///
    /// After `incomplete`, call again with the same bytes and more behind them, and `scannedFrom` the count of the
    /// former call, so that a head that drips in costs O(n). On `complete` the head holds its own copy. Otherwise it is
    /// empty; only where its lines could be read and their meaning is refused, it holds bytes, method, target and fields.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int = 0, into head: RequestHead, limits: HeadLimits
    ) -> HeadOutcome {
        guard let window = HeadWindow.bytes(bytes, scannedFrom: scannedFrom, limit: limits.headBytes) else {
            return .incomplete
        }
        let lines: (consumed: Int, questionMark: Int)
        switch readLines(window.base, to: window.end, into: head, limits: limits) {
        case .done(let read): lines = read
        case .incomplete:
            head.reset()
            return bytes.count > window.end ? .refused(.headTooLarge) : .incomplete
        case .refused(let fault):
            head.reset()
            return .refused(fault)
        }
        if let fault = head.parts.pointee.readMeaning(head.fields, questionMark: lines.questionMark) {
            return .refused(fault)
        }
        return .complete(consumed: lines.consumed)
    }

    /// The grammar of the start line and the fields; what they mean is not looked at.
    private static func readLines(
        _ start: UnsafeRawPointer, to length: Int, into head: RequestHead, limits: HeadLimits
    ) -> Step<(consumed: Int, questionMark: Int)> {
        // One empty line may come before a request (RFC 9112 §2.2); a second one is somebody else's body.
        var skipped = 0
        if length > 0 && start.load(as: UInt8.self) <= 0x0D {
            switch leadingEmptyLine(start, to: length) {
            case .done(let count): skipped = count
            case .incomplete: return .incomplete
            case .refused(let fault): return .refused(fault)
            }
        }
        let base = start + skipped
        let end = length - skipped

        let line: RequestLine
        switch RequestLine.parse(base, to: end, targetBytes: limits.targetBytes) {
        case .done(let parsed): line = parsed
        case .incomplete: return .incomplete
        case .refused(let fault): return .refused(fault)
        }
        let headEnd: Int
        switch FieldParser.parse(base, from: line.end, to: end, into: head.fields, limit: limits.fieldCount) {
        case .done(let place): headEnd = place
        case .incomplete: return .incomplete
        case .refused(let fault): return .refused(fault)
        }

        let parts = head.parts
        parts.pointee.bytes.clear()
        parts.pointee.bytes.append(UnsafeRawBufferPointer(start: base, count: headEnd))
        parts.pointee.method = line.method
        parts.pointee.methodRange = ByteRange(from: 0, to: line.methodEnd)
        parts.pointee.target = ByteRange(from: line.targetStart, to: line.targetEnd)
        parts.pointee.minorVersion = line.minorVersion
        return .done((skipped + headEnd, line.questionMark))
    }

    /// The size of the empty line at the front: 0, or 2.
    @inline(never)
    private static func leadingEmptyLine(_ start: UnsafeRawPointer, to length: Int) -> Step<Int> {
        switch start.load(as: UInt8.self) {
        case 0x0A: return .refused(.bareLineFeed)
        case 0x0D:
            guard length > 1 else { return .incomplete }
            guard start.load(fromByteOffset: 1, as: UInt8.self) == 0x0A else { return .refused(.bareCarriageReturn) }
            guard length > 2 else { return .incomplete }
            let next = start.load(fromByteOffset: 2, as: UInt8.self)
            return next == 0x0D || next == 0x0A ? .refused(.leadingEmptyLines) : .done(2)
        default: return .done(0)
        }
    }
}
