import Bytes
import Chains
import JSON

/// A route's 402, prepared once per revision; only the URL and the error are written per request.
public struct ChallengeTemplate: Sendable {
    /// Characters the x402 specification lets a service's name have.
    public static let maximumServiceName = 32

    /// `PAYMENT-REQUIRED` up to the URL, in base64. White space makes its JSON a multiple of three bytes long, so
    /// that what follows can be encoded by itself.
    private let v2Prefix: [UInt8]
    /// The version 1 body without its error and URLs.
    private let v1Text: [UInt8]
    /// Where the error belongs in `v1Text`, and then the URL of every entry.
    private let v1Gaps: [Int]

    /// - Parameters:
    ///   - offers: in the order clients are to prefer them; at least one.
    ///   - serviceName: cut to `maximumServiceName` characters.
    public init(offers: [Offer], description: String?, mimeType: String?, serviceName: String? = nil) {
        precondition(!offers.isEmpty, "a route without offers has no 402")
        v2Prefix = Self.v2Prefix(offers, description, mimeType, serviceName)
        (v1Text, v1Gaps) = Self.v1(offers, description ?? "", mimeType ?? "")
    }

    /// Appends the value of `PAYMENT-REQUIRED` (base64) to `v2Header` and the version 1 body (JSON) to `v1Body`.
    ///
    /// - Parameters:
    ///   - url: the resource's absolute URL, as UTF-8, not escaped; the caller answers for its being UTF-8.
    ///   - error: why: the `rawValue` of a `PaymentCode`, or a sentence.
    public func render(
        url: UnsafeRawBufferPointer, error: String, v2Header: inout ByteBuffer, v1Body: inout ByteBuffer
    ) {
        var error = error
        error.withUTF8 { text in
            let error = UnsafeRawBufferPointer(text)
            renderV2(url, error, &v2Header, scratch: &v1Body)
            renderV1(url, error, &v1Body)
        }
    }

    /// Appends the value of `PAYMENT-REQUIRED` alone.
    public func renderHeader(url: UnsafeRawBufferPointer, error: String, into v2Header: inout ByteBuffer) {
        var error = error
        var scratch = ByteBuffer(capacity: url.count + error.utf8.count + 32)
        error.withUTF8 { renderV2(url, UnsafeRawBufferPointer($0), &v2Header, scratch: &scratch) }
    }

    /// The end of the message stands for a moment behind what `scratch` holds.
    private func renderV2(
        _ url: UnsafeRawBufferPointer, _ error: UnsafeRawBufferPointer, _ out: inout ByteBuffer,
        scratch: inout ByteBuffer
    ) {
        out.append(v2Prefix)
        let kept = scratch.count
        JSONWriter.appendEscaped(url, &scratch)
        scratch.append("\"},\"error\":\"")
        JSONWriter.appendEscaped(error, &scratch)
        scratch.append("\"}")
        Base64.encode(UnsafeRawBufferPointer(rebasing: scratch.readable[kept...]), into: &out)
        scratch.truncate(kept)
    }

    private func renderV1(
        _ url: UnsafeRawBufferPointer, _ error: UnsafeRawBufferPointer, _ out: inout ByteBuffer
    ) {
        v1Text.withUnsafeBytes { text in
            var from = 0
            for (index, gap) in v1Gaps.enumerated() {
                out.append(UnsafeRawBufferPointer(rebasing: text[from..<gap]))
                JSONWriter.appendEscaped(index == 0 ? error : url, &out)
                from = gap
            }
            out.append(UnsafeRawBufferPointer(rebasing: text[from...]))
        }
    }

    private static func v2Prefix(
        _ offers: [Offer], _ description: String?, _ mimeType: String?, _ serviceName: String?
    ) -> [UInt8] {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("x402Version", &out)
        json.number(2, &out)
        json.key("accepts", &out)
        json.beginArray(&out)
        for offer in offers { PaymentRequirements.writeV2(offer, &json, &out) }
        json.endArray(&out)
        json.key("extensions", &out)
        json.beginObject(&out)
        json.key(PaymentIdentifier.key, &out)
        PaymentIdentifier.declare(&json, &out)
        json.endObject(&out)
        json.key("resource", &out)
        json.beginObject(&out)
        if let description {
            json.key("description", &out)
            json.string(description, &out)
        }
        if let mimeType {
            json.key("mimeType", &out)
            json.string(mimeType, &out)
        }
        if let serviceName {
            json.key("serviceName", &out)
            json.string(String(serviceName.prefix(maximumServiceName)), &out)
        }
        json.key("url", &out)
        out.append(byte: 0x22)

        var padded = out.array
        padded.insert(contentsOf: [UInt8](repeating: 0x20, count: (3 - padded.count % 3) % 3), at: 1)
        var encoded = ByteBuffer()
        padded.withUnsafeBytes { Base64.encode($0, into: &encoded) }
        return encoded.array
    }

    private static func v1(_ offers: [Offer], _ description: String, _ mimeType: String) -> ([UInt8], [Int]) {
        var out = ByteBuffer()
        var gaps: [Int] = []
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("x402Version", &out)
        json.number(1, &out)
        json.key("error", &out)
        json.string("", &out)
        gaps.append(out.count - 1)
        json.key("accepts", &out)
        json.beginArray(&out)
        for offer in offers {
            gaps.append(
                PaymentRequirements.writeV1(
                    offer, resource: "", description: description, mimeType: mimeType, &json, &out))
        }
        json.endArray(&out)
        json.endObject(&out)
        return (out.array, gaps)
    }
}
