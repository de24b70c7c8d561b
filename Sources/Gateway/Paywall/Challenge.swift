import Bytes
import Payments

/// A priced route's 402: everything but the target and the reason, prepared once per revision.
final class Challenge: Sendable {
    private let template: ChallengeTemplate
    private let origin: [UInt8]
    private let allowsOrigins: Bool

    init(_ terms: Terms, settings: Settings) {
        template = ChallengeTemplate(offers: terms.offers, description: terms.description, mimeType: terms.mimeType)
        origin = Array(settings.publicURL.utf8)
        allowsOrigins = settings.cors
    }

    /// The resource's URL is the configured origin with the canonical target: nothing of it comes from `Host`.
    ///
    /// - Parameter url: room to write that URL in; its former content is lost.
    func render(
        target: UnsafeRawBufferPointer, code: String, url: inout ByteBuffer, v2Header: inout ByteBuffer,
        v1Body: inout ByteBuffer
    ) {
        url.clear()
        url.append(origin)
        url.append(target)
        template.render(url: url.readable, error: code, v2Header: &v2Header, v1Body: &v1Body)
    }

    /// Appends the value of `PAYMENT-REQUIRED` alone.
    func renderHeader(target: UnsafeRawBufferPointer, code: String, into v2Header: inout ByteBuffer) {
        var url = ByteBuffer(capacity: origin.count + target.count)
        url.append(origin)
        url.append(target)
        template.renderHeader(url: url.readable, error: code, into: &v2Header)
    }

    /// Field lines that are the same for every caller, and the empty line.
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
