import Bytes

/// The places in one request line (RFC 9112 §3), the target's form not looked at.
struct RequestLine {
    let method: Method
    let methodEnd: Int
    let targetStart: Int
    let targetEnd: Int
    /// The first `?` of the target, else `targetEnd`.
    let questionMark: Int
    let minorVersion: UInt8
    /// Behind the line's CRLF.
    let end: Int

    /// `base` is readable up to `end`.
    @inline(__always)
    static func parse(_ base: UnsafeRawPointer, to end: Int, targetBytes: Int) -> Step<RequestLine> {
        let method: Method
        let methodEnd: Int
        if end >= 4 && base.loadUnaligned(as: UInt32.self) == 0x2054_4547 {
            method = .get
            methodEnd = 3
        } else {
            switch parseMethod(base, to: end) {
            case .done(let place): methodEnd = place
            case .incomplete: return .incomplete
            case .refused(let fault): return .refused(fault)
            }
            method = known(UnsafeRawBufferPointer(start: base, count: methodEnd))
        }

        let targetStart = methodEnd &+ 1
        let limit = min(end, targetStart &+ targetBytes &+ 1)
        let questionMark = Scan.firstInvisible(or: 0x3F, base, from: min(targetStart, limit), to: limit)
        var targetEnd = questionMark
        if questionMark < limit && base.load(fromByteOffset: questionMark, as: UInt8.self) == 0x3F {
            targetEnd = Scan.firstInvisible(or: 0x20, base, from: questionMark &+ 1, to: limit)
        }
        guard targetEnd < limit else { return limit < end ? .refused(.targetTooLong) : .incomplete }
        let stop = base.load(fromByteOffset: targetEnd, as: UInt8.self)
        guard stop == 0x20 && targetEnd > targetStart else {
            // No target, no version, or a byte that a target cannot hold.
            return .refused(stop == 0x20 || stop == 0x0D || stop == 0x0A ? .badRequestLine : .badTarget)
        }

        let version = targetEnd &+ 1
        switch HTTPVersion.parse(base, from: version, to: end) {
        case .done(let minor):
            let lineEnd = version &+ HTTPVersion.length
            switch LineEnd.parse(base, at: lineEnd, to: end, otherwise: .badRequestLine) {
            case .done(let next):
                return .done(
                    RequestLine(
                        method: method, methodEnd: methodEnd, targetStart: targetStart, targetEnd: targetEnd,
                        questionMark: questionMark, minorVersion: minor, end: next))
            case .incomplete: return .incomplete
            case .refused(let fault): return .refused(fault)
            }
        case .incomplete: return .incomplete
        case .refused(let fault): return .refused(fault)
        }
    }

    /// The place of the space behind the method.
    @inline(never)
    private static func parseMethod(_ base: UnsafeRawPointer, to end: Int) -> Step<Int> {
        var at = 0
        while at < end && FieldGrammar.isToken(base.load(fromByteOffset: at, as: UInt8.self)) {
            at += 1
            if at > RequestParser.methodBytes { return .refused(.methodTooLong) }
        }
        guard at < end else { return .incomplete }
        switch base.load(fromByteOffset: at, as: UInt8.self) {
        case 0x20 where at > 0: return .done(at)
        case 0x0D, 0x0A: return .refused(.badRequestLine)
        default: return .refused(.badMethod)
        }
    }

    /// Methods are case-sensitive (RFC 9110 §9.1).
    @inline(never)
    private static func known(_ name: UnsafeRawBufferPointer) -> Method {
        for method in Method.allCases where method.name.utf8CodeUnitCount == name.count {
            if name.elementsEqual(UnsafeBufferPointer(start: method.name.utf8Start, count: name.count)) {
                return method
            }
        }
        return .other
    }
}

/// `HTTP/1.1` or `HTTP/1.0` (RFC 9112 §2.3).
enum HTTPVersion {
    static let length = 8

    /// The minor version.
    @inline(__always)
    static func parse(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Step<UInt8> {
        if from &+ length <= end {
            switch base.loadUnaligned(fromByteOffset: from, as: UInt64.self) {
            case 0x312E_312F_5054_5448: return .done(1)
            case 0x302E_312F_5054_5448: return .done(0)
            default: break
            }
        }
        return parseOther(base, from: from, to: end)
    }

    @inline(never)
    private static func parseOther(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Step<UInt8> {
        let shape: StaticString = "HTTP/d.d"
        for at in 0..<length {
            guard from + at < end else { return .incomplete }
            let byte = base.load(fromByteOffset: from + at, as: UInt8.self)
            let wanted = shape.utf8Start[at]
            guard wanted == 0x64 ? byte &- 0x30 < 10 : byte == wanted else { return .refused(.badVersion) }
        }
        return .refused(.unsupportedVersion)
    }
}

/// CRLF and nothing else.
enum LineEnd {
    /// The place behind it; `otherwise` where another byte than CR or LF stands at `at`.
    @inline(__always)
    static func parse(_ base: UnsafeRawPointer, at: Int, to end: Int, otherwise: HTTPFault) -> Step<Int> {
        if at &+ 2 <= end && base.loadUnaligned(fromByteOffset: at, as: UInt16.self) == 0x0A0D { return .done(at &+ 2) }
        guard at < end else { return .incomplete }
        switch base.load(fromByteOffset: at, as: UInt8.self) {
        case 0x0D: return at &+ 1 < end ? .refused(.bareCarriageReturn) : .incomplete
        case 0x0A: return .refused(.bareLineFeed)
        default: return .refused(otherwise)
        }
    }
}
