import Bytes
import JSON

/// The extension `payment-identifier` of x402 version 2: the payer's own name for a payment, by which a retry is known.
enum PaymentIdentifier {
    static let key: StaticString = "payment-identifier"

    /// 16 to 128 of `A-Za-z0-9_-`.
    static func isValid(_ text: String) -> Bool {
        guard (16...128).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
            default: false
            }
        }
    }

    /// What a 402 says of it: that it may be sent, and how it looks.
    static func declare(_ json: inout JSONWriter, _ out: inout ByteBuffer) {
        json.beginObject(&out)
        json.key("info", &out)
        json.beginObject(&out)
        json.key("required", &out)
        json.bool(false, &out)
        json.endObject(&out)
        json.key("schema", &out)
        schema.withUTF8Buffer { json.raw(UnsafeRawBufferPointer($0), &out) }
        json.endObject(&out)
    }

    private static let schema: StaticString = """
        {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"required":{"type":"boolean"},\
        "id":{"type":"string","minLength":16,"maxLength":128,"pattern":"^[a-zA-Z0-9_-]+$"}},"required":["required"]}
        """
}
