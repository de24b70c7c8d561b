import Bytes
import Testing

@testable import Chains

/// Vectors made with eth_account, known by letters: A and B transfers, C and D Permit2, E a transaction, F ERC-6492.
@Suite struct SigningTests {
    static let payTo = Address.parse("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")!.address
    static let k1 = "0x0101010101010101010101010101010101010101010101010101010101010101"
    static let k2 = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    static let addressOfK1 = Address.parse("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")!.address
    static let addressOfK2 = Address.parse("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")!.address

    static func key(_ hex: String) -> PrivateKey { PrivateKey(hex: hex)! }

    struct Transfer: Sendable {
        let name: String
        let key: String?
        let token: Network.Token
        let chainID: UInt64
        let authorization: TransferWithAuthorization
        let digest: String
        let signature: String
    }

    static func transfer(
        _ name: String, key: String?, from: Address, network: String, value: UInt64, after: UInt64, before: UInt64,
        nonce: String, digest: String, signature: String
    ) -> Transfer {
        let network = Network.named(network)!
        return Transfer(
            name: name, key: key, token: network.usdc, chainID: network.chainID,
            authorization: TransferWithAuthorization(
                from: from, to: payTo, value: UInt256(value), validAfter: UInt256(after), validBefore: UInt256(before),
                nonce: Bytes32(Hex.decode(nonce)!)!),
            digest: digest, signature: signature)
    }

    static let transfers = [
        transfer(
            "A", key: k1, from: addressOfK1, network: "base-sepolia", value: 10000, after: 0, before: 1_893_456_000,
            nonce: "0xabababababababababababababababababababababababababababababababab",
            digest: "0xe172baba064b0dfee014e77060f808d0614acbf8d7d9cc0d5565343bdabc3c5d",
            signature:
                "0xfe432abe44ba6a48ead407b3cc707a798d517da2e302142c8dd6cf5aee03a0b123543e08ab513f99d44481a88a71cd94f8d7a03e5be8f571adbc0dac21cadeda1b"
        ),
        transfer(
            "B", key: k2, from: addressOfK2, network: "base", value: 1000, after: 1_740_672_089, before: 1_893_456_000,
            nonce: "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480",
            digest: "0x417c933042e6959d241735556f4b2f7a97ee8516232366ec0fdcaeaac9d1ad1d",
            signature:
                "0xc072d703daecb281473ddc36ef11ea80cca998c89d0da1c3389bf870b4cf55934b38fa3025c71507041108241400ce222d2140d74d2529c0796b68c750fdbd201c"
        ),
        transfer(
            "specification sample", key: nil,
            from: Address.parse("0x857b06519E91e3A54538791bDbb0E22373e36b66")!.address,
            network: "base-sepolia", value: 10000, after: 1_740_672_089, before: 1_740_672_154,
            nonce: "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480",
            digest: "0xf256992871671abcb27ff92885a7afa46218724e5fc0bac35d050115aa1d22e6",
            signature:
                "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c"
        ),
    ]

    @Test(arguments: transfers)
    func transferWithAuthorization(vector: Transfer) throws {
        let separator = EIP712.domainSeparator(
            name: vector.token.name, version: vector.token.version, chainID: vector.chainID,
            verifyingContract: vector.token.address)
        let digest = vector.authorization.digest(domainSeparator: separator)
        #expect(digest.hex == vector.digest)
        let signature = try #require(Hex.decode(vector.signature))
        let recovered = try signature.withUnsafeBytes { bytes throws(Secp256k1.Failure) in
            try Secp256k1.recover(digest: digest, signature: bytes)
        }
        #expect(recovered == vector.authorization.from)
        guard let key = vector.key else { return }
        let secret = Self.key(key)
        #expect(Secp256k1.address(of: secret) == vector.authorization.from)
        #expect(Secp256k1.sign(digest: digest, with: secret).bytes == signature)
    }

    static func recover(_ digest: String, _ signature: [UInt8]) -> Result<Address, Secp256k1.Failure> {
        let digest = Bytes32(Hex.decode(digest)!)!
        return signature.withUnsafeBytes { bytes in
            do throws(Secp256k1.Failure) {
                return .success(try Secp256k1.recover(digest: digest, signature: bytes))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test func refusesWhatDidNotSign() throws {
        let a = Self.transfers[0]
        let good = try #require(Hex.decode(a.signature))
        let from = Self.addressOfK1
        #expect(Self.recover(a.digest, good) == .success(from))
        #expect(Self.recover(a.digest, good.dropLast() + [0]) == .success(from))
        #expect(try Self.recover(a.digest, good.dropLast() + [28]).get() != from)
        #expect(try Self.recover(a.digest, good.dropLast() + [1]).get() != from)
        for v: UInt8 in [2, 3, 26, 29, 30, 31, 255] {
            #expect(Self.recover(a.digest, good.dropLast() + [v]) == .failure(.wrongRecoveryID))
        }
        #expect(Self.recover(a.digest, Array(good.dropLast())) == .failure(.wrongLength))
        #expect(Self.recover(a.digest, good + [0]) == .failure(.wrongLength))
        #expect(Self.recover(a.digest, []) == .failure(.wrongLength))
        let zero = [UInt8](repeating: 0, count: 32)
        let ones = [UInt8](repeating: 0xFF, count: 32)
        #expect(Self.recover(a.digest, zero + good[32...]) == .failure(.unrecoverable))
        #expect(Self.recover(a.digest, ones + good[32...]) == .failure(.unrecoverable))
        #expect(Self.recover(a.digest, good[..<32] + zero + [27]) == .failure(.unrecoverable))
        #expect(Self.recover(a.digest, good[..<32] + ones + [27]) == .failure(.highS))
        // The same signature with n − s: the chain's precompile takes it, we do not.
        let high = try #require(
            Hex.decode(
                "0xfe432abe44ba6a48ead407b3cc707a798d517da2e302142c8dd6cf5aee03a0b1dcabc1f754aec0662bbb7e57758e3269c1d73ca8535faaca121650e0ae6b62671c"
            ))
        #expect(Self.recover(a.digest, high) == .failure(.highS))
        // Exactly half the order is still low.
        let half = try #require(Hex.decode("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"))
        #expect(Self.recover(a.digest, good[..<32] + half + [27]) != .failure(.highS))
        let above = try #require(Hex.decode("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"))
        #expect(Self.recover(a.digest, good[..<32] + above + [27]) == .failure(.highS))
    }

    @Test func secretsOutOfRangeAreNoKeys() throws {
        let order = try #require(Hex.decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
        for bytes in [
            [UInt8](repeating: 0, count: 32), order, [UInt8](repeating: 0xFF, count: 32), [1],
            [UInt8](repeating: 1, count: 33),
        ] {
            let made = bytes.withUnsafeBytes { raw in
                if PrivateKey(raw) != nil { return true }
                return false
            }
            #expect(!made)
        }
    }

    @Test(arguments: [
        "", "0x", "01", "0x" + String(repeating: "0", count: 64), String(repeating: "g", count: 64),
        String(repeating: "1", count: 66), "0x" + String(repeating: "1", count: 62),
    ])
    func textsThatAreNoKeys(text: String) {
        var isKey = false
        if PrivateKey(hex: text) != nil { isKey = true }
        #expect(!isKey)
    }

    @Test func calldataOfA() throws {
        let a = Self.transfers[0]
        let signature = try #require(Hex.decode(a.signature))
        let parsed = Signature(
            r: Bytes32(signature[..<32])!, s: Bytes32(signature[32..<64])!, yParity: signature[64] - 27)
        let data = a.authorization.calldata(signature: parsed)
        #expect(data.count == 292)
        #expect(Hex.encode(Array(data[..<4])) == "e3ee160e")
        #expect(Keccak256.hash(data).hex == "0xad1c8a67254107173a57dd6655841c8b163d5a5c7c475f6b8109762cf73155ac")

        let bytes = a.authorization.calldata(contractSignature: signature)
        #expect(Hex.encode(Array(bytes[..<4])) == "cf092995")
        #expect(bytes.count == 4 + 7 * 32 + 32 + 96)
        #expect(Array(bytes[4..<4 + 6 * 32]) == Array(data[4..<4 + 6 * 32]))
        #expect(UInt256(Bytes32(bytes[196..<228])!) == UInt256(UInt64(224)))
        #expect(UInt256(Bytes32(bytes[228..<260])!) == UInt256(UInt64(65)))
        #expect(Array(bytes[260..<325]) == signature)
        #expect(bytes[325...].allSatisfy { $0 == 0 })
    }

    /// E: a relayer's transaction that carries the calldata of A.
    @Test func feeMarketTransaction() throws {
        let a = Self.transfers[0]
        let signature = try #require(Hex.decode(a.signature))
        let parsed = Signature(
            r: Bytes32(signature[..<32])!, s: Bytes32(signature[32..<64])!, yParity: signature[64] - 27)
        let transaction = FeeMarketTransaction(
            chainID: 84532, nonce: 7, maxPriorityFeePerGas: UInt256(UInt64(1_000_000)),
            maxFeePerGas: UInt256(UInt64(2_000_000_000)), gasLimit: 120_000, to: a.token.address, value: .zero,
            data: a.authorization.calldata(signature: parsed))
        let signed = transaction.signed(with: Self.key(Self.k2))
        #expect(signed.raw.count == 407)
        #expect(signed.hash.hex == "0x08d8a707465ef9f6111bef6602398a44876d9a8388e91240dce6899ed4cbb919")
        #expect(signed.signature.yParity == 1)
        #expect(signed.signature.r.hex == "0x871a3c116617282b5545e30b0a8833f4c1f401b2fe3ba82e5150f741c1ec2d1c")
        #expect(signed.signature.s.hex == "0x02f42e42b02e19e07231dad1e4c33f08a40dbf63ca47588c394406a1c4710b7d")
    }

    @Test(
        arguments: [
            ([], "80"), ([0x00], "00"), ([0x7F], "7f"), ([0x80], "8180"), (Array("dog".utf8), "83646f67"),
        ] as [([UInt8], String)])
    func recursiveLengthPrefix(bytes: [UInt8], encoded: String) {
        #expect(Hex.encode(encode(bytes)) == encoded)
    }

    @Test func recursiveLengthPrefixOfNumbersAndLists() {
        func number(_ value: UInt256) -> String {
            var out: [UInt8] = []
            RLP.append(value, to: &out)
            return Hex.encode(out)
        }
        #expect(number(.zero) == "80")
        #expect(number(UInt256(UInt64(15))) == "0f")
        #expect(number(UInt256(UInt64(1024))) == "820400")
        #expect(number(.max) == "a0" + String(repeating: "ff", count: 32))
        let items = encode(Array("cat".utf8)) + encode(Array("dog".utf8))
        for (content, encoded) in [([], "c0"), (items, "c88363617483646f67")] {
            var list: [UInt8] = []
            RLP.appendListPrefix(content.count, to: &list)
            #expect(Hex.encode(list + content) == encoded)
        }
        let long = [UInt8](repeating: 0x61, count: 56)
        #expect(encode(long) == [0xB8, 56] + long)
        #expect(encode(Array(long.dropLast())) == [0x80 + 55] + long.dropLast())
        for (count, prefix) in [(255, [0xB8, 0xFF]), (256, [0xB9, 1, 0]), (65_536, [0xBA, 1, 0, 0])] as [(Int, [UInt8])]
        {
            let longer = [UInt8](repeating: 0x61, count: count)
            #expect(encode(longer) == prefix + longer)
        }
    }

    private func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        RLP.append(bytes, to: &out)
        return out
    }
}
