import Bytes
import Chains
import OnChain
import Testing

@Suite struct TokenCheckTests {
    private static let token = Network.Token(address: Payer.token, name: "USDC", version: "2", decimals: 6)
    private static let check = TokenCheck(token, chainID: 84532, place: "a.yaml:3: payments.usdc.asset")
    private static let separator = EIP712.domainSeparator(
        name: "USDC", version: "2", chainID: 84532, verifyingContract: Payer.token)

    /// chain, code, name, version, decimals, separator
    private static let good = [
        Reply.json("\"0x14a34\""), Reply.code, Reply.string("USDC"), Reply.string("2"), Reply.number(6),
        Reply.hex(separator.array),
    ]

    private func check(_ changes: [Int: RPCReply]) -> TokenCheck.Outcome {
        guard case .ask(let calls, let next) = Self.check.begin() else { return .unreachable("asked nothing") }
        var replies = Self.good
        #expect(calls.count == replies.count)
        for (at, reply) in changes { replies[at] = reply }
        guard case .answer(let outcome) = next(replies) else { return .unreachable("asked more") }
        return outcome
    }

    @Test(
        arguments: [
            [:],
            // Some tokens have no function for a part of their domain, or for the whole of it.
            [3: Reply.bareRevert], [2: Reply.none], [2: Reply.bareRevert, 3: Reply.bareRevert], [5: Reply.bareRevert],
        ] as [[Int: RPCReply]])
    func good(changes: [Int: RPCReply]) {
        #expect(check(changes) == .match)
    }

    @Test(
        arguments: [
            ([0: Reply.json("\"0x1\"")], "chain 1, not 84532"), ([1: Reply.none], "no contract"),
            ([2: Reply.string("USD Coin")], "name() is \"USD Coin\", not \"USDC\""),
            ([3: Reply.string("1")], "version() is \"1\", not \"2\""),
            ([4: Reply.number(18)], "decimals() is 18, not 6"),
            ([4: Reply.bareRevert], "no decimals()"), ([5: Reply.number(1)], "another EIP-712 domain"),
            ([3: Reply.bareRevert, 5: Reply.none], "tells neither"),
            ([2: Reply.string(String(repeating: "x", count: 500) + "\n")], "name() is \""),
        ] as [([Int: RPCReply], String)])
    func mismatch(changes: [Int: RPCReply], said: String) {
        guard case .mismatch(let text) = check(changes) else {
            Issue.record("\(check(changes))")
            return
        }
        #expect(text.hasPrefix("a.yaml:3: payments.usdc.asset: "))
        #expect(text.contains(said), "\(text)")
        #expect(text.count < 300)
    }

    @Test(arguments: 0..<6) func unreachable(at: Int) {
        for reply in [Reply.down, .error(code: -32603, message: "internal error", data: nil), Reply.json("{}")] {
            guard case .unreachable = check([at: reply]) else {
                Issue.record("\(check([at: reply]))")
                continue
            }
        }
    }
}
