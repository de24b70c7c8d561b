import Bytes
import Payments

/// What of a literal route's 402 is the same for every caller, ready to be copied behind status line and date.
struct PreparedChallenge: Sendable {
    /// Field lines and the empty line.
    let fields: [UInt8]
    let body: [UInt8]
    /// The one target that it is for.
    let target: [UInt8]
}

/// A priced route's 402: a template, and for a route that is one path the finished bytes.
struct Challenge: Sendable {
    private let template: ChallengeTemplate
    private let origin: [UInt8]
    private let allowsOrigins: Bool
    private var ready: PreparedChallenge?

    init(_ route: Route, _ terms: Terms, settings: Settings) {
        template = ChallengeTemplate(offers: terms.offers, description: terms.description, mimeType: terms.mimeType)
        origin = Array(settings.publicURL.utf8)
        allowsOrigins = settings.cors
        guard let target = route.pattern.literalPath else { return }
        var header = ByteBuffer()
        var body = ByteBuffer()
        var fields = ByteBuffer()
        target.withUnsafeBytes {
            render(target: $0, code: PaymentCode.paymentRequired.rawValue, v2Header: &header, v1Body: &body)
        }
        appendFields(v2Header: header.readable, bodyCount: body.count, to: &fields)
        ready = PreparedChallenge(fields: fields.array, body: body.array, target: target)
    }

    /// The finished bytes, where the request is for the very path that the route names.
    @inline(__always)
    func prepared(for target: UnsafeRawBufferPointer) -> PreparedChallenge? {
        guard let ready, ready.target.count == target.count else { return nil }
        let isSame = ready.target.withUnsafeBytes { $0.elementsEqual(target) }
        return isSame ? ready : nil
    }

    /// The resource's URL is the configured origin with the canonical target: nothing of it comes from `Host`.
    func render(
        target: UnsafeRawBufferPointer, code: String, v2Header: inout ByteBuffer, v1Body: inout ByteBuffer
    ) {
        var url = ByteBuffer(capacity: origin.count + target.count)
        url.append(origin)
        url.append(target)
        template.render(url: url.readable, error: code, v2Header: &v2Header, v1Body: &v1Body)
    }

    func appendFields(v2Header: UnsafeRawBufferPointer, bodyCount: Int, to out: inout ByteBuffer) {
        out.append("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        if allowsOrigins {
            out.append(
                """
                Access-Control-Allow-Origin: *\r\n\
                Access-Control-Expose-Headers: PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Retry-After\r\n
                """)
        }
        out.append("PAYMENT-REQUIRED: ")
        out.append(v2Header)
        out.append("\r\nContent-Length: ")
        out.append(decimal: bodyCount)
        out.append("\r\n\r\n")
    }
}

extension RoutePattern {
    /// The one path that a pattern without wildcards names; nil for every other.
    var literalPath: [UInt8]? {
        var path: [UInt8] = []
        for segment in segments {
            guard case .literal(let bytes) = segment else { return nil }
            path.append(0x2F)
            path.append(contentsOf: bytes)
        }
        return path
    }
}
