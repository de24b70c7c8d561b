import Bytes
import Chains
import OnChain
import Testing

@Suite struct ContractProofTests {
    private func prove(_ chain: inout ScriptedChain, _ payment: ChainPayment, known: Bool? = nil) -> ChainJudgement {
        let proof = ContractProof(payment, relayer: Payer.relayer, gasLimit: 500_000)
        return chain.pursue(proof.begin(payerHasCode: known), payment)
    }

    private static let short = [UInt8](repeating: 1, count: 65)

    @Test func theWalletTakesIt() {
        for signature in [Self.short, [1, 2, 3], Payer.wrapped([7])] {
            var chain = ScriptedChain(payerCode: Reply.code, wallet: ScriptedChain.takes)
            let judgement = prove(&chain, Payer.payment(signature: signature))
            #expect(judgement.verdict == .good(balanceAtomic: nil))
            #expect(judgement.payerHasCode == true)
            #expect(chain.batches.map(\.count) == [2])
            chain.wallet = Reply.number(0)
            #expect(prove(&chain, Payer.payment(signature: signature)).verdict == .refused(.signature))
        }
    }

    /// The wallet is asked about the signature inside the wrapper.
    @Test func withoutTheWrapper() {
        var chain = ScriptedChain(payerCode: Reply.code, wallet: ScriptedChain.takes)
        let payment = Payer.payment(signature: Payer.wrapped([7, 8]))
        _ = prove(&chain, payment)
        let data = ContractReads.isValidSignature(digest: payment.digestForTests, signature: [7, 8])
        #expect(chain.batches[0][1] == .call(to: payment.authorization.from, data: data, gas: 500_000))
    }

    @Test(
        arguments: [
            (short, .signature), ([1, 2, 3], .undeployedWallet), ([], .undeployedWallet),
            (Payer.wrapped([7]), .factoryNotAllowed),
        ] as [([UInt8], PaymentRefusal)])
    func noCode(signature: [UInt8], refusal: PaymentRefusal) {
        var chain = ScriptedChain()
        let payment = Payer.payment(signature: signature)
        #expect(prove(&chain, payment).verdict == .refused(refusal))
        #expect(chain.batches.count == 1)
        // Known from before: nothing is asked again.
        #expect(prove(&chain, payment, known: false).verdict == .refused(refusal))
        #expect(chain.batches.count == 1)
    }

    @Test func aBrokenWrapperIsNotAskedAbout() {
        var chain = ScriptedChain()
        let broken = [UInt8](repeating: 9, count: 96) + Payer.wrapped([7]).suffix(32)
        #expect(prove(&chain, Payer.payment(signature: broken)).verdict == .refused(.signature))
        #expect(chain.batches.isEmpty)
    }

    @Test func anAllowedFactoryIsTried() {
        let payment = Payer.payment(signature: Payer.wrapped([7]), factories: [address(1), Payer.factory])
        var chain = ScriptedChain(simulation: Payer.aggregated(true))
        #expect(prove(&chain, payment).verdict == .good(balanceAtomic: nil))
        #expect(chain.batches.map(\.count) == [2, 1])
        // The deployment is run with the transfer, through Multicall3.
        let settlement = SettlementCall(settling: payment, payerHasCode: false)
        #expect(settlement.to == Multicall3.address)
        let used = Payer.payment().authorization.calldata(contractSignature: [7])
        #expect(
            settlement.data
                == Multicall3.aggregate3([
                    Multicall3.Call(target: Payer.factory, mayFail: true, data: [1, 2, 3]),
                    Multicall3.Call(target: Payer.token, mayFail: false, data: used),
                ]))
        for (answer, refusal) in [
            (Payer.aggregated(false), .signature), (Reply.none, .signature), (Reply.bareRevert, .signature),
            (Payer.aggregated(false, [0xE4, 0x50, 0xD3, 0x8C]), .insufficientBalance),
        ] as [(RPCReply, PaymentRefusal)] {
            chain.simulation = answer
            #expect(prove(&chain, payment).verdict == .refused(refusal))
        }
    }

    @Test func nobodySays() {
        let payment = Payer.payment(signature: Payer.wrapped([7]), factories: [Payer.factory])
        var down = ScriptedChain(payerCode: Reply.down)
        var mute = ScriptedChain(payerCode: Reply.code, wallet: Reply.down)
        var halfway = ScriptedChain(simulation: Reply.down)
        var nonsense = ScriptedChain(payerCode: Reply.json("null"))
        for judgement in [
            prove(&down, payment), prove(&mute, payment), prove(&halfway, payment), prove(&nonsense, payment),
        ] {
            guard case .unreachable = judgement.verdict else {
                Issue.record("\(judgement)")
                continue
            }
        }
    }
}

@Suite struct SettlementCallTests {
    private static let vrs: [UInt8] = [0xE3, 0xEE, 0x16, 0x0E]
    private static let whole: [UInt8] = [0xCF, 0x09, 0x29, 0x95]

    @Test func whichOverload() {
        let own = Payer.payment().signature
        let r = Array(own[..<64])
        let other = [UInt8](repeating: 1, count: 64)
        let rows: [([UInt8], [UInt8], UInt8?)] = [
            (own, Self.vrs, own[64]), (r + [own[64] - 27], Self.vrs, own[64]),
            // A contract's: 27 and 28 have one meaning, 0 and 1 might be anything.
            (other + [27], Self.vrs, 27), (other + [28], Self.vrs, 28), (other + [0], Self.whole, nil),
            (other + [1], Self.whole, nil), (other + [31], Self.whole, nil), ([1, 2, 3], Self.whole, nil),
            ([], Self.whole, nil), (Payer.wrapped(own), Self.vrs, own[64]), (Payer.wrapped([1]), Self.whole, nil),
        ]
        for (signature, selector, v) in rows {
            let call = SettlementCall(settling: Payer.payment(signature: signature), payerHasCode: nil)
            #expect(call.to == Payer.token)
            #expect(Array(call.data[..<4]) == selector, "\(signature)")
            if let v { #expect(call.data[4 + 7 * 32 - 1] == v, "\(signature)") }
        }
    }

    @Test func theFactoryIsCalledOnlyWhereItMustBe() {
        let wrapped = Payer.wrapped([7])
        let rows: [(Bool?, [Address], Bool)] = [
            (nil, [Payer.factory], true), (false, [Payer.factory], true), (true, [Payer.factory], false),
            (nil, [], false), (false, [address(1)], false),
        ]
        for (hasCode, factories, isAggregate) in rows {
            let payment = Payer.payment(signature: wrapped, factories: factories)
            let call = SettlementCall(settling: payment, payerHasCode: hasCode)
            #expect(call.to == (isAggregate ? Multicall3.address : Payer.token))
        }
    }
}
