import Bytes
import Chains
import JSON
import Payments

/// What is said to a facilitator, and what its answers say, before anything is made of it.
enum FacilitatorMessages {
    /// The body of `/verify` and `/settle`: the payment as it came, and what this gateway asks for it.
    static func body(_ request: VerificationRequest) -> [UInt8] {
        let payload = request.payload
        var out = ByteBuffer(capacity: payload.json.count + 1_024)
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("x402Version", &out)
        json.number(payload.version.rawValue, &out)
        json.key("paymentPayload", &out)
        payload.json.withUnsafeBytes { json.raw($0, &out) }
        json.key("paymentRequirements", &out)
        var requirements = ByteBuffer(capacity: 1_024)
        PaymentRequirements.write(
            request.offer, payload.version, resource: request.resourceURL, into: &requirements)
        json.raw(requirements.readable, &out)
        json.endObject(&out)
        return out.array
    }

    /// An answer's body as one JSON object, read strictly; nil for anything else.
    static func object<Result>(_ body: [UInt8], _ read: (JSONValue) -> Result?) -> Result? {
        body.withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes) else { return nil }
            let root = tape.root(over: bytes)
            return root.kind == .object ? read(root) : nil
        }
    }

    /// The text of a member; nil where it is absent, null or empty. False where it is of another kind.
    static func text(_ object: JSONValue, _ key: StaticString) -> Text {
        guard let value = object[key], !value.isNull else { return .none }
        guard let text = value.string else { return .malformed }
        return text.isEmpty ? .none : .text(text)
    }

    /// A member that may be left out.
    enum Text: Equatable {
        case none
        case text(String)
        case malformed

        var value: String? { if case .text(let text) = self { text } else { nil } }
    }
}

/// A reason that a facilitator gave. Its words reach callers, so that only what looks like a code passes.
struct FacilitatorReason: Equatable {
    /// What callers are told.
    let code: String
    /// Whether it says that this payment is refused, and not that the facilitator could not do its work.
    let isDefinite: Bool

    /// In place of what is no code.
    static let unnamed = "refused_by_facilitator"

    init(_ text: FacilitatorMessages.Text) {
        guard case .text(let text) = text, Self.isCode(text) else {
            code = Self.unnamed
            isDefinite = false
            return
        }
        code = text
        isDefinite = PaymentCode(rawValue: text) != nil || !Self.vague.contains { text.contains($0) }
    }

    /// `^[a-z0-9_]{1,64}$`
    private static func isCode(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, 0x5F: true
                default: false
                }
            }
    }

    /// Parts of the codes by which facilitators say that something went wrong on their side.
    private static let vague = [
        "error", "unexpected", "unknown", "internal", "timeout", "timed_out", "unavailable", "duplicate",
    ]
}

/// The hash of a transaction, in lower case.
enum TransactionHash {
    /// Reads `0x` and 64 hex digits; nil for anything else.
    static func parse(_ text: String?) -> String? {
        guard let text, text.utf8.count == 66, text.hasPrefix("0x"), let bytes = Hex.decode(text) else { return nil }
        return Hex.encodePrefixed(bytes)
    }
}
