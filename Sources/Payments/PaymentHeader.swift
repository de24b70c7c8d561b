import Bytes
import Chains
import JSON

/// Reads what a client sends to pay.
public enum PaymentHeader {
    /// Longest header value that is looked at, in bytes, before base64 is undone.
    public static let maximumBytes = 8 * 1024

    /// Reads `PAYMENT-SIGNATURE` (`v2`) or `X-PAYMENT` (`v1`), whichever came; nil where neither did.
    ///
    /// Unknown keys are tolerated and explicit nulls count as absent; whatever else departs from the x402
    /// specification is a fault. A header that came twice is for the caller to refuse.
    public static func decode(
        v2: UnsafeRawBufferPointer?, v1: UnsafeRawBufferPointer?
    ) throws(PaymentFault) -> PaymentPayload? {
        switch (v2, v1) {
        case (nil, nil): return nil
        case (.some, .some): throw PaymentFault(code: .mixedHeaders, detail: "")
        case (let header?, nil): return try decode(header, .v2)
        case (nil, let header?): return try decode(header, .v1)
        }
    }

    /// Reads a payment that came as JSON text inside a message of another protocol; its `x402Version` says which
    /// version it is of. Strict as above.
    public static func decode(json: UnsafeRawBufferPointer) throws(PaymentFault) -> PaymentPayload {
        guard json.count <= maximumBytes else { throw PaymentFault(code: .headerTooLarge, detail: "") }
        return try read(json, nil)
    }

    private static func decode(
        _ header: UnsafeRawBufferPointer, _ version: ProtocolVersion
    ) throws(PaymentFault) -> PaymentPayload {
        guard header.count <= maximumBytes else { throw PaymentFault(code: .headerTooLarge, detail: "") }
        guard let json = Base64.decode(header) else { throw PaymentFault(code: .headerNotBase64, detail: "") }
        let result = json.withUnsafeBytes { bytes -> Result<PaymentPayload, PaymentFault> in
            Result { () throws(PaymentFault) in try read(bytes, version) }
        }
        return try result.get()
    }

    private static func read(
        _ json: UnsafeRawBufferPointer, _ expected: ProtocolVersion?
    ) throws(PaymentFault) -> PaymentPayload {
        let tape: JSONTape
        do throws(JSONFault) {
            tape = try JSONTape(json)
        } catch {
            throw PaymentFault(code: .headerNotJSON, detail: "\(error.reason.rawValue) at byte \(error.offset)")
        }
        let message = try Fields(tape.root(over: json), path: "")
        guard let version = message.optional("x402Version")?.int.flatMap(ProtocolVersion.init),
            version == expected ?? version
        else { throw PaymentFault(code: .invalidVersion, detail: "x402Version") }
        let terms = version == .v2 ? try message.fields("accepted") : message
        guard try terms.required("scheme").isString("exact") else {
            throw PaymentFault(code: .unsupportedScheme, detail: "scheme")
        }
        let network = try terms.string("network")
        if version == .v2 && Network.chainID(caip2: network) == nil {
            throw PaymentFault(code: .networkMismatch, detail: "network")
        }
        let payload = try message.fields("payload")
        let authorization = try payload.fields("authorization")
        return PaymentPayload(
            version: version, scheme: Offer.scheme, network: network,
            accepted: version == .v2 ? try acceptedTerms(terms) : nil,
            authorization: TransferWithAuthorization(
                from: try authorization.address("from"), to: try authorization.address("to"),
                value: try authorization.decimal("value"), validAfter: try authorization.decimal("validAfter"),
                validBefore: try authorization.decimal("validBefore"), nonce: try authorization.word("nonce")),
            signature: try payload.data("signature"), paymentIdentifier: try identifier(message),
            json: Array(json))
    }

    private static func acceptedTerms(_ terms: Fields) throws(PaymentFault) -> AcceptedTerms {
        let extra = terms.optional("extra")
        guard extra == nil || extra?.kind == .object else { throw terms.fault("extra") }
        return AcceptedTerms(
            amount: try terms.decimal("amount"), asset: try terms.address("asset"), payTo: try terms.address("payTo"),
            maxTimeoutSeconds: try terms.count("maxTimeoutSeconds"),
            extra: extra.map { Array($0.source) } ?? [0x7B, 0x7D])
    }

    /// `extensions["payment-identifier"].info.id`; nil where any of it is absent.
    private static func identifier(_ message: Fields) throws(PaymentFault) -> String? {
        guard let extensions = message.optional("extensions"), let declared = extensions[PaymentIdentifier.key],
            let info = declared["info"], let id = info["id"], !id.isNull
        else { return nil }
        guard let text = id.string, PaymentIdentifier.isValid(text) else {
            throw PaymentFault(code: .invalidPayload, detail: "extensions.payment-identifier.info.id")
        }
        return text
    }
}
