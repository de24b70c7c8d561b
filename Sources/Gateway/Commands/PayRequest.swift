import Bytes
import HTTP

/// Why a command cannot begin: a wrong argument, or a file that cannot be used.
struct CommandFault: Error, Equatable { var message: String }

/// What `farebox pay` asks for, checked: nothing in it can break out of its line.
struct PayRequest: Equatable {
    struct Field: Equatable {
        var name: String
        var value: String
    }

    let endpoint: Endpoint
    /// Path and query, as the URL writes them.
    let target: String
    let method: String
    let fields: [Field]
    let body: [UInt8]?

    /// What is sent unless the caller says otherwise (`Name:` alone takes one away, as with curl).
    private static let userAgent = "farebox"
    /// What only this program may set: framing, and the payment itself.
    private static let reserved = [
        "content-length", "transfer-encoding", "connection", "payment-signature", "x-payment",
    ]

    /// - Parameters:
    ///   - method: nil for GET, or POST with a body.
    ///   - headers: as with `curl -H`.
    init(url: String, method: String?, headers: [String], body: [UInt8]?, caFile: String?) throws(CommandFault) {
        let (endpoint, authority, target) = try Self.parse(url, caFile: caFile)
        self.endpoint = endpoint
        self.target = target
        self.method = method ?? (body == nil ? "GET" : "POST")
        self.body = body
        guard Self.isToken(self.method) else { throw CommandFault(message: "\(self.method) is no method") }
        var fields = [
            Field(name: "Host", value: authority), Field(name: "User-Agent", value: Self.userAgent),
            Field(name: "Accept", value: "*/*"),
        ]
        if body != nil { fields.append(Field(name: "Content-Type", value: "application/x-www-form-urlencoded")) }
        var own: [Field] = []
        for header in headers {
            let field = try Self.field(header)
            fields.removeAll { $0.name.lowercased() == field.name.lowercased() }
            if !field.value.isEmpty { own.append(field) }
        }
        guard fields.first?.name == "Host" || own.count(where: { $0.name.lowercased() == "host" }) == 1 else {
            throw CommandFault(message: "one Host header is needed")
        }
        self.fields = fields + own
    }

    /// The head and body as sent, with one more field if there is a payment.
    func write(payment: Field? = nil, into out: inout ByteBuffer) {
        out.append(string: "\(method) \(target) HTTP/1.1\r\n")
        for field in fields + (payment.map { [$0] } ?? []) { out.append(string: "\(field.name): \(field.value)\r\n") }
        if body != nil || ["POST", "PUT", "PATCH"].contains(method) {
            out.appendField("Content-Length", decimal: body?.count ?? 0)
        }
        out.appendEmptyLine()
        if let body { out.append(body) }
    }

    /// The method as the answer's framing needs it (RFC 9112 §6.3).
    var knownMethod: Method { Method.allCases.first { "\($0.name)" == method } ?? .other }

    private static func parse(_ url: String, caFile: String?) throws(CommandFault) -> (Endpoint, String, String) {
        guard let mark = url.firstRange(of: "://"), ["http", "https"].contains(url[..<mark.lowerBound].lowercased())
        else {
            throw CommandFault(message: "\(url) is no URL; write http:// or https:// before the host")
        }
        let isTLS = url[..<mark.lowerBound].lowercased() == "https"
        let rest = url[mark.upperBound...].prefix { $0 != "#" }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = String(rest[..<end])
        guard let (host, port) = UpstreamURL.authority(authority) else {
            throw CommandFault(message: "\(authority) in \(url) is no host, or its port is not 1 to 65535")
        }
        var target = String(rest[end...])
        if !target.hasPrefix("/") { target = "/" + target }
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandFault(message: "\(url) holds spaces, controls or letters beyond ASCII; percent-encode them")
        }
        let endpoint = Endpoint(isTLS: isTLS, host: host, port: port ?? (isTLS ? 443 : 80), caFile: caFile)
        return (endpoint, authority, target)
    }

    private static func field(_ header: String) throws(CommandFault) -> Field {
        guard let colon = header.firstIndex(of: ":") else {
            throw CommandFault(message: "-H \"\(header)\": write \"Name: value\"")
        }
        let name = String(header[..<colon])
        let value = header[header.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        guard isToken(name), value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            throw CommandFault(message: "-H \"\(name)\" holds what no header may hold")
        }
        guard !reserved.contains(name.lowercased()) else {
            throw CommandFault(message: "-H \"\(name)\" is not to be set by hand")
        }
        return Field(name: name, value: String(value))
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
