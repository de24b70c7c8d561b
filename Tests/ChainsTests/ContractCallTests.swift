import Bytes
import Testing

@testable import Chains

/// Vectors made with eth_abi.
@Suite struct ContractCallTests {
    private static func account(_ byte: UInt8) -> Address { Address(Bytes20([UInt8](repeating: byte, count: 20))!) }

    private static let aggregate =
        "82ad56cb00000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000"
        + "0000000000000000000000000000000000030000000000000000000000000000000000000000000000000000000000000060"
        + "0000000000000000000000000000000000000000000000000000000000000120000000000000000000000000000000000000"
        + "00000000000000000000000001a0000000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00000000"
        + "0000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000"
        + "0000000000000000006000000000000000000000000000000000000000000000000000000000000000240102030405060708"
        + "090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232400000000000000000000000000000000000000000000"
        + "000000000000000000000000000000000000bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "00600000000000000000000000000000000000000000000000000000000000000000000000000000000000000000cccccccc"
        + "cccccccccccccccccccccccccccccccc00000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000600000000000000000000000000000000000000000"
        + "0000000000000000000000200000000000000000000000000000000000000000000000000000000000000000"
    private static let outcomes =
        "0000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000"
        + "0000000000000000000000000002000000000000000000000000000000000000000000000000000000000000004000000000"
        + "000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000"
        + "0000000000000000000100000000000000000000000000000000000000000000000000000000000000400000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000040000000000000000000000000"
        + "0000000000000000000000000000000000000003010203000000000000000000000000000000000000000000000000000000"
        + "0000"
    private static let walletQuestion =
        "1626ba7eabababababababababababababababababababababababababababababababab0000000000000000000000000000"
        + "0000000000000000000000000000000000400000000000000000000000000000000000000000000000000000000000000041"
        + "0101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
        + "01010101010101010101010101010100000000000000000000000000000000000000000000000000000000000000"

    @Test func aggregate3() {
        let data = Multicall3.aggregate3([
            Multicall3.Call(target: Self.account(0xAA), mayFail: true, data: Array(1...36)),
            Multicall3.Call(target: Self.account(0xBB), mayFail: false, data: []),
            Multicall3.Call(target: Self.account(0xCC), mayFail: false, data: [UInt8](repeating: 0, count: 32)),
        ])
        #expect(Hex.encode(data) == Self.aggregate)
        #expect(
            Hex.encode(Multicall3.aggregate3([]))
                == "82ad56cb" + Hex.encode(UInt256(UInt64(32)).bytes.array + UInt256.zero.bytes.array))
    }

    @Test func whatAggregate3Returned() throws {
        let answer = Hex.decode(Self.outcomes)!
        let read = try #require(Multicall3.outcomes(answer, count: 2))
        #expect(read.map(\.succeeded) == [true, false])
        #expect(read.map(\.data) == [[], [1, 2, 3]])
        for count in [0, 1, 3] { #expect(Multicall3.outcomes(answer, count: count) == nil) }
        for count in 0..<answer.count - 31 { #expect(Multicall3.outcomes(Array(answer[..<count]), count: 2) == nil) }
        // An offset and a length far outside, and a bool of 2.
        for (place, byte) in [(24, 1), (95, 0xFF), (64, 0xFF), (159, 2), (286, 0xFF)] as [(Int, UInt8)] {
            var changed = answer
            changed[place] = byte
            #expect(Multicall3.outcomes(changed, count: 2) == nil, "byte \(place)")
        }
    }

    @Test func reads() {
        #expect(
            Hex.encode(
                ContractReads.isValidSignature(
                    digest: Bytes32([UInt8](repeating: 0xAB, count: 32))!, signature: [UInt8](repeating: 1, count: 65)))
                == Self.walletQuestion)
        #expect(
            Hex.encode(ContractReads.balance(of: Self.account(0xAA)))
                == "70a08231000000000000000000000000" + String(repeating: "aa", count: 20))
        #expect(
            Hex.encode(
                ContractReads.authorizationState(
                    of: Self.account(0xAA), nonce: Bytes32([UInt8](repeating: 0xAB, count: 32))!))
                == "e94a0102000000000000000000000000" + String(repeating: "aa", count: 20)
                + String(repeating: "ab", count: 32))
        #expect(
            [ContractReads.name, ContractReads.version, ContractReads.decimals, ContractReads.domainSeparator].map {
                Hex.encode($0)
            } == ["06fdde03", "54fd4d50", "313ce567", "3644e515"])
    }

    @Test func revertReasons() {
        let text = "08c379a0" + String(repeating: "0", count: 62) + "20" + String(repeating: "0", count: 62) + "1e"
        let words = Hex.encode(Array("FiatTokenV2: invalid signature".utf8)) + "0000"
        #expect(RevertReason(Hex.decode(text + words)!) == .text("FiatTokenV2: invalid signature"))
        #expect(RevertReason(Hex.decode("e450d38c")! + [UInt8](repeating: 0, count: 96)) == .insufficientBalance)
        for unclear in ["", "08c379", "08c379a0", text, "4e487b71" + String(repeating: "0", count: 64), "deadbeef"] {
            #expect(RevertReason(Hex.decode(unclear)!) == .unclear, "\(unclear)")
        }
    }

    @Test func soleValues() {
        let one = UInt256(UInt64(1)).bytes.array
        #expect(ABIWords(one).soleNumber == UInt256(UInt64(1)))
        #expect(ABIWords(one).soleBool == true)
        #expect(ABIWords([UInt8](repeating: 0, count: 32)).soleBool == false)
        #expect(ABIWords(UInt256(UInt64(2)).bytes.array).soleBool == nil)
        #expect(ABIWords(one + one).soleNumber == nil && ABIWords([]).soleNumber == nil)
        // Bytes that are no UTF-8, and an offset of its own.
        let text = UInt256(UInt64(32)).bytes.array + one + [0xFF] + [UInt8](repeating: 0, count: 31)
        #expect(ABIWords(text).soleString == nil)
        #expect(ABIWords(text).bytes(at: 0) == [0xFF])
    }
}
