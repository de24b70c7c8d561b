import Bytes
import EventLoop

/// `http://host:port/base` or `https://…`: where an upstream is.
public struct UpstreamURL: Sendable, Equatable {
    public let isTLS: Bool
    /// A name in lower case, or an address literal without brackets.
    public let host: String
    public let port: UInt16
    /// Canonical, put before every forwarded path; empty or `/base`, never with a slash at its end.
    public let basePath: String
    /// What `Host` says (RFC 9110 §7.2): the host, and `:port` where it is not the scheme's own.
    public let authority: String
    /// As written.
    public let text: String
    /// Scheme and authority (RFC 6454 §6.2).
    public var origin: String { "\(isTLS ? "https" : "http")://\(authority)" }

    static func parse(_ text: String) -> Result<UpstreamURL, FileFault> {
        let shown = "\"\(ConfigNode.shortened(text))\""
        guard let colon = text.range(of: "://") else {
            return .failure(FileFault(reason: "\(shown) has no scheme; write http://\(ConfigNode.shortened(text))"))
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            return .failure(FileFault(reason: "\(shown): an upstream speaks http or https, not \"\(scheme)\""))
        }
        let rest = text[colon.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = String(rest[..<slash])
        if authority.contains("@") {
            return .failure(
                FileFault(reason: "holds credentials; set them under headers, as {Authorization: {env: NAME}}"))
        }
        if rest.contains("?") || rest.contains("#") {
            return .failure(FileFault(reason: "\(shown) holds a query or a fragment; an upstream takes neither"))
        }
        guard let (host, port) = Self.authority(authority) else {
            return .failure(FileFault(reason: "\(shown): \"\(authority)\" is no host, or its port is not 1 to 65535"))
        }
        var base = String(rest[slash...])
        while base.hasSuffix("/") { base.removeLast() }
        if let reason = Self.refusal(ofBase: base) { return .failure(FileFault(reason: "\(shown): \(reason)")) }
        let own: UInt16 = scheme == "https" ? 443 : 80
        let bracketed = host.contains(":") ? "[\(host)]" : host
        return .success(
            UpstreamURL(
                isTLS: scheme == "https", host: host, port: port ?? own, basePath: base,
                authority: port == nil || port == own ? bracketed : "\(bracketed):\(port!)", text: text))
    }

    /// Host in lower case without brackets, and the port if there is one; nil for what is neither name nor literal.
    static func authority(_ text: String) -> (host: String, port: UInt16?)? {
        var host = Substring(text)
        var port: UInt16?
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            guard let number = ConfigValue.count(String(text[text.index(after: colon)...])),
                (1...65_535).contains(number)
            else {
                return nil
            }
            port = UInt16(number)
            host = text[..<colon]
        }
        if host.hasPrefix("[") && host.hasSuffix("]") {
            let literal = String(host.dropFirst().dropLast())
            guard literal.contains(":"), SocketAddress(literal: literal, port: 0) != nil else { return nil }
            return (literal.lowercased(), port)
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isName, !host.isEmpty, host.utf8.count <= 253, !host.hasPrefix("."), !host.contains("..") else {
            return nil
        }
        return (host.lowercased(), port)
    }

    /// The base must be canonical, since it is put before canonical paths as it is.
    private static func refusal(ofBase base: String) -> String? {
        if base.isEmpty { return nil }
        do {
            let pattern = try RoutePattern(base)
            let isLiteral = pattern.segments.allSatisfy { if case .literal = $0 { true } else { false } }
            return isLiteral ? nil : "its path holds a wildcard"
        } catch { return "its path \(error.message)" }
    }
}
