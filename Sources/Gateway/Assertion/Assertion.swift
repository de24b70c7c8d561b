import Bytes
import Chains
import Payments

/// What the gateway assures an upstream of: who paid what for this very request. A JWT (RFC 7519), good for two minutes.
struct Assertion {
    static let lifetimeSeconds: Int64 = 120

    /// The gateway's `public_url`.
    var issuer: String
    /// The upstream's origin.
    var audience: String
    /// With its checksum.
    var payer: String
    var amountAtomic: UInt128
    var asset: Address
    /// CAIP-2.
    var network: String
    /// Empty while the money has not moved.
    var transaction: String
    /// What the payment is bound to.
    var binding: Bytes32
    /// Names the claim: the same on each attempt.
    var claim: String
    /// Unix seconds.
    var now: Int64

    /// Appends the compact form (RFC 7515 §3.1); false, and nothing appended, where the key does not sign.
    func append(signedWith key: AssertionKey, to out: inout ByteBuffer) -> Bool {
        var claims = ByteBuffer(capacity: 768)
        write(&claims)
        let start = out.count
        out.append(key.headerText)
        out.append(base64url: claims.readable)
        let message = UnsafeRawBufferPointer(rebasing: out.readable[start...])
        guard let signature = key.sign(message) else {
            out.truncate(start)
            return false
        }
        out.append(byte: 0x2E)
        out.append(base64url: signature)
        return true
    }

    private func write(_ out: inout ByteBuffer) {
        Self.member("{\"iss\":\"", issuer, &out)
        Self.member("\",\"aud\":\"", audience, &out)
        Self.member("\",\"sub\":\"", payer, &out)
        Self.member("\",\"jti\":\"", claim, &out)
        Self.member("\",\"amount\":\"", amountAtomic.decimalText, &out)
        out.append("\",\"asset\":\"")
        asset.write(into: &out)
        Self.member("\",\"network\":\"", network, &out)
        if !transaction.isEmpty { Self.member("\",\"transaction\":\"", transaction, &out) }
        Self.member("\",\"binding\":\"", binding.hex, &out)
        out.append("\",\"iat\":")
        out.append(decimal: Int(now))
        out.append(",\"exp\":")
        out.append(decimal: Int(now + Self.lifetimeSeconds))
        out.append("}")
    }

    private static func member(_ key: StaticString, _ value: String, _ out: inout ByteBuffer) {
        out.append(key)
        out.appendEscaped(value)
    }
}
