import EventLoop

/// `https://host:port/path?query`: where a service of somebody else is asked, an RPC or a facilitator.
///
/// RPC providers put keys into paths and queries, so only the origin is printed.
public struct ServiceURL: Sendable, Hashable, CustomStringConvertible {
    public let isTLS: Bool
    /// A name in lower case, or an address literal without brackets.
    public let host: String
    public let port: UInt16
    /// What `Host` says (RFC 9110 §7.2): the host, and `:port` where it is not the scheme's own.
    public let authority: String
    /// What the request line asks for (RFC 9112 §3.2.1): begins with a slash; a secret where the provider put one there.
    public let target: String

    /// `https://host:port`.
    public var origin: String { "\(isTLS ? "https" : "http")://\(authority)" }

    /// The origin, and whether there is more of it.
    public var description: String { target == "/" ? origin : "\(origin)/…" }

    /// The whole URL, for those whose path is no secret.
    var withTarget: String { target == "/" ? origin : origin + target }

    /// Of this machine: nobody else can listen on the way.
    public var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        return host.hasPrefix("127.") && SocketAddress(literal: host, port: 0) != nil
    }

    /// Reasons name no part of the URL behind its host. Plain http is for the loopback alone: whoever stands on the way could
    /// read a token, or say that a payment was settled.
    static func parse(_ text: String) -> Result<ServiceURL, FileFault> {
        guard let colon = text.range(of: "://") else {
            return .failure(FileFault(reason: "has no scheme; write https:// before it"))
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            return .failure(FileFault(reason: "speaks neither http nor https, but \"\(ConfigNode.shortened(scheme))\""))
        }
        let rest = text[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = String(rest[..<end])
        if authority.contains("@") {
            return .failure(FileFault(reason: "holds credentials before the host, which are not sent"))
        }
        guard let (host, port) = UpstreamURL.authority(authority) else {
            return .failure(
                FileFault(reason: "\"\(ConfigNode.shortened(authority))\" is no host, or its port is not 1 to 65535"))
        }
        var target = String(rest[end...])
        if target.contains("#") { return .failure(FileFault(reason: "holds a fragment, which is never sent")) }
        guard target.utf8.allSatisfy(isTargetByte) else {
            return .failure(FileFault(reason: "its path holds a character that no URL may (RFC 3986 §3.3)"))
        }
        if !target.hasPrefix("/") { target = "/" + target }
        let own: UInt16 = scheme == "https" ? 443 : 80
        let bracketed = host.contains(":") ? "[\(host)]" : host
        let url = ServiceURL(
            isTLS: scheme == "https", host: host, port: port ?? own,
            authority: port == nil || port == own ? bracketed : "\(bracketed):\(port!)", target: target)
        guard url.isTLS || url.isLoopback else {
            return .failure(
                FileFault(reason: "plain http reaches no farther than this machine; write https://\(url.authority)"))
        }
        return .success(url)
    }

    /// Pchar, slash, question mark and percent (RFC 3986 §3.3 and §3.4).
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~!$&'()*+,;=:@/?%".utf8.contains(byte)
        }
    }
}
