/// The fields that the gateway acts upon, known by number so that no name is compared twice.
public enum FieldID: UInt8, Sendable, CaseIterable {
    case other
    /// Not in the list below, but read as one of it by an upstream that folds `_` to `-` (CGI, WSGI): never forward it.
    case lookalike
    /// Any name that starts with `X-Farebox-` (or `X_Farebox_`).
    case xFarebox

    // Hop by hop (RFC 9110 §7.6.1)
    case connection, keepAlive, proxyConnection, te, trailer, transferEncoding, upgrade, http2Settings
    case proxyAuthorization, proxyAuthenticate
    // Framing and routing
    case host, contentLength, expect, maxForwards
    // Identity and state
    case authorization, wwwAuthenticate, cookie, setCookie
    // Representation
    case contentType, contentEncoding, contentRange, accept, acceptEncoding, range
    case etag, ifMatch, ifNoneMatch, lastModified, ifModifiedSince
    // Caching and control
    case date, age, cacheControl, expires, pragma, vary, location, retryAfter, server, userAgent, via
    // Origin and CORS
    case origin, accessControlRequestMethod, accessControlRequestHeaders
    case accessControlAllowOrigin, accessControlExposeHeaders
    // Payment (x402 V2, V1)
    case paymentSignature, paymentRequired, paymentResponse, xPayment, xPaymentResponse, idempotencyKey
    // Proxies
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost
    // MCP
    case lastEventID, mcpSessionID, mcpProtocolVersion, mcpMethod, mcpName

    /// The one bit of a `FieldIDSet` that stands for this id.
    @usableFromInline var bit: UInt64 { 1 &<< UInt64(rawValue) }

    /// The registered spelling; empty for `other` and `lookalike`, the prefix for `xFarebox`.
    public var name: StaticString {
        switch self {
        case .other, .lookalike: ""
        case .xFarebox: "X-Farebox-"
        case .connection: "Connection"
        case .keepAlive: "Keep-Alive"
        case .proxyConnection: "Proxy-Connection"
        case .te: "TE"
        case .trailer: "Trailer"
        case .transferEncoding: "Transfer-Encoding"
        case .upgrade: "Upgrade"
        case .http2Settings: "HTTP2-Settings"
        case .proxyAuthorization: "Proxy-Authorization"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .host: "Host"
        case .contentLength: "Content-Length"
        case .expect: "Expect"
        case .maxForwards: "Max-Forwards"
        case .authorization: "Authorization"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .cookie: "Cookie"
        case .setCookie: "Set-Cookie"
        case .contentType: "Content-Type"
        case .contentEncoding: "Content-Encoding"
        case .contentRange: "Content-Range"
        case .accept: "Accept"
        case .acceptEncoding: "Accept-Encoding"
        case .range: "Range"
        case .etag: "ETag"
        case .ifMatch: "If-Match"
        case .ifNoneMatch: "If-None-Match"
        case .lastModified: "Last-Modified"
        case .ifModifiedSince: "If-Modified-Since"
        case .date: "Date"
        case .age: "Age"
        case .cacheControl: "Cache-Control"
        case .expires: "Expires"
        case .pragma: "Pragma"
        case .vary: "Vary"
        case .location: "Location"
        case .retryAfter: "Retry-After"
        case .server: "Server"
        case .userAgent: "User-Agent"
        case .via: "Via"
        case .origin: "Origin"
        case .accessControlRequestMethod: "Access-Control-Request-Method"
        case .accessControlRequestHeaders: "Access-Control-Request-Headers"
        case .accessControlAllowOrigin: "Access-Control-Allow-Origin"
        case .accessControlExposeHeaders: "Access-Control-Expose-Headers"
        case .paymentSignature: "PAYMENT-SIGNATURE"
        case .paymentRequired: "PAYMENT-REQUIRED"
        case .paymentResponse: "PAYMENT-RESPONSE"
        case .xPayment: "X-PAYMENT"
        case .xPaymentResponse: "X-PAYMENT-RESPONSE"
        case .idempotencyKey: "Idempotency-Key"
        case .forwarded: "Forwarded"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        case .xForwardedHost: "X-Forwarded-Host"
        case .lastEventID: "Last-Event-ID"
        case .mcpSessionID: "Mcp-Session-Id"
        case .mcpProtocolVersion: "MCP-Protocol-Version"
        case .mcpMethod: "Mcp-Method"
        case .mcpName: "Mcp-Name"
        }
    }
}
