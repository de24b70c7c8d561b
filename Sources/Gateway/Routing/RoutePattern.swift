import Bytes
import HTTP

/// What a route's `match` says: `[METHOD[,METHOD]] [host]/path`.
///
/// `*` and `{name}` take one segment that is not empty, `**` takes the rest, none included, and stands last.
public struct RoutePattern: Sendable, Hashable {
    public enum Segment: Sendable, Hashable {
        /// Canonical bytes; empty for what a slash at the end leaves.
        case literal([UInt8])
        /// `*` or `{name}`: equal in what they take.
        case one
        /// `**`.
        case rest
    }

    /// As listed, upper-case; empty for any method.
    public let methods: [String]
    /// Lower-case, without port; nil for any host.
    public let host: String?
    public let segments: [Segment]

    /// The same for patterns that take the same requests.
    var identity: RoutePattern { RoutePattern(methods: methods.sorted(), host: host, segments: segments) }

    private init(methods: [String], host: String?, segments: [Segment]) {
        self.methods = methods
        self.host = host
        self.segments = segments
    }

    /// At most this many segments.
    static let maximumSegments = 64

    /// Why a `match` is refused, in words for the operator.
    struct Fault: Error, Equatable { var message: String }

    init(_ text: String) throws(Fault) {
        var words = text.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        guard !text.utf8.contains(0x09) && !text.utf8.contains(0x0A) else {
            throw Fault(message: "a match is \"METHOD /path\" on one line, without tabs")
        }
        guard let target = words.popLast() else { throw Fault(message: "is empty; write \"GET /path\"") }
        if words.count > 1 {
            throw Fault(message: "has \(words.count + 1) words; write \"GET,POST /path\" or \"/path\"")
        }
        methods = try words.first.map { (list) throws(Fault) in try Self.methods(list) } ?? []
        guard let slash = target.utf8.firstIndex(of: 0x2F) else {
            if words.isEmpty && target.utf8.allSatisfy({ (0x41...0x5A).contains($0) || $0 == 0x2C }) {
                throw Fault(message: "names methods but no path; write \"\(target) /path\"")
            }
            throw Fault(message: "the path \"\(target)\" must begin with \"/\"")
        }
        host = slash == target.startIndex ? nil : try Self.host(String(target[..<slash]))
        segments = try Self.segments(target[target.utf8.index(after: slash)...])
    }

    private static func methods(_ list: String) throws(Fault) -> [String] {
        var methods: [String] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let method = String(part)
            guard !method.isEmpty, method.utf8.count <= 32, method.utf8.allSatisfy(isMethodByte) else {
                let upper = method.uppercased()
                let hint =
                    upper != method && upper.utf8.allSatisfy(isMethodByte) ? "; methods are upper-case: \(upper)" : ""
                throw Fault(message: "\"\(method)\" is no method\(hint)")
            }
            if method == "CONNECT" || method == "TRACE" { throw Fault(message: "\(method) is never forwarded") }
            if methods.contains(method) { throw Fault(message: "names \(method) twice") }
            methods.append(method)
        }
        return methods
    }

    /// Tokens of RFC 9110 §5.6.2, upper-case as every registered method.
    private static func isMethodByte(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
    }

    private static func host(_ text: String) throws(Fault) -> String {
        if text.hasPrefix("http:") || text.hasPrefix("https:") {
            throw Fault(message: "a match takes no scheme; write \"host/path\" or \"/path\"")
        }
        if text.contains("*") {
            throw Fault(
                message: "the host \"\(text)\" holds a wildcard; hosts are matched whole: name each, or leave it out")
        }
        if let colon = text.utf8.lastIndex(of: 0x3A), !text.hasSuffix("]") {
            throw Fault(message: "the host is compared without its port; drop \"\(text[colon...])\"")
        }
        let isLiteral = text.hasPrefix("[") && text.hasSuffix("]") && text.utf8.count > 2
        let inner = isLiteral ? text.dropFirst().dropLast() : Substring(text)
        let valid = inner.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            case 0x3A: isLiteral
            default: false
            }
        }
        guard valid, !inner.hasPrefix("."), !inner.hasSuffix("."), !inner.contains("..") || isLiteral,
            text.utf8.count <= RouteTable.maximumHostBytes
        else {
            let hint = text.utf8.allSatisfy { $0 < 0x80 } ? "" : "; names beyond ASCII are written as xn--…"
            throw Fault(message: "\"\(text)\" is no host name\(hint)")
        }
        return text.lowercased()
    }

    private static func segments(_ path: Substring) throws(Fault) -> [Segment] {
        var segments: [Segment] = []
        var names: Set<String> = []
        let parts = Array(path.utf8).split(separator: 0x2F, omittingEmptySubsequences: false)
        if parts.count > maximumSegments { throw Fault(message: "has more than \(maximumSegments) segments") }
        for (at, part) in parts.enumerated() {
            switch (part.first, part.last) {
            case (0x2A, _) where part.count == 1: segments.append(.one)
            case (0x2A, 0x2A) where part.count == 2:
                guard at == parts.count - 1 else {
                    throw Fault(message: "\"**\" takes the rest of the path and stands last; use \"*\" for one segment")
                }
                segments.append(.rest)
            case (0x7B, 0x7D):
                let name = String(decoding: part.dropFirst().dropLast(), as: UTF8.self)
                guard isName(name) else {
                    throw Fault(message: "\"{\(name)}\" needs a name of letters, digits and _ between its braces")
                }
                guard names.insert(name).inserted else { throw Fault(message: "names {\(name)} twice") }
                segments.append(.one)
            default: segments.append(.literal(try literal(Array(part))))
            }
        }
        return segments
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first), name.utf8.count <= 64 else { return false }
        return name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
        }
    }

    /// A literal segment must be spelled as the canonical path of a request is, or it could never match.
    private static func literal(_ bytes: [UInt8]) throws(Fault) -> [UInt8] {
        var part: String { String(decoding: bytes, as: UTF8.self) }
        let name = bytes.prefix { $0 != 0x3B }
        if name.elementsEqual([0x2E]) || name.elementsEqual([0x2E, 0x2E]) {
            throw Fault(message: "holds the dot segment \"\(part)\"")
        }
        for (at, byte) in bytes.enumerated() {
            switch byte {
            case 0x2A:
                throw Fault(
                    message: "\"\(part)\": \"*\" stands for a whole segment; match part of one in the API instead")
            case 0x7B, 0x7D:
                throw Fault(message: "\"\(part)\": \"{name}\" stands for a whole segment")
            case 0x3F: throw Fault(message: "a match holds no query; drop \"?\" and what follows")
            case 0x23: throw Fault(message: "a match holds no fragment; drop \"#\" and what follows")
            case 0x5C: throw Fault(message: "\"\(part)\" holds a backslash, which no request path may")
            case 0x25: try checkEscape(bytes, at)
            case 0x21...0x7E: break
            default:
                throw Fault(
                    message: "\"\(part)\" holds a byte that is not visible ASCII; write it escaped: \(escaped(bytes))")
            }
        }
        if bytes.contains(0x25) { try checkCanonical(bytes) }
        return bytes
    }

    /// Escapes must spell UTF-8, and not escape an escape: what the gateway refuses can have no route.
    private static func checkCanonical(_ bytes: [UInt8]) throws(Fault) {
        var rewritten = ByteBuffer()
        let read = ([0x2F] + bytes).withUnsafeBytes { CanonicalTarget.read($0, into: &rewritten) }
        guard case .refused(let fault) = read else { return }
        throw Fault(
            message: "\"\(String(decoding: bytes, as: UTF8.self))\" is in no request path: \(fault.explanation)")
    }

    private static func checkEscape(_ bytes: [UInt8], _ at: Int) throws(Fault) {
        var part: String { String(decoding: bytes, as: UTF8.self) }
        guard at + 2 < bytes.count, let high = Hex.value(bytes[at + 1]), let low = Hex.value(bytes[at + 2]) else {
            throw Fault(message: "\"\(part)\" holds a broken escape; \"%\" is followed by two hex digits")
        }
        let value = high << 4 | low
        let escape = String(decoding: bytes[at...at + 2], as: UTF8.self)
        if PathSpelling.isUnreserved(value) {
            let letter = String(decoding: [value], as: UTF8.self)
            throw Fault(message: "\"\(part)\": write \(letter) in place of \(escape), as the canonical path has it")
        }
        if escape != escape.uppercased() {
            throw Fault(
                message: "\"\(part)\": write \(escape.uppercased()) in place of \(escape), as the canonical path has it"
            )
        }
        if value == 0x2F || value == 0x5C || value < 0x20 || value == 0x7F {
            throw Fault(message: "\"\(part)\" holds \(escape), which no request path may")
        }
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.map {
            (0x21...0x7E).contains($0) ? String(decoding: [$0], as: UTF8.self) : "%" + Hex.encode([$0]).uppercased()
        }
        .joined()
    }
}
