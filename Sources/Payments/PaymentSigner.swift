import Bytes
import Chains
import JSON

/// Signs a payment for a 402: what `farebox pay` does with its key.
public enum PaymentSigner {
    /// Seconds by which the window begins before now, for clocks that differ.
    static let secondsBefore: Int64 = 600
    /// Longest window that is signed, in seconds, whatever the server asks for.
    static let maximumWindowSeconds = 86_400

    public enum Refusal: Error, Sendable, Hashable {
        /// None of the entries is `exact` on EVM with a token domain, or of none is a maximum known.
        case nothingPayable
        /// Every payable entry is above its maximum; these are the first one's, in atomic units.
        case aboveMaximum(amountAtomic: UInt256, maximumAtomic: UInt256)
    }

    /// A header to send with the one paid retry.
    public struct SignedPayment: Sendable, Hashable {
        public let version: ProtocolVersion
        public let entry: PaymentRequired.Entry
        public let authorization: TransferWithAuthorization
        /// `PAYMENT-SIGNATURE` or `X-PAYMENT`.
        public let headerName: String
        /// base64.
        public let headerValue: String

        public var payer: Address { authorization.from }
    }

    /// Signs the first payable entry at or under its maximum.
    ///
    /// - Parameters:
    ///   - maximumAtomic: of an entry, in its asset's atomic units, since decimals differ; nil forbids the asset.
    ///   - nonce: 32 random bytes, never used before by this key.
    ///   - now: Unix seconds; the window is [now − 600, now + maxTimeoutSeconds].
    public static func sign(
        _ required: PaymentRequired, key: borrowing PrivateKey, maximumAtomic: (PaymentRequired.Entry) -> UInt256?,
        nonce: Bytes32, now: Int64
    ) throws(Refusal) -> SignedPayment {
        var refusal = Refusal.nothingPayable
        for entry in required.entries {
            guard let maximum = maximumAtomic(entry) else { continue }
            if entry.amountAtomic <= maximum { return sign(entry, of: required, key: key, nonce: nonce, now: now) }
            if refusal == .nothingPayable {
                refusal = .aboveMaximum(amountAtomic: entry.amountAtomic, maximumAtomic: maximum)
            }
        }
        throw refusal
    }

    private static func sign(
        _ entry: PaymentRequired.Entry, of required: PaymentRequired, key: borrowing PrivateKey, nonce: Bytes32,
        now: Int64
    ) -> SignedPayment {
        let window = Int64(min(entry.maxTimeoutSeconds, maximumWindowSeconds))
        let authorization = TransferWithAuthorization(
            from: Secp256k1.address(of: key), to: entry.payTo, value: entry.amountAtomic,
            validAfter: UInt256(UInt64(max(0, now - secondsBefore))), validBefore: UInt256(UInt64(now + window)),
            nonce: nonce)
        let separator = EIP712.domainSeparator(
            name: entry.domainName, version: entry.domainVersion, chainID: entry.chainID,
            verifyingContract: entry.asset)
        let signature = Secp256k1.sign(digest: authorization.digest(domainSeparator: separator), with: key)
        return SignedPayment(
            version: required.version, entry: entry, authorization: authorization,
            headerName: required.version == .v2 ? "PAYMENT-SIGNATURE" : "X-PAYMENT",
            headerValue: Base64.encode(message(entry, of: required, authorization, signature)))
    }

    private static func message(
        _ entry: PaymentRequired.Entry, of required: PaymentRequired, _ authorization: TransferWithAuthorization,
        _ signature: Signature
    ) -> [UInt8] {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("x402Version", &out)
        json.number(required.version.rawValue, &out)
        switch required.version {
        case .v1:
            json.key("scheme", &out)
            json.string(Offer.scheme, &out)
            json.key("network", &out)
            json.string(entry.network, &out)
        case .v2:
            json.key("accepted", &out)
            entry.source.withUnsafeBytes { json.raw($0, &out) }
            if let resource = required.resource {
                json.key("resource", &out)
                resource.withUnsafeBytes { json.raw($0, &out) }
            }
        }
        json.key("payload", &out)
        json.beginObject(&out)
        json.key("signature", &out)
        json.string(Hex.encodePrefixed(signature.bytes), &out)
        json.key("authorization", &out)
        write(authorization, &json, &out)
        json.endObject(&out)
        json.endObject(&out)
        return out.array
    }

    private static func write(
        _ authorization: TransferWithAuthorization, _ json: inout JSONWriter, _ out: inout ByteBuffer
    ) {
        json.beginObject(&out)
        json.key("from", &out)
        json.string(authorization.from.checksummed, &out)
        json.key("to", &out)
        json.string(authorization.to.checksummed, &out)
        json.key("value", &out)
        json.string(authorization.value.description, &out)
        json.key("validAfter", &out)
        json.string(authorization.validAfter.description, &out)
        json.key("validBefore", &out)
        json.string(authorization.validBefore.description, &out)
        json.key("nonce", &out)
        json.string(authorization.nonce.hex, &out)
        json.endObject(&out)
    }
}
