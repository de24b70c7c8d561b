import HTTP
import MCP

/// Where a route's server is asked for its tools, and with what.
struct ToolSurveyTarget {
    let route: Route
    let menu: ToolMenu
    /// Its name in the configuration.
    let upstream: String
    let endpoint: Endpoint
    /// Nil where the route takes many paths, so that nobody can say which the server is at.
    let path: String?
    /// What `Host` says.
    let authority: String
    /// Those that the configuration sets on every request.
    let fields: [(name: String, value: String)]

    /// For messages.
    let url: String

    /// One for each route that has a menu, in their order.
    static func all(of revision: Revision) -> [ToolSurveyTarget] {
        revision.routes.compactMap { route in route.menu.map { ToolSurveyTarget(route, $0, revision) } }
    }

    private init(_ route: Route, _ menu: ToolMenu, _ revision: Revision) {
        let settings = revision.upstreams[route.upstream]
        self.route = route
        self.menu = menu
        upstream = settings.name
        endpoint = settings.endpoint
        let path = Self.path(route.pattern).map { settings.url.basePath + $0 }
        self.path = path
        url = settings.url.origin + (path ?? settings.url.basePath)
        authority =
            switch settings.host {
            case .upstream: settings.url.authority
            case .name(let name): name
            case .preserve: route.pattern.host ?? Self.authority(ofOrigin: revision.settings.publicURL)
            }
        fields = settings.headers.compactMap { header in
            header.value.map { (header.name, String(decoding: $0, as: UTF8.self)) }
        }
    }

    /// The one path that a pattern takes, or the one that all its paths begin with.
    private static func path(_ pattern: RoutePattern) -> String? {
        var path = ""
        for segment in pattern.segments {
            switch segment {
            case .literal(let bytes): path += "/" + String(decoding: bytes, as: UTF8.self)
            case .rest: break
            case .one: return nil
            }
        }
        return path.isEmpty ? "/" : path
    }

    private static func authority(ofOrigin origin: String) -> String {
        origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) } ?? origin
    }

    /// A POST of one message, or what ends a session.
    ///
    /// - Parameter extra: fields beside those of every message. What the configuration sets counts for its name.
    func request(_ method: Method, _ extra: [(name: String, value: String)], body: String, to path: String)
        -> ClientRequest
    {
        var own: [(name: String, value: String)] = [
            ("User-Agent", "farebox-survey"), ("Accept-Encoding", "identity"),
        ]
        if method == .post {
            own += [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        }
        let configured = Set(fields.map { $0.name.lowercased() })
        own = (own + extra).filter { !configured.contains($0.name.lowercased()) }
        return ClientRequest(
            method: method, target: path, authority: authority, fields: fields + own, body: Array(body.utf8),
            mayRepeat: false, answerBytesAtMost: ServerMessage.maximumBytes)
    }
}
