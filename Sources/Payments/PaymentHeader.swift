import Bytes
import Chains
import JSON

/// Reads what a client sends to pay.
public enum PaymentHeader {
    /// Longest header value that is looked at, in bytes, before base64 is undone.
    public static let maximumBytes = 8 * 1024

    /// Reads `PAYMENT-SIGNATURE` (`v2`) or `X-PAYMENT` (`v1`), whichever came; nil where neither did.
    ///
    /// Unknown keys are tolerated, explicit nulls count as absent; everything else that is not as x402.md §1 has it is a fault.
    /// A header that came twice is for the caller to refuse.
    public static func decode(
        v2: UnsafeRawBufferPointer?, v1: UnsafeRawBufferPointer?
    ) throws(PaymentFault) -> PaymentPayload? {
        throw PaymentFault(code: .invalidPayload, detail: "not read yet")
    }
}
