import Bytes
import HTTP

/// The request that `farebox explain` asks about.
struct ExplainedRequest: Equatable {
    var method: String
    /// As `Host` would carry it; empty where the URL was a path alone.
    var host: String
    /// Canonical, without the query.
    var path: [UInt8]

    /// Takes `https://host/path?query` or `/path`.
    static func parse(method: String, url: String) -> Result<ExplainedRequest, FileFault> {
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return .failure(FileFault(reason: "\"\(ConfigNode.shortened(method))\" is no method; write GET"))
        }
        let shown = ConfigNode.shortened(url)
        var host = ""
        var target = Substring(url)
        if let scheme = url.range(of: "://") {
            guard ["http", "https"].contains(url[..<scheme.lowerBound].lowercased()) else {
                return .failure(FileFault(reason: "\"\(shown)\" is neither http nor https"))
            }
            let rest = url[scheme.upperBound...]
            let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
            host = String(rest[..<end])
            target = rest[end...]
            guard UpstreamURL.authority(host) != nil else {
                return .failure(FileFault(reason: "\"\(host)\" is no host"))
            }
        } else if !url.hasPrefix("/") {
            return .failure(FileFault(reason: "\"\(shown)\" is no URL; write https://host/path or /path"))
        }
        // A fragment is the browser's own and is never sent (RFC 3986 §3.5).
        if let fragment = target.firstIndex(of: "#") { target = target[..<fragment] }
        if !target.hasPrefix("/") { target = "/" + target }
        return canonical(Array(target.utf8)).map { ExplainedRequest(method: method, host: host, path: $0) }
    }

    private static func canonical(_ target: [UInt8]) -> Result<[UInt8], FileFault> {
        var out = ByteBuffer()
        return target.withUnsafeBytes { bytes in
            switch CanonicalTarget.read(bytes, into: &out) {
            case .same(let length): .success(Array(bytes[..<length]))
            case .rewritten(let length): .success(Array(out.readable[..<length]))
            case .refused(let fault):
                .failure(FileFault(reason: "the gateway answers \(fault.status) to this path: \(fault.explanation)"))
            }
        }
    }

    func match(_ table: RouteTable) -> RouteMatch {
        withBytes { table.match(method: $0, host: $1, path: $2) }
    }

    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result {
        Array(method.utf8).withUnsafeBytes { method in
            Array(host.utf8).withUnsafeBytes { host in
                path.withUnsafeBytes { path in body(method, host, path) }
            }
        }
    }
}
