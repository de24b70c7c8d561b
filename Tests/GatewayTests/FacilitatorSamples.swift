import Bytes
import Chains
import Payments
import Testing

@testable import Gateway

/// One payment in both versions, as a facilitator is asked about it.
enum FacilitatorSamples {
    static let payer = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
    static let payTo = Address.parse("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")!.address
    static let hash = "0x" + String(repeating: "aB", count: 32)
    static let lowerHash = "0x" + String(repeating: "ab", count: 32)

    private static let network = Network.named("base-sepolia")!
    private static let payload = """
        {"signature": "0x\(String(repeating: "11", count: 65))", "authorization": {"from": "\(payer)", "to": "\(payTo)", \
        "value": "20000", "validAfter": "0", "validBefore": "1893456000", "nonce": "0x\(String(repeating: "22", count: 32))"}}
        """

    /// With what this gateway does not read, which is passed on all the same.
    static let v2 = """
        {"x402Version":2, "accepted": {"scheme":"exact","network":"eip155:84532","amount":"20000","asset":"\(network.usdc.address)",\
        "payTo":"\(payTo)","maxTimeoutSeconds":300,"extra":{"name":"USDC","version":"2","own":1.50}},\
        "payload": \(payload), "extensions": {"bazaar": {"info": "\\u00e9"}}}
        """
    static let v1 =
        "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base-sepolia\",\"payload\":\(payload)}"

    static func request(_ version: ProtocolVersion = .v2) throws -> VerificationRequest {
        let offer = Offer(
            paymentName: "usdc", network: network.caip2, networkV1Name: network.name, chainID: network.chainID,
            asset: network.usdc.address, assetDecimals: 6, domainName: "USDC", domainVersion: "2", payTo: payTo,
            amountAtomic: 20_000, maxTimeoutSeconds: 300, settlesFirst: true, facilitator: .remote("hosted"))
        var header = ByteBuffer()
        Array((version == .v2 ? v2 : v1).utf8).withUnsafeBytes { Base64.encode($0, into: &header) }
        let payload = try header.array.withUnsafeBytes { bytes in
            try PaymentHeader.decode(v2: version == .v2 ? bytes : nil, v1: version == .v1 ? bytes : nil)
        }
        return VerificationRequest(
            offer: offer, payload: try #require(payload), resourceURL: "https://api.example.com/a\"b")
    }
}
