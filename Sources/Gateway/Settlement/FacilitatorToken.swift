import Bytes
import JSON

/// The token that Coinbase's hosted facilitator wants with each request: a JWT (RFC 7519) good for one method and URL and for
/// two minutes.
struct FacilitatorToken {
    static let lifetimeSeconds: Int64 = 120

    /// The name of the key, as Coinbase gave it.
    var keyID: String
    /// `POST`, `GET`.
    var method: String
    /// Host, with its port where it is not the scheme's own.
    var host: String
    /// Canonical, without a query.
    var path: String
    /// Unix seconds: good from here on.
    var now: Int64
    /// Hex digits that no other token has.
    var nonce: String

    /// The compact form (RFC 7515 §3.1); nil where the key does not sign.
    func signed(with key: FacilitatorTokenKey) -> [UInt8]? {
        var text = Self.base64url(header(key.algorithm)) + [0x2E] + Self.base64url(claims)
        guard let signature = key.sign(text) else { return nil }
        text.append(0x2E)
        return text + Self.base64url(signature)
    }

    private func header(_ algorithm: FacilitatorTokenKey.Algorithm) -> [UInt8] {
        var out = ByteBuffer(capacity: 256)
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("alg", &out)
        json.string(algorithm.rawValue, &out)
        json.key("kid", &out)
        json.string(keyID, &out)
        json.key("typ", &out)
        json.string("JWT", &out)
        json.key("nonce", &out)
        json.string(nonce, &out)
        json.endObject(&out)
        return out.array
    }

    private var claims: [UInt8] {
        var out = ByteBuffer(capacity: 256)
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("sub", &out)
        json.string(keyID, &out)
        json.key("iss", &out)
        json.string("cdp", &out)
        json.key("aud", &out)
        json.beginArray(&out)
        json.string("cdp_service", &out)
        json.endArray(&out)
        json.key("nbf", &out)
        json.number(Int(now), &out)
        json.key("exp", &out)
        json.number(Int(now + Self.lifetimeSeconds), &out)
        json.key("uris", &out)
        json.beginArray(&out)
        json.string("\(method) \(host)\(path)", &out)
        json.endArray(&out)
        json.endObject(&out)
        return out.array
    }

    /// Without padding (RFC 7515 §2).
    static func base64url(_ bytes: [UInt8]) -> [UInt8] {
        var out = ByteBuffer(capacity: bytes.count * 4 / 3 + 4)
        out.append(base64url: bytes)
        return out.array
    }
}
