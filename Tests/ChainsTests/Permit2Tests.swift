import Bytes
import Testing

@testable import Chains

/// Vectors made with eth_account, known by letters: A and B transfers, C and D Permit2, E a transaction, F ERC-6492.
@Suite struct Permit2Tests {
    static func authorization(spender: Address, facilitator: Address?) -> Permit2Authorization {
        Permit2Authorization(
            token: Network.named("base-sepolia")!.usdc.address, amount: UInt256(UInt64(10000)), spender: spender,
            nonce: UInt256(UInt64(12345)), deadline: UInt256(UInt64(1_893_456_000)),
            witness: .init(to: SigningTests.payTo, facilitator: facilitator, validAfter: .zero))
    }

    @Test func typeHashes() {
        #expect(
            EIP712.domainTypeHash.hex == "0x8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f")
        #expect(
            TransferWithAuthorization.typeHash.hex
                == "0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267")
        #expect(
            Permit2Authorization.domainTypeHash.hex
                == "0x8cad95687ba82c2ce50e74f7b754645e5117c3a5bec8151c0726d5857980a866")
        #expect(
            Permit2Authorization.exactTypeHash.hex
                == "0xebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7")
        #expect(
            Permit2Authorization.uptoTypeHash.hex
                == "0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee")
    }

    @Test func structHashOfA() {
        #expect(
            SigningTests.transfers[0].authorization.structHash.hex
                == "0x5802543745dc44dc55abb158aea1ec89453fea1fde4f04d763e10d042c7064b3")
    }

    @Test(arguments: [
        (
            false, "0x9d85ec093c6365a10a6ea14d56ce9824c17ebc7215a173aa9246ad8ee0d57c18",
            "0x94055145bb02c79ca9cb8a69ac7588cf1df6bfb829ad1ff5c1290c5f1d77423643cf1e0f128821bde64584e17aced4950377e0d8e50766eab4a5bf8476b6fbf01b"
        ),
        (
            true, "0x69597ce697be7cb1aac37e093c90a865475cfa5dd06f229699007914d06b22a1",
            "0xb23a01b25b45fe412e36680675ac5f2716e222e95351693598003b0c29ce172e61deae94a678eeaadd33df66f5d1ce5e9a50a497174bb67ecaae5c8cf94a56b41b"
        ),
    ])
    func digests(isUpto: Bool, digest: String, signature: String) throws {
        let separator = Permit2Authorization.domainSeparator(chainID: 84532)
        #expect(separator.hex == "0x010f27a92fb9a32622f44f001dc4d15706a85b33499cfc2ce9033113ab26592c")
        let authorization =
            isUpto
            ? Self.authorization(spender: Permit2Authorization.uptoProxy, facilitator: SigningTests.addressOfK2)
            : Self.authorization(spender: Permit2Authorization.exactProxy, facilitator: nil)
        #expect(authorization.digest(domainSeparator: separator).hex == digest)
        let bytes = try #require(Hex.decode(signature))
        #expect(SigningTests.recover(digest, bytes) == .success(SigningTests.addressOfK1))
        let key = SigningTests.key(SigningTests.k1)
        #expect(Secp256k1.sign(digest: authorization.digest(domainSeparator: separator), with: key).bytes == bytes)
    }

    /// F, laid out by hand: abi.encode(factory, 0xdeadbeef, signature of A) and the magic.
    static let wrapped: [UInt8] = {
        func word(_ value: UInt64) -> [UInt8] { UInt256(value).bytes.array }
        var out = [UInt8](repeating: 0, count: 12) + Hex.decode("0x4e1DCf7AD4e460CfD30791CCC4F9c8a4f820ec67")!
        out += word(0x60) + word(0xA0) + word(4) + [0xDE, 0xAD, 0xBE, 0xEF] + [UInt8](repeating: 0, count: 28)
        out += word(65) + Hex.decode(SigningTests.transfers[0].signature)! + [UInt8](repeating: 0, count: 31)
        return out + CounterfactualSignature.magic
    }()

    @Test func unwrapsCounterfactualSignatures() throws {
        #expect(Self.wrapped.count == 320)
        #expect(
            Keccak256.hash(Self.wrapped).hex == "0x276b3d7f3dd3679b4a4ff775d09874c861e43e5a98410db8513e1a47c9c1181e")
        let unwrapped = try #require(CounterfactualSignature(Self.wrapped))
        #expect(unwrapped.factory.checksummed == "0x4e1DCf7AD4e460CfD30791CCC4F9c8a4f820ec67")
        #expect(unwrapped.factoryCalldata == [0xDE, 0xAD, 0xBE, 0xEF])
        #expect(unwrapped.inner == Hex.decode(SigningTests.transfers[0].signature))
    }

    @Test func refusesWrappersThatPointOutside() {
        func changed(_ at: Int, _ byte: UInt8) -> [UInt8] {
            var bytes = Self.wrapped
            bytes[at] = byte
            return bytes
        }
        #expect(CounterfactualSignature(changed(319, 0)) == nil)
        #expect(CounterfactualSignature(changed(0, 1)) == nil)
        #expect(CounterfactualSignature(changed(32, 1)) == nil, "a huge offset")
        #expect(CounterfactualSignature(changed(62, 1)) == nil, "an offset past the end")
        #expect(CounterfactualSignature(changed(126, 0xFF)) == nil, "a length past the end")
        #expect(CounterfactualSignature(changed(96, 0xFF)) == nil, "a huge length")
        #expect(CounterfactualSignature(CounterfactualSignature.magic) == nil)
        #expect(CounterfactualSignature([]) == nil)
        #expect(!CounterfactualSignature.isWrapped([]))
        for count in stride(from: 32, to: 320, by: 8) {
            _ = CounterfactualSignature(Array(Self.wrapped.suffix(count)))
            _ = CounterfactualSignature(Array(Self.wrapped.prefix(count)) + CounterfactualSignature.magic)
        }
    }
}
