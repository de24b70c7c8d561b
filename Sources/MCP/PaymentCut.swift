import Bytes
import JSON

/// The payment that came inside a request, `params._meta["x402/payment"]`, and the request without it.
public struct PaymentCut: Sendable {
    /// What stood there.
    public enum Payment: Sendable, Hashable {
        /// Nothing, or null.
        case none
        /// The payment's JSON text, whatever form it came in: an object, or a string with JSON or with base64 of JSON.
        /// Not yet read.
        case json([UInt8])
        /// Something that is no payment.
        case unreadable(Fault)
    }

    public enum Fault: String, Sendable, Hashable {
        case tooLarge = "longer than a payment may be"
        case notText = "neither an object nor a string"
        case notBase64 = "a string that is neither a JSON object nor base64"
    }

    /// Longest payment that is looked at, in bytes as it was written: the bound of the HTTP fields.
    public static let maximumBytes = 8 * 1024

    public let payment: Payment
    /// What is left out of the forwarded body: the member with one comma beside it; nil where there is none.
    ///
    /// A `_meta` that held nothing else stays, empty: an empty one is legal, and everything but the payment is to arrive
    /// as it was sent.
    public let range: Range<Int>?

    /// Looks into a request or notification. `body` must be what it was read from.
    public init(_ request: ClientRequest, of body: UnsafeRawBufferPointer) {
        guard let meta = request.params(of: body)?["_meta"], meta.kind == .object,
            let member = MemberRange.of("x402/payment", in: meta)
        else {
            payment = .none
            range = nil
            return
        }
        range = member.range
        payment = PaymentCut.payment(member.value)
    }

    /// Bytes of a body of `count` once the payment is out.
    public func forwardedCount(_ count: Int) -> Int { count - (range?.count ?? 0) }

    /// The two runs of the body that are forwarded; the second is empty where nothing is left out.
    public func runs(of body: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
        let gap = range ?? body.count..<body.count
        return (
            UnsafeRawBufferPointer(rebasing: body[..<gap.lowerBound]),
            UnsafeRawBufferPointer(rebasing: body[gap.upperBound...])
        )
    }

    private static func payment(_ value: JSONValue) -> Payment {
        guard value.range.count <= maximumBytes else { return .unreadable(.tooLarge) }
        switch value.kind {
        case .null: return .none
        case .object: return .json(Array(value.source))
        case .string: return value.withString(payment) ?? .unreadable(.notText)
        default: return .unreadable(.notText)
        }
    }

    private static func payment(_ text: UnsafeRawBufferPointer) -> Payment {
        let first = text.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        if first == 0x7B { return .json(Array(text)) }
        guard !text.isEmpty, let json = Base64.decode(text) else { return .unreadable(.notBase64) }
        return .json(json)
    }
}
