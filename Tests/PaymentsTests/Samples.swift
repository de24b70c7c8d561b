import Bytes
import Chains
import JSON

@testable import Payments

/// A payment that is right in every way, to be spoilt by tests: vector A, an authorization of key K1 on Base Sepolia.
enum Samples {
    static let network = Network.named("base-sepolia")!
    static let payTo = Address.parse("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")!.address
    static let payer = Address.parse("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")!.address
    static let key = "0x0101010101010101010101010101010101010101010101010101010101010101"
    static let validBefore: Int64 = 1_893_456_000
    static let now: Int64 = 1_893_455_000
    static let signature =
        "0xfe432abe44ba6a48ead407b3cc707a798d517da2e302142c8dd6cf5aee03a0b123543e08ab513f99d44481a88a71cd94f8d7a03e5be8f571adbc0dac21cadeda1b"
    /// The same signature with n − s.
    static let highSignature =
        "0xfe432abe44ba6a48ead407b3cc707a798d517da2e302142c8dd6cf5aee03a0b1dcabc1f754aec0662bbb7e57758e3269c1d73ca8535faaca121650e0ae6b62671c"

    static func offer(
        network: Network = network, payTo: Address = payTo, amount: UInt128 = 10000, maxTimeoutSeconds: Int = 300,
        settlesFirst: Bool = false, v1Name: String? = nil, asset: Network.Token? = nil
    ) -> Offer {
        let token = asset ?? network.usdc
        return Offer(
            paymentName: "test-usdc", network: network.caip2,
            networkV1Name: v1Name ?? network.v1Name ?? network.caip2, chainID: network.chainID, asset: token.address,
            assetDecimals: token.decimals, domainName: token.name, domainVersion: token.version, payTo: payTo,
            amountAtomic: amount, maxTimeoutSeconds: maxTimeoutSeconds, settlesFirst: settlesFirst)
    }

    static let v2 = """
        {"x402Version":2,"accepted":{"scheme":"exact","network":"eip155:84532","amount":"10000",\
        "asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C",\
        "maxTimeoutSeconds":300,"extra":{"name":"USDC","version":"2"}},"payload":{"signature":"\(signature)",\
        "authorization":{"from":"0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1",\
        "to":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","value":"10000","validAfter":"0",\
        "validBefore":"1893456000","nonce":"0xabababababababababababababababababababababababababababababababab"}}}
        """

    static let v1 = """
        {"x402Version":1,"scheme":"exact","network":"base-sepolia","payload":{"signature":"\(signature)",\
        "authorization":{"from":"0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1",\
        "to":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","value":"10000","validAfter":"0",\
        "validBefore":"1893456000","nonce":"0xabababababababababababababababababababababababababababababababab"}}}
        """

    /// One occurrence of `old` replaced; a change that changes nothing is a mistake of the test.
    static func change(_ text: String, _ old: String, _ new: String) -> String {
        guard let place = text.firstRange(of: old) else { preconditionFailure("\(old) is not there") }
        return text.replacingCharacters(in: place, with: new)
    }

    static func decode(v2: String? = nil, v1: String? = nil) -> Result<PaymentPayload?, PaymentFault> {
        decode(v2Header: v2.map { Base64.encode(Array($0.utf8)) }, v1Header: v1.map { Base64.encode(Array($0.utf8)) })
    }

    static func decode(v2Header: String?, v1Header: String?) -> Result<PaymentPayload?, PaymentFault> {
        func bytes(_ text: String?) -> [UInt8] { Array((text ?? "").utf8) }
        return bytes(v2Header).withUnsafeBytes { v2 in
            bytes(v1Header).withUnsafeBytes { v1 in
                Result { () throws(PaymentFault) in
                    try PaymentHeader.decode(v2: v2Header == nil ? nil : v2, v1: v1Header == nil ? nil : v1)
                }
            }
        }
    }

    static func payload(v2 text: String) throws -> PaymentPayload { try decode(v2: text).get()! }
    static func payload(v1 text: String) throws -> PaymentPayload { try decode(v1: text).get()! }
}

extension String {
    fileprivate func firstRange(of text: String) -> Range<String.Index>? {
        ranges(of: text).first
    }

    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
