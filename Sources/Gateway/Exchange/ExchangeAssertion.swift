import Bytes
import HTTP
import Payments

/// The signed word that an upstream may ask for, and the keys by which it is checked.
extension Exchange {
    static let keysPath: StaticString = "/.well-known/farebox/jwks.json"

    /// Whether the request is for the keys' document, which no route takes.
    var asksForKeys: Bool {
        let known = Self.keysPath.bytes
        return pathLength == known.count && path.elementsEqual(known)
    }

    /// The JWK set; short-lived in caches, so that a new key is known soon.
    func answerKeys() -> Progress {
        guard head.method == .get || head.method == .head else { return answer(.methodNotAllowed(allow: "GET, HEAD")) }
        record.outcome = .answered
        let text = prepared.assertionKeys?.json(now: worker.unixSeconds) ?? "{\"keys\":[]}\n"
        beginOwnHead(200, caching: "public, max-age=60")
        appendOwnCORS()
        return Array(text.utf8).withUnsafeBytes { finishOwnAnswer($0, type: "application/json") }
    }

    /// One field line, where the upstream wants it and there is something to assure.
    func appendAssertion(_ purchase: Purchase, for upstream: Upstream) {
        guard upstream.settings.wantsAssertion, let keys = prepared.assertionKeys, let ticket = purchase.ticket else {
            return
        }
        let assertion = Assertion(
            issuer: prepared.revision.settings.publicURL, audience: upstream.settings.url.origin,
            payer: purchase.payerText, amountAtomic: purchase.offer.amountAtomic, asset: purchase.offer.asset,
            network: purchase.offer.network, transaction: purchase.transaction, binding: purchase.binding,
            claim: ticket.idempotencyKey, now: worker.unixSeconds)
        let start = out.count
        out.append("X-Farebox-Assertion: ")
        guard assertion.append(signedWith: keys.signer, to: &out) else {
            // Without it the upstream refuses, which under `after` is not charged.
            out.truncate(start)
            return worker.warn("an assertion cannot be signed", cause: "OpenSSL")
        }
        out.append("\r\n")
    }
}
