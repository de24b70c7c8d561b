import Bytes
import JSON

/// How `tools/list` shows a price; prepared once per revision for each of a route's prices.
public struct ToolLabel: Sendable {
    /// One way to pay.
    public struct Terms: Sendable {
        /// CAIP-2.
        public let network: String
        /// The token's address, as the terms have it.
        public let asset: String
        /// Atomic units of the asset, decimal.
        public let amount: String

        public init(network: String, asset: String, amount: String) {
            self.network = network
            self.asset = asset
            self.amount = amount
        }
    }

    /// Members of a tool's `_meta`.
    let meta: [(key: StaticString, value: [UInt8])]
    /// A sentence for the end of a tool's description, escaped as within a JSON string.
    let sentence: [UInt8]

    /// - Parameters:
    ///   - displayPrice: as the configuration has it: "$0.02".
    ///   - priceUSD: the same as a JSON number, "0.02"; nil where it is not in dollars.
    ///   - settlesFirst: the money moves before the tool runs.
    public init(displayPrice: String, priceUSD: String?, terms: [Terms], settlesFirst: Bool) {
        var meta: [(key: StaticString, value: [UInt8])] = [
            ("x402/price", ToolLabel.price(displayPrice, terms, settlesFirst)),
            ("agents-x402/paymentRequired", Array("true".utf8)),
        ]
        if let priceUSD { meta.append(("agents-x402/priceUSD", Array(priceUSD.utf8))) }
        self.meta = meta
        var text = ByteBuffer()
        "Costs \(displayPrice) a call, paid with x402.".utf8.withContiguousStorageIfAvailable {
            JSONWriter.appendEscaped(UnsafeRawBufferPointer($0), &text)
        }
        sentence = text.array
    }

    private static func price(_ display: String, _ terms: [Terms], _ settlesFirst: Bool) -> [UInt8] {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("display", &out)
        json.string(display, &out)
        json.key("settle", &out)
        json.string(settlesFirst ? "first" : "after", &out)
        json.key("accepts", &out)
        json.beginArray(&out)
        for entry in terms {
            json.beginObject(&out)
            json.key("network", &out)
            json.string(entry.network, &out)
            json.key("asset", &out)
            json.string(entry.asset, &out)
            json.key("amount", &out)
            json.string(entry.amount, &out)
            json.endObject(&out)
        }
        json.endArray(&out)
        json.endObject(&out)
        return out.array
    }
}
