import Bytes
import Testing

@testable import Chains

@Suite struct AddressTests {
    /// The examples of EIP-55, and two of the tokens.
    @Test(arguments: [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
        "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    ])
    func printsTheChecksum(text: String) throws {
        let (address, _) = try #require(Address.parse(text))
        #expect(address.checksummed == text)
        #expect("\(address)" == text)
        #expect(Address.parse(text.lowercased())?.address == address)
        var out = ByteBuffer()
        address.write(into: &out)
        #expect(out.text == text)
    }

    @Test(arguments: [
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Address.Casing.checksummed),
        ("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", .wrongChecksum),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", .wrongChecksum),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", .unchecked),
        ("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", .unchecked),
        ("0x0000000000000000000000000000000000000001", .unchecked),
    ])
    func saysHowItWasCased(text: String, casing: Address.Casing) {
        #expect(Address.parse(text)?.casing == casing)
    }

    @Test(arguments: [
        "", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", " 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    ])
    func refuses(text: String) {
        #expect(Address.parse(text) == nil)
    }

    @Test func everyKnownTokenIsWrittenWithItsChecksum() {
        // `Network` reads its own table at start; a wrong letter there would be a wrong token.
        for network in Network.all {
            #expect(Network.named(network.name) == network)
            #expect(Network.withChainID(network.chainID) == network)
            #expect(Network.chainID(caip2: network.caip2) == network.chainID)
            #expect(network.usdc.decimals == 6)
        }
        #expect(Network.chainID(caip2: "eip155:18446744073709551615") == .max)
        #expect(Set(Network.all.map(\.name)).count == Network.all.count)
        #expect(Set(Network.all.map(\.chainID)).count == Network.all.count)
        #expect(Network.all.filter { !$0.isMainnet }.map(\.chainID).sorted() == [1328, 43113, 80002, 84532, 421614])
    }

    @Test(arguments: [
        "eip155:", "eip155:0", "eip155:01", "eip155:1 ", "eip155:-1", "eip155:1x", "solana:1", "8453",
        "EIP155:1", "eip155:18446744073709551616",
    ])
    func refusesChains(caip2: String) {
        #expect(Network.chainID(caip2: caip2) == nil)
    }

    /// The domain separators that the tokens themselves report.
    @Test(arguments: [
        (UInt64(8453), "0x02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f"),
        (1, "0x06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335"),
        (43114, "0xbbea200329a938bc3438984a49cb0732e66d66d7bd59c127abacc1710e77f7b3"),
        (84532, "0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"),
    ])
    func domainSeparators(chainID: UInt64, separator: String) throws {
        let token = try #require(Network.withChainID(chainID)).usdc
        #expect(
            EIP712.domainSeparator(
                name: token.name, version: token.version, chainID: chainID, verifyingContract: token.address
            ).hex == separator)
    }
}
