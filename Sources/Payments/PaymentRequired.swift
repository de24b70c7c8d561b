import Bytes
import Chains
import JSON

/// A 402 as a client reads it.
public struct PaymentRequired: Sendable, Hashable {
    /// Longest header value a client looks at, in bytes.
    public static let maximumHeaderBytes = 64 * 1024

    public let version: ProtocolVersion
    /// Why the server asks; empty where it did not say.
    public let error: String
    /// In the server's order; what this client could not pay is left out.
    public let entries: [Entry]
    /// The `resource` object's JSON text as sent, which version 2 echoes; nil where there was none.
    public let resource: [UInt8]?

    /// One entry of `accepts` that this client could pay: `exact`, EIP-3009, with the token's domain given.
    public struct Entry: Sendable, Hashable {
        /// As the server wrote it: CAIP-2 in version 2, a name in version 1.
        public let network: String
        public let chainID: UInt64
        public let asset: Address
        public let payTo: Address
        public let amountAtomic: UInt256
        public let maxTimeoutSeconds: Int
        public let domainName: String
        public let domainVersion: String
        /// The entry's JSON text as sent, which version 2 echoes as `accepted`.
        public let source: [UInt8]
    }

    /// Reads the value of `PAYMENT-REQUIRED` (base64) if there was one, otherwise the version 1 body.
    public static func decode(
        v2Header: UnsafeRawBufferPointer?, v1Body: UnsafeRawBufferPointer
    ) throws(PaymentFault) -> PaymentRequired {
        guard let v2Header else { return try read(v1Body, .v1) }
        guard v2Header.count <= maximumHeaderBytes else { throw PaymentFault(code: .headerTooLarge, detail: "") }
        guard let json = Base64.decode(v2Header) else { throw PaymentFault(code: .headerNotBase64, detail: "") }
        let result = json.withUnsafeBytes { bytes -> Result<PaymentRequired, PaymentFault> in
            Result { () throws(PaymentFault) in try read(bytes, .v2) }
        }
        return try result.get()
    }

    private static func read(
        _ json: UnsafeRawBufferPointer, _ version: ProtocolVersion
    ) throws(PaymentFault) -> PaymentRequired {
        let tape: JSONTape
        do throws(JSONFault) {
            tape = try JSONTape(json)
        } catch {
            throw PaymentFault(code: .headerNotJSON, detail: "\(error.reason.rawValue) at byte \(error.offset)")
        }
        let message = try Fields(tape.root(over: json), path: "")
        guard message.optional("x402Version")?.int == version.rawValue else {
            throw PaymentFault(code: .invalidVersion, detail: "x402Version")
        }
        let accepts = try message.required("accepts")
        guard accepts.kind == .array else { throw message.fault("accepts") }
        var entries: [Entry] = []
        // An entry of another scheme or chain is no fault: the server offers a choice.
        for value in accepts.elements {
            if let entry = try? entry(Fields(value, path: "accepts"), version) { entries.append(entry) }
        }
        return PaymentRequired(
            version: version, error: message.optional("error")?.string ?? "", entries: entries,
            resource: version == .v2 ? message.optional("resource").map { Array($0.source) } : nil)
    }

    private static func entry(_ fields: Fields, _ version: ProtocolVersion) throws(PaymentFault) -> Entry {
        let network = try fields.string("network")
        guard let chainID = chainID(network, version) else { throw fields.fault("network") }
        guard try fields.required("scheme").isString("exact") else { throw fields.fault("scheme") }
        let extra = try fields.fields("extra")
        if let method = extra.optional("assetTransferMethod"), !method.isString("eip3009") {
            throw extra.fault("assetTransferMethod")
        }
        if let flow = extra.optional("paymentFlow"), !flow.isString("authorization") && !flow.isString("upfront") {
            throw extra.fault("paymentFlow")
        }
        return Entry(
            network: network, chainID: chainID, asset: try fields.address("asset"),
            payTo: try fields.address("payTo"),
            amountAtomic: try fields.decimal(version == .v2 ? "amount" : "maxAmountRequired"),
            maxTimeoutSeconds: try fields.count("maxTimeoutSeconds"), domainName: try extra.string("name"),
            domainVersion: try extra.string("version"), source: Array(fields.object.source))
    }

    /// Version 1 names networks; a server may write CAIP-2 there for one that has no name.
    private static func chainID(_ network: String, _ version: ProtocolVersion) -> UInt64? {
        if let chainID = Network.chainID(caip2: network) { return chainID }
        return version == .v1 ? Network.all.first { $0.v1Name == network }?.chainID : nil
    }
}
