import Bytes

/// Reads request heads (RFC 9112 §3, §5): anything with two readings is refused.
public enum RequestParser {
    /// Bytes of a method, known or not.
    static let methodBytes = 32

    /// Reads one head from the front of `bytes`.
    ///
    /// After `incomplete`, call again with the same bytes and more behind them, and `scannedFrom` the count of the
    /// former call, so that a head that drips in costs O(n). On `complete` the head holds its own copy.
    /// On `refused` and `incomplete` the head's content is unspecified.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int = 0, into head: RequestHead, limits: HeadLimits
    ) -> HeadOutcome {
        guard let window = HeadWindow.bytes(bytes, scannedFrom: scannedFrom, limit: limits.headBytes) else {
            return .incomplete
        }
        switch parse(window.base, to: window.end, into: head, limits: limits) {
        case .done(let consumed): return .complete(consumed: consumed)
        case .incomplete: return bytes.count > window.end ? .refused(.headTooLarge) : .incomplete
        case .refused(let fault): return .refused(fault)
        }
    }

    private static func parse(
        _ start: UnsafeRawPointer, to length: Int, into head: RequestHead, limits: HeadLimits
    ) -> Step<Int> {
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

        head.bytes.clear()
        head.bytes.append(UnsafeRawBufferPointer(start: base, count: headEnd))
        head.method = line.method
        head.methodRange = ByteRange(from: 0, to: line.methodEnd)
        head.target = ByteRange(from: line.targetStart, to: line.targetEnd)
        head.minorVersion = line.minorVersion
        if let fault = head.readTarget(questionMark: line.questionMark) { return .refused(fault) }
        if let fault = head.readHost() { return .refused(fault) }
        if let fault = head.readFraming() { return .refused(fault) }
        if let fault = head.readConnection() { return .refused(fault) }
        return .done(skipped + headEnd)
    }

    /// The size of the empty line at the front: 0, or 2.
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
