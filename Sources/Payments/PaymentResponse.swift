import Bytes
import Chains
import JSON

/// The outcome of a payment, as `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE` carries it.
public struct PaymentResponse: Sendable, Hashable {
    public var success: Bool
    /// The transaction's id; empty where there is none.
    public var transaction: String
    /// CAIP-2.
    public var network: String
    /// The network's version 1 name, which version 1 receipts carry.
    public var networkV1Name: String
    public var payer: Address?
    /// What was charged, in atomic units; left out of version 1.
    public var amountAtomic: UInt128?
    /// Why it failed; nil on success.
    public var errorReason: String?

    public init(
        success: Bool, transaction: String, network: String, networkV1Name: String, payer: Address?,
        amountAtomic: UInt128? = nil, errorReason: String? = nil
    ) {
        self.success = success
        self.transaction = transaction
        self.network = network
        self.networkV1Name = networkV1Name
        self.payer = payer
        self.amountAtomic = amountAtomic
        self.errorReason = errorReason
    }

    /// Appends the header's value: base64 of the JSON object.
    ///
    /// - Parameter payerText: `payer` as written, where it is at hand: its checksum costs a hash.
    public func encode(_ version: ProtocolVersion, payerText: String? = nil, into out: inout ByteBuffer) {
        var text = ByteBuffer(capacity: 512)
        write(version, payerText: payerText, into: &text)
        Base64.encode(text.readable, into: &out)
    }

    /// Appends the JSON object itself, on one line.
    ///
    /// - Parameter payerText: as in `encode`.
    public func write(_ version: ProtocolVersion, payerText: String? = nil, into text: inout ByteBuffer) {
        var json = JSONWriter()
        json.beginObject(&text)
        json.key("success", &text)
        json.bool(success, &text)
        if let errorReason {
            json.key("errorReason", &text)
            json.string(errorReason, &text)
        }
        json.key("transaction", &text)
        json.string(transaction, &text)
        json.key("network", &text)
        json.string(version == .v2 ? network : networkV1Name, &text)
        if let payer {
            json.key("payer", &text)
            json.string(payerText ?? payer.checksummed, &text)
        }
        if let amountAtomic, version == .v2 {
            json.key("amount", &text)
            json.string(amountAtomic.decimalText, &text)
        }
        json.endObject(&text)
    }

    /// Reads a header's value of either version, the network as it is written there; nil when it is not such an object.
    public static func decode(_ header: UnsafeRawBufferPointer) -> PaymentResponse? {
        guard header.count <= PaymentRequired.maximumHeaderBytes, let json = Base64.decode(header) else { return nil }
        return json.withUnsafeBytes { bytes in
            guard let tape = try? JSONTape(bytes) else { return nil }
            return try? read(Fields(tape.root(over: bytes), path: ""))
        }
    }

    private static func read(_ message: Fields) throws(PaymentFault) -> PaymentResponse {
        guard let success = try message.required("success").bool else { throw message.fault("success") }
        let network = try message.string("network")
        let amount = message.optional("amount") == nil ? nil : try message.decimal("amount")
        return PaymentResponse(
            success: success, transaction: message.optional("transaction")?.string ?? "", network: network,
            networkV1Name: network, payer: message.optional("payer") == nil ? nil : try message.address("payer"),
            amountAtomic: amount?.uint128, errorReason: message.optional("errorReason")?.string)
    }
}
