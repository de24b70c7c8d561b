import Bytes

/// Reads response heads (RFC 9112 §4, §5), as strictly as requests but for the reason phrase, which may be left out.
public enum ResponseParser {
    /// Reads one head from the front of `bytes`; `scannedFrom` and the outcomes are as in `RequestParser`.
    /// The head is empty unless the outcome is `complete`.
    ///
    /// - Parameter method: of the request that is answered; it decides about the body.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int = 0, into head: ResponseHead, answering method: Method,
        limits: HeadLimits
    ) -> HeadOutcome {
        guard let window = HeadWindow.bytes(bytes, scannedFrom: scannedFrom, limit: limits.headBytes) else {
            return .incomplete
        }
        switch parse(window.base, to: window.end, into: head, answering: method, limits: limits) {
        case .done(let consumed): return .complete(consumed: consumed)
        case .incomplete:
            head.reset()
            return bytes.count > window.end ? .refused(.headTooLarge) : .incomplete
        case .refused(let fault):
            head.reset()
            return .refused(fault)
        }
    }

    private static func parse(
        _ base: UnsafeRawPointer, to end: Int, into head: ResponseHead, answering method: Method, limits: HeadLimits
    ) -> Step<Int> {
        let line: StatusLine
        switch StatusLine.parse(base, to: end) {
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
        parts.pointee.minorVersion = line.minorVersion
        parts.pointee.statusCode = line.statusCode
        parts.pointee.reason = line.reason
        if let fault = parts.pointee.readConnection(head.fields) { return .refused(fault) }
        if let fault = parts.pointee.readFraming(head.fields, answering: method) { return .refused(fault) }
        return .done(headEnd)
    }
}

/// The places in one status line (RFC 9112 §4).
struct StatusLine {
    let statusCode: Int
    let minorVersion: UInt8
    let reason: ByteRange
    /// Behind the line's CRLF.
    let end: Int

    /// `base` is readable up to `end`.
    static func parse(_ base: UnsafeRawPointer, to end: Int) -> Step<StatusLine> {
        let minorVersion: UInt8
        switch HTTPVersion.parse(base, from: 0, to: end) {
        case .done(let minor): minorVersion = minor
        case .incomplete: return .incomplete
        case .refused(let fault): return .refused(fault == .badVersion ? .badStatusLine : fault)
        }
        var code = 0
        for at in HTTPVersion.length...HTTPVersion.length + 3 {
            guard at < end else { return .incomplete }
            let byte = base.load(fromByteOffset: at, as: UInt8.self)
            if at == HTTPVersion.length {
                guard byte == 0x20 else { return .refused(.badStatusLine) }
            } else {
                guard byte &- 0x30 < 10 else { return .refused(.badStatusLine) }
                code = code &* 10 &+ Int(byte &- 0x30)
            }
        }
        guard (100...599).contains(code) else { return .refused(.badStatusCode) }
        // Many servers leave out the space before an empty reason.
        let codeEnd = HTTPVersion.length + 4
        guard codeEnd < end else { return .incomplete }
        var start = codeEnd
        var lineEnd = codeEnd
        if base.load(fromByteOffset: codeEnd, as: UInt8.self) == 0x20 {
            start = codeEnd + 1
            lineEnd = Scan.firstControl(base, from: start, to: end)
            while lineEnd < end && base.load(fromByteOffset: lineEnd, as: UInt8.self) == 0x09 {
                lineEnd = Scan.firstControl(base, from: lineEnd + 1, to: end)
            }
        }
        switch LineEnd.parse(base, at: lineEnd, to: end, otherwise: .badStatusLine) {
        case .done(let next):
            return .done(
                StatusLine(
                    statusCode: code, minorVersion: minorVersion, reason: ByteRange(from: start, to: lineEnd), end: next
                ))
        case .incomplete: return .incomplete
        case .refused(let fault): return .refused(fault)
        }
    }
}

extension ResponseParts {
    /// Whether the connection may go on, and what `Connection` takes away.
    mutating func readConnection(_ fields: FieldTable) -> HTTPFault? {
        keepAlive = minorVersion == 1
        guard fields.contains(.connection) else { return nil }
        switch ConnectionOptions.read(fields, bytes.readable) {
        case .failure(let fault): return fault
        case .success(let options):
            keepAlive = !options.close && (minorVersion == 1 || options.keepAlive)
            return nil
        }
    }

    /// RFC 9112 §6.3, in its order. Called after `readConnection`.
    mutating func readFraming(_ fields: FieldTable, answering method: Method) -> HTTPFault? {
        let announced: BodyFraming?
        switch MessageFraming.parse(fields, bytes.readable, minorVersion: minorVersion) {
        case .success(let found): announced = found
        case .failure(let fault): return fault
        }
        framing = .none
        if statusCode < 200 {
            // Whoever announces a body here may send one, and the final response is still to be found behind it.
            return announced == nil ? nil : .framingOnInterim
        }
        if statusCode == 204 {
            // There is no body; but who announces one may send it, so that nothing more is read from this connection.
            if announced != nil && announced != .length(0) { keepAlive = false }
            return nil
        }
        if method == .head || statusCode == 304 { return nil }
        if method == .connect && statusCode < 300 {
            keepAlive = false
            return nil
        }
        framing = announced ?? .untilClose
        if announced == nil { keepAlive = false }
        return nil
    }
}
