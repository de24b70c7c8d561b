import Bytes
import Chains
import OnChain
import Testing

@Suite struct VerificationTests {
    private func verify(
        _ chain: inout ScriptedChain, _ payment: ChainPayment = Payer.payment(), payerHasCode: Bool? = nil,
        tokenHasCode: Bool = true
    ) -> ChainVerdict { judge(&chain, payment, payerHasCode: payerHasCode, tokenHasCode: tokenHasCode).verdict }

    private func judge(
        _ chain: inout ScriptedChain, _ payment: ChainPayment = Payer.payment(), payerHasCode: Bool? = nil,
        tokenHasCode: Bool = true
    ) -> ChainJudgement {
        let verification = Verification(
            payment, relayer: Payer.relayer, gasLimit: 500_000, payerHasCode: payerHasCode, tokenHasCode: tokenHasCode)
        return chain.pursue(verification.begin(), payment)
    }

    // MARK: A plain account

    @Test func threeReadsInOneBatch() {
        var chain = ScriptedChain()
        #expect(verify(&chain) == .good(balanceAtomic: 10_000))
        #expect(chain.batches.map { $0.map(\.method) } == [["eth_getCode", "eth_call", "eth_call"]])
        // What is run is what would be sent: the (v, r, s) call at the token, as the relayer, with its gas.
        let payment = Payer.payment()
        let call = SettlementCall(settling: payment, payerHasCode: nil)
        #expect(call.to == Payer.token)
        #expect(call.data.starts(with: [0xE3, 0xEE, 0x16, 0x0E]))
        #expect(chain.batches[0][1] == .call(to: call.to, data: call.data, from: Payer.relayer, gas: 500_000))
    }

    @Test func aHugeBalanceIsClamped() {
        var chain = ScriptedChain(balance: Reply.hex([UInt8](repeating: 0xFF, count: 32)))
        #expect(verify(&chain) == .good(balanceAtomic: .max))
    }

    /// The token's own words decide, in the data or in the node's message.
    @Test(
        arguments: [
            ("FiatTokenV2: authorization is expired", .expired),
            ("FiatTokenV2: authorization is not yet valid", .notYetValid),
            ("FiatTokenV2: authorization is used or canceled", .nonceUsed),
            ("ERC20: transfer amount exceeds balance", .insufficientBalance),
            ("FiatTokenV2: invalid signature", .signature), ("ECRecover: invalid signature", .signature),
        ] as [(String, PaymentRefusal)])
    func aRevertThatSaysWhy(text: String, refusal: PaymentRefusal) {
        let revert = Reply.revert(text)
        guard case .error(_, _, let data) = revert else { return }
        let ways: [RPCReply] = [
            revert, .error(code: -32000, message: "execution reverted: \(text)", data: nil),
            .error(code: -32015, message: "VM execution error.", data: data),
            .error(code: 3, message: "execution reverted", data: data),
        ]
        for way in ways {
            var chain = ScriptedChain(simulation: way)
            #expect(verify(&chain) == .refused(refusal), "\(way)")
            #expect(chain.batches.count == 1)
        }
    }

    @Test func aCustomErrorThatSaysWhy() {
        var chain = ScriptedChain(
            simulation: .error(
                code: 3, message: "execution reverted",
                data: [0xE4, 0x50, 0xD3, 0x8C] + [UInt8](repeating: 0, count: 96)))
        #expect(verify(&chain) == .refused(.insufficientBalance))
    }

    @Test(
        arguments: [
            (ScriptedChain(state: Reply.bareRevert), .eip3009NotSupported),
            (ScriptedChain(state: Reply.none), .eip3009NotSupported),
            (ScriptedChain(state: Reply.number(2)), .eip3009NotSupported),
            (ScriptedChain(state: Reply.number(1)), .nonceUsed),
            (ScriptedChain(name: Reply.string("Other")), .tokenNameMismatch),
            (ScriptedChain(version: Reply.string("1")), .tokenVersionMismatch),
            (ScriptedChain(balance: Reply.number(9_999)), .insufficientBalance),
            (ScriptedChain(), .simulationFailed),
            // What a token does not say is not held against the payment.
            (ScriptedChain(name: Reply.bareRevert, version: Reply.none), .simulationFailed),
        ] as [(ScriptedChain, PaymentRefusal)])
    func anUnclearRevertIsLookedInto(scripted: ScriptedChain, refusal: PaymentRefusal) {
        for revert in [
            Reply.bareRevert, Reply.revert("whatever"), .error(code: -32000, message: "out of gas", data: nil),
        ] {
            var chain = scripted
            chain.simulation = revert
            #expect(verify(&chain) == .refused(refusal))
            #expect(chain.batches.map(\.count) == [3, 4])
        }
    }

    @Test func aBalanceTooSmallWhereTheTokenDoesNotMind() {
        var chain = ScriptedChain(balance: Reply.number(9_999))
        #expect(verify(&chain) == .refused(.insufficientBalance))
    }

    @Test func whatIsNoToken() {
        for balance in [Reply.none, Reply.bareRevert] {
            var chain = ScriptedChain(balance: balance)
            #expect(verify(&chain) == .refused(.eip3009NotSupported))
        }
        var chain = ScriptedChain(tokenCode: Reply.none)
        #expect(verify(&chain, tokenHasCode: false) == .refused(.assetNotDeployed))
        #expect(chain.batches[0].map(\.method) == ["eth_getCode", "eth_call", "eth_call", "eth_getCode"])
    }

    // MARK: Nothing is guessed

    @Test(arguments: [
        ScriptedChain(payerCode: Reply.down), ScriptedChain(balance: Reply.down),
        ScriptedChain(simulation: Reply.down), ScriptedChain(tokenCode: Reply.down),
        // Errors that are the node's and not the call's.
        ScriptedChain(simulation: .error(code: -32603, message: "internal error", data: nil)),
        ScriptedChain(simulation: .error(code: -32000, message: "header not found", data: nil)),
        ScriptedChain(payerCode: .error(code: -32000, message: "header not found", data: nil)),
        // Nonsense.
        ScriptedChain(payerCode: Reply.json("null")), ScriptedChain(payerCode: Reply.json("\"0x1\"")),
        ScriptedChain(simulation: Reply.json("{}")), ScriptedChain(tokenCode: Reply.json("7")),
        // Also in the second look.
        ScriptedChain(simulation: Reply.bareRevert, state: Reply.down),
        ScriptedChain(
            simulation: Reply.bareRevert, version: .error(code: -32603, message: "internal error", data: nil)),
        ScriptedChain(payerCode: Reply.code, wallet: Reply.down),
    ])
    func aChainThatDoesNotSay(scripted: ScriptedChain) {
        var chain = scripted
        let verdict = verify(&chain, tokenHasCode: false)
        if case .unreachable(let reason) = verdict { #expect(!reason.isEmpty) } else { Issue.record("\(verdict)") }
    }

    // MARK: Contract wallets

    /// Also for a signature that a key of the payer's made (EIP-7702): its code alone decides.
    @Test func codeAtThePayerIsAsked() {
        for known in [nil, true] as [Bool?] {
            var chain = ScriptedChain(payerCode: Reply.code, wallet: ScriptedChain.takes)
            #expect(verify(&chain, payerHasCode: known) == .good(balanceAtomic: 10_000))
            #expect(chain.batches.map(\.count) == (known == true ? [4] : [3, 1]))
            for no in [Reply.none, Reply.bareRevert, Reply.number(1), Reply.hex([0x16, 0x26, 0xBA, 0x7E])] {
                chain.wallet = no
                #expect(verify(&chain, payerHasCode: known) == .refused(.signature))
            }
        }
    }

    @Test func aWalletThatIsGone() {
        for signature in [[], [UInt8](repeating: 1, count: 64)] {
            var chain = ScriptedChain()
            #expect(verify(&chain, Payer.payment(signature: signature)) == .refused(.undeployedWallet))
        }
    }

    @Test func whatIsLearned() {
        var chain = ScriptedChain()
        #expect(judge(&chain, tokenHasCode: false).tokenHasCode)
        #expect(judge(&chain).payerHasCode == false)
        chain.payerCode = Reply.code
        #expect(judge(&chain).payerHasCode == true)
        chain.payerCode = Reply.down
        #expect(judge(&chain).payerHasCode == nil)
        #expect(!judge(&chain, tokenHasCode: false).tokenHasCode)
    }

    @Test func anUndeployedWalletOfAnAllowedFactory() {
        let payment = Payer.payment(signature: Payer.wrapped([7, 7]), factories: [Payer.factory])
        var chain = ScriptedChain(simulation: Payer.aggregated(true))
        #expect(verify(&chain, payment) == .good(balanceAtomic: 10_000))
        chain.simulation = Payer.aggregated(false)
        #expect(verify(&chain, payment) == .refused(.simulationFailed))
        let data = [0xE4, 0x50, 0xD3, 0x8C] + [UInt8](repeating: 0, count: 96)
        chain.simulation = Payer.aggregated(false, data)
        #expect(verify(&chain, payment) == .refused(.insufficientBalance))
        // No Multicall3 at its address: nothing was run.
        chain.simulation = Reply.none
        #expect(verify(&chain, payment) == .refused(.simulationFailed))
        chain.simulation = Payer.aggregated(true)
        #expect(
            verify(&chain, Payer.payment(signature: Payer.wrapped([7, 7]))) == .refused(.factoryNotAllowed))
    }
}
