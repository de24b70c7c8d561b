import Bytes
import Testing

@testable import Chains

@Suite struct KeccakTests {
    @Test(arguments: [
        ("", "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        ("abc", "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            "0xe3ee160e"
        ),
        ("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", "0xcf092995"),
        ("authorizationState(address,bytes32)", "0xe94a0102"),
        ("balanceOf(address)", "0x70a08231"),
        ("tryAggregate(bool,(address,bytes)[])", "0xbce38bd7"),
        ("Transfer(address,address,uint256)", "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
        ("AuthorizationUsed(address,bytes32)", "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"),
        (
            "AuthorizationCanceled(address,bytes32)",
            "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81"
        ),
    ])
    func hashesText(text: String, digest: String) {
        #expect(Keccak256.hash(text).hex.hasPrefix(digest))
    }

    /// Every length around the rate, in one piece and in pieces of every size, says the same.
    @Test func streamingAgreesWithOneShot() {
        for length in [0, 1, 7, 8, 9, 134, 135, 136, 137, 143, 144, 271, 272, 273, 500] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
            let whole = Keccak256.hash(bytes)
            for piece in [1, 3, 8, 13, 64, 135, 136, 137] {
                var keccak = Keccak256()
                keccak.update([9, 9, 9])
                keccak.reset()
                var at = 0
                while at < length {
                    keccak.update(Array(bytes[at..<min(at + piece, length)]))
                    at += piece
                }
                #expect(keccak.finish() == whole, "length \(length) in pieces of \(piece)")
            }
        }
    }

    /// Digests of `length` bytes of 0xA3 by an independent implementation (pycryptodome), at the padding's edges.
    @Test(arguments: [
        (135, "0x3d28d08c3dacab77392064a939f3e7f8d03f2e02e2c664ac08a05f63ac652626"),
        (136, "0xb82d89d96e5575d11a9e1f4cabb2a45e60899e69a19a724cd796bdcf13511018"),
        (137, "0xec8008a74e50bc7d6b22c3ad85402bf10e6d4449f3c8618e36c461b8a44eeafb"),
        (200, "0x3a57666b048777f2c953dc4456f45a2588e1cb6f2da760122d530ac2ce607d4a"),
        (1000, "0xd7bf35851ae6462cce5a6a70fded315bf92997673e2ce92efd545ae9aec2b471"),
    ])
    func padsAtTheEdges(length: Int, digest: String) {
        #expect(Keccak256.hash([UInt8](repeating: 0xA3, count: length)).hex == digest)
    }
}
