import Bytes
import Chains
import JSON

/// A route's 402, prepared once per revision; only the URL and the error are written per request.
public struct ChallengeTemplate: Sendable {
    /// - Parameters:
    ///   - offers: in the order clients are to prefer them; at least one.
    ///   - serviceName: at most 32 characters (x402.md §1).
    public init(offers: [Offer], description: String?, mimeType: String?, serviceName: String? = nil) {
        precondition(!offers.isEmpty)
    }

    /// Writes the value of `PAYMENT-REQUIRED` (base64) and the version 1 body (JSON), both appended.
    ///
    /// - Parameters:
    ///   - url: the resource's absolute URL, UTF-8, not yet escaped; bytes that are not UTF-8 must not reach here.
    ///   - error: why; `PaymentCode.rawValue` of one, or a sentence.
    public func render(
        url: UnsafeRawBufferPointer, error: String, v2Header: inout ByteBuffer, v1Body: inout ByteBuffer
    ) {}
}
