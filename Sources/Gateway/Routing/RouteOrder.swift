/// Which of two patterns that take the same request comes first: the rule of `RouteTree`, in words.
enum RouteOrder {
    /// Whether a pattern takes this path (canonical) and host (lower case, no port), whatever the method.
    static func takes(_ pattern: RoutePattern, path: [UInt8], host: String) -> Bool {
        if let own = pattern.host, own != host { return false }
        let parts = path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for (at, segment) in pattern.segments.enumerated() {
            if segment == .rest { return true }
            guard at < parts.count else { return false }
            switch segment {
            case .literal(let bytes): if !bytes.elementsEqual(parts[at]) { return false }
            case .one: if parts[at].isEmpty { return false }
            case .rest: return true
            }
        }
        return parts.count == pattern.segments.count
    }

    static func takes(_ pattern: RoutePattern, method: String) -> Bool {
        pattern.methods.isEmpty || pattern.methods.contains(method)
            || (method == "HEAD" && pattern.methods.contains("GET"))
    }

    /// Why `winner` comes before `other`; nil where it does not. Both take the request.
    static func reason(_ winner: RoutePattern, over other: RoutePattern) -> String? {
        if winner.host != nil && other.host == nil { return "it names the host" }
        if winner.host == nil && other.host != nil { return nil }
        for at in 0..<max(winner.segments.count, other.segments.count) {
            let mine = at < winner.segments.count ? winner.segments[at] : nil
            let its = at < other.segments.count ? other.segments[at] : nil
            if rank(mine) < rank(its) { return "\(words(mine)) is more specific than \(words(its))" }
            if rank(mine) > rank(its) { return nil }
        }
        return !winner.methods.isEmpty && other.methods.isEmpty ? "it lists the method" : nil
    }

    private static func rank(_ segment: RoutePattern.Segment?) -> Int {
        switch segment {
        case nil, .literal: 0
        case .one: 1
        case .rest: 2
        }
    }

    private static func words(_ segment: RoutePattern.Segment?) -> String {
        switch segment {
        case nil: "the path's end"
        case .literal(let bytes): "\"\(String(decoding: bytes, as: UTF8.self))\""
        case .one: "one segment (* or {name})"
        case .rest: "**"
        }
    }
}
