/// A set of field ids in one word.
public struct FieldIDSet: Sendable, Equatable, ExpressibleByArrayLiteral {
    @usableFromInline var bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    public init(arrayLiteral ids: FieldID...) {
        bits = 0
        for id in ids { bits |= id.bit }
    }

    @inlinable public func contains(_ id: FieldID) -> Bool { bits & id.bit != 0 }
    public func isDisjoint(with other: FieldIDSet) -> Bool { bits & other.bits == 0 }
    public func union(_ other: FieldIDSet) -> FieldIDSet { FieldIDSet(bits: bits | other.bits) }
    public var isEmpty: Bool { bits == 0 }

    /// Meant for one connection only: a proxy never forwards them (RFC 9110 §7.6.1).
    public static let hopByHop: FieldIDSet = [
        .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .http2Settings,
        .proxyAuthorization, .proxyAuthenticate,
    ]

    /// Payment fields of requests and responses.
    public static let payment: FieldIDSet = [
        .paymentSignature, .paymentRequired, .paymentResponse, .xPayment, .xPaymentResponse,
    ]

    /// Names that only this gateway may say to an upstream.
    public static let gatewayOwned: FieldIDSet = [.xFarebox, .lookalike]

    /// What `Connection` may not name: taking it away would change who pays, where to, or how much is read.
    public static let neverNominated: FieldIDSet = payment.union([
        .host, .contentLength, .transferEncoding, .xFarebox, .lookalike, .expect,
    ])

    /// What a trailer section may not hold: framing, routing, authentication, payment and whatever must be known before
    /// the body (RFC 9110 §6.5.1).
    public static let forbiddenInTrailers: FieldIDSet = hopByHop.union(payment).union(gatewayOwned).union([
        .host, .contentLength, .expect, .maxForwards, .authorization, .wwwAuthenticate, .cookie, .setCookie,
        .contentType, .contentEncoding, .contentRange, .range, .ifMatch, .ifNoneMatch, .ifModifiedSince,
        .date, .age, .cacheControl, .expires, .pragma, .vary, .location, .retryAfter, .origin,
        .accessControlRequestMethod, .accessControlRequestHeaders, .accessControlAllowOrigin,
        .accessControlExposeHeaders, .idempotencyKey, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost,
        .lastEventID, .mcpSessionID, .mcpProtocolVersion, .mcpMethod, .mcpName,
    ])
}
