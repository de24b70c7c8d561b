import Bytes
import Chains
import JSON

/// One entry of `accepts`, which facilitators are given as `paymentRequirements` (x402 specification, versions 1 and 2).
public enum PaymentRequirements {
    /// Appends what is asked for a payment of this version, as JSON.
    ///
    /// - Parameters:
    ///   - resource: the absolute URL that is paid for; version 1 alone says it here.
    public static func write(_ offer: Offer, _ version: ProtocolVersion, resource: String, into out: inout ByteBuffer) {
        var json = JSONWriter()
        switch version {
        case .v1: _ = writeV1(offer, resource: resource, description: "", mimeType: "", &json, &out)
        case .v2: writeV2(offer, &json, &out)
        }
    }

    static func writeV2(_ offer: Offer, _ json: inout JSONWriter, _ out: inout ByteBuffer) {
        json.beginObject(&out)
        json.key("scheme", &out)
        json.string(Offer.scheme, &out)
        json.key("network", &out)
        json.string(offer.network, &out)
        json.key("amount", &out)
        json.string("\(offer.amountAtomic)", &out)
        json.key("asset", &out)
        json.string(offer.asset.checksummed, &out)
        json.key("payTo", &out)
        json.string(offer.payTo.checksummed, &out)
        json.key("maxTimeoutSeconds", &out)
        json.number(offer.maxTimeoutSeconds, &out)
        writeExtra(offer, withFlow: offer.settlesFirst, &json, &out)
        json.endObject(&out)
    }

    /// Returns where in `out` the text of `resource` ends.
    static func writeV1(
        _ offer: Offer, resource: String, description: String, mimeType: String, _ json: inout JSONWriter,
        _ out: inout ByteBuffer
    ) -> Int {
        json.beginObject(&out)
        json.key("scheme", &out)
        json.string(Offer.scheme, &out)
        json.key("network", &out)
        json.string(offer.networkV1Name, &out)
        json.key("maxAmountRequired", &out)
        json.string("\(offer.amountAtomic)", &out)
        json.key("resource", &out)
        json.string(resource, &out)
        let end = out.count - 1
        json.key("description", &out)
        json.string(description, &out)
        json.key("mimeType", &out)
        json.string(mimeType, &out)
        json.key("payTo", &out)
        json.string(offer.payTo.checksummed, &out)
        json.key("maxTimeoutSeconds", &out)
        json.number(offer.maxTimeoutSeconds, &out)
        json.key("asset", &out)
        json.string(offer.asset.checksummed, &out)
        writeExtra(offer, withFlow: false, &json, &out)
        json.endObject(&out)
        return end
    }

    /// The flow stays out of version 1, whose clients do not know it.
    private static func writeExtra(
        _ offer: Offer, withFlow: Bool, _ json: inout JSONWriter, _ out: inout ByteBuffer
    ) {
        json.key("extra", &out)
        json.beginObject(&out)
        json.key("name", &out)
        json.string(offer.domainName, &out)
        json.key("version", &out)
        json.string(offer.domainVersion, &out)
        if withFlow {
            json.key("paymentFlow", &out)
            json.string("upfront", &out)
        }
        json.endObject(&out)
    }
}
