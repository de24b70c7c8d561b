import Bytes
import Chains
import Logging
import OnChain
import Testing

@testable import Gateway
@testable import Payments

/// The whole way from a payment to a verdict, over a scripted node.
@Suite struct VerificationDeskTests {
    private final class Clock { var nanoseconds: UInt64 = 1 }

    private let rig: ClientRig
    private let node: ScriptedNode
    private let rpc: RPCClient
    private let clock = Clock()
    private let desk: VerificationDesk

    private static func account(_ byte: UInt8) -> Address { Address(Bytes20([UInt8](repeating: byte, count: 20))!) }
    private static let token = account(0x70)
    private static let garbage = [UInt8](repeating: 1, count: 65)

    init() throws {
        rig = try ClientRig()
        node = try ScriptedNode()
        rpc = RPCClient(
            network: "base-sepolia", chainID: 84532, endpoints: [node.endpoint()], client: rig.client,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let clock = clock
        desk = VerificationDesk(rpc: rpc, relayer: Self.account(0x9E), gasLimit: 500_000) { clock.nanoseconds }
        answer()
    }

    /// What the chain says: code by account, and the answer of every call but balanceOf.
    private func answer(code: [UInt8: String] = [0x70: "0x60"], call: String = "\"result\":\"0x\"") {
        node.script = { _ in
            .reply { asked in
                if asked.method == "eth_getCode" {
                    let known = code.first { asked.params.contains(VerificationDeskTests.account($0.key).bytes.hex) }
                    return "\"result\":\"\(known?.value ?? "0x")\""
                }
                let isBalance = asked.params.contains("0x70a08231")
                return isBalance ? "\"result\":\"\(UInt256(UInt64(50_000)).bytes.hex)\"" : call
            }
        }
    }

    private static func request(
        from: UInt8 = 0xA0, signature: [UInt8] = garbage, factories: [Address] = []
    ) -> VerificationRequest {
        let offer = Offer(
            paymentName: "usdc", network: "eip155:84532", networkV1Name: "base-sepolia", chainID: 84532, asset: token,
            assetDecimals: 6, domainName: "USDC", domainVersion: "2", payTo: account(0x22), amountAtomic: 10_000,
            maxTimeoutSeconds: 300, settlesFirst: false, facilitator: .chain, factories: factories)
        let authorization = TransferWithAuthorization(
            from: account(from), to: account(0x22), value: UInt256(UInt64(10_000)), validAfter: .zero,
            validBefore: UInt256(UInt64(2_000_000_000)), nonce: Bytes32([UInt8](repeating: 0xAB, count: 32))!)
        let payload = PaymentPayload(
            version: .v2, scheme: "exact", network: "eip155:84532", accepted: nil, authorization: authorization,
            signature: signature, paymentIdentifier: nil, json: [])
        return VerificationRequest(offer: offer, payload: payload, resourceURL: "https://api.example.com/a")
    }

    private func told(_ begin: (@escaping (Verdict) -> Void) -> Void) throws -> Verdict {
        var verdicts: [Verdict] = []
        begin { verdicts.append($0) }
        rig.run {
            self.node.serve()
            return !verdicts.isEmpty
        }
        #expect(verdicts.count == 1)
        return try #require(verdicts.first)
    }

    private func verify(_ request: VerificationRequest = request()) throws -> Verdict {
        try told { desk.verify(request, done: $0) }
    }

    private func prove(_ request: VerificationRequest = request()) throws -> Verdict {
        try told { desk.prove(request, done: $0) }
    }

    private func isGood(_ verdict: Verdict, _ balance: UInt128?) -> Bool {
        if case .good(balance) = verdict { true } else { false }
    }

    private func isRefused(_ verdict: Verdict, _ code: PaymentCode) -> Bool {
        if case .refused(code) = verdict { true } else { false }
    }

    @Test func aPaymentsReadsAreOneMessage() throws {
        #expect(isGood(try verify(), 50_000))
        #expect(node.heard.map { $0.map(\.method) } == [["eth_getCode", "eth_call", "eth_call", "eth_getCode"]])
        // The token's code is known for a quarter of an hour: three reads a payment.
        #expect(isGood(try verify(), 50_000))
        #expect(node.heard.last?.count == 3)
        clock.nanoseconds += ContractProofMemory.tokenNanoseconds
        #expect(isGood(try verify(), 50_000))
        #expect(node.heard.last?.count == 4)
    }

    @Test func paymentsOfATurnShareAMessage() throws {
        #expect(isGood(try verify(), 50_000))
        var verdicts = 0
        for from in 1...10 as ClosedRange<UInt8> { desk.verify(Self.request(from: from)) { _ in verdicts += 1 } }
        rig.run {
            self.node.serve()
            return verdicts == 10
        }
        #expect(node.heard.count == 2 && node.heard[1].count == 30)
    }

    @Test func itSaysWhy() throws {
        answer(
            call:
                "\"error\":{\"code\":3,\"message\":\"execution reverted: FiatTokenV2: authorization is used or canceled\"}"
        )
        #expect(isRefused(try verify(), .nonceAlreadyUsed))
        node.script = { _ in .http(500, "") }
        guard case .unreachable(let reason) = try verify() else {
            Issue.record("reached")
            return
        }
        #expect(reason.hasPrefix("base-sepolia: http://127.0.0.1:") && !reason.contains("secret"), "\(reason)")
    }

    /// Where nothing else of the wallet is in flight, one read less.
    @Test func theBalanceIsReadOnlyWhereItIsWanted() throws {
        var request = Self.request()
        request.readsBalance = false
        let asked = node.heard.count
        #expect(isGood(try verify(request), nil))
        #expect(!node.heard[asked...].joined().contains { $0.params.contains("70a08231") })
        #expect(isGood(try verify(), 50_000))
        #expect(node.heard[asked...].joined().contains { $0.params.contains("70a08231") })
    }

    @Test func aContractsProof() throws {
        answer(code: [0xA0: "0x60"], call: "\"result\":\"\(Hex.encodePrefixed(ContractReads.validSignature))\"")
        #expect(isGood(try prove(), nil))
        answer(code: [0xA0: "0x60"], call: "\"result\":\"0x\"")
        #expect(isRefused(try prove(), .signature))
    }

    /// Garbage is refused from memory, for as long as a wallet may take to be deployed.
    @Test func garbageCostsNothing() throws {
        #expect(isRefused(try prove(), .signature))
        let asked = node.heard.count
        for signature in [Self.garbage, [UInt8](repeating: 2, count: 65)] {
            #expect(isRefused(try prove(Self.request(signature: signature)), .signature))
        }
        #expect(isRefused(try prove(Self.request(signature: [1])), .undeployedSmartWallet))
        #expect(node.heard.count == asked)
        clock.nanoseconds += ContractProofMemory.emptyPayerNanoseconds
        #expect(isRefused(try prove(), .signature))
        #expect(node.heard.count == asked + 1)
    }

    @Test func proofsAreBounded() throws {
        let script = node.script
        node.script = { _ in .silence }
        var verdicts: [Verdict] = []
        for from in 0..<VerificationDesk.proofsAtMost {
            desk.prove(Self.request(from: UInt8(from))) { verdicts.append($0) }
        }
        #expect(verdicts.isEmpty)
        guard case .unreachable = try prove(Self.request(from: 0xEE)) else {
            Issue.record("one more was taken")
            return
        }
        rig.run {
            self.node.serve()
            return !self.node.heard.isEmpty
        }
        node.script = script
        node.answerLate(.reply { _ in "\"result\":\"0x\"" })
        rig.run {
            self.node.serve()
            return verdicts.count == VerificationDesk.proofsAtMost
        }
        #expect(verdicts.allSatisfy { isRefused($0, .signature) })
        #expect(isRefused(try prove(Self.request(from: 0xEE)), .signature))
    }

    /// A wallet that is known to stand is paid from without its factory.
    @Test func theSettlementsCall() throws {
        let bytes = { (content: [UInt8]) -> [UInt8] in
            UInt256(UInt64(content.count)).bytes.array + content
                + [UInt8](repeating: 0, count: (32 - content.count % 32) % 32)
        }
        let word = { (value: UInt64) in UInt256(value).bytes.array }
        let wrapped: [UInt8] =
            [UInt8](repeating: 0, count: 12) + Self.account(0xFA).bytes.array + word(96) + word(128) + bytes([])
            + bytes([7]) + [UInt8]((0..<32).map { $0 & 1 == 0 ? 0x64 : 0x92 })
        let request = Self.request(signature: wrapped, factories: [Self.account(0xFA)])
        #expect(desk.settlementCall(request).to == Multicall3.address)
        answer(code: [0xA0: "0x60"], call: "\"result\":\"\(Hex.encodePrefixed(ContractReads.validSignature))\"")
        #expect(isGood(try prove(request), nil))
        #expect(desk.settlementCall(request).to == Self.token)
        #expect(desk.settlementCall(Self.request()).to == Self.token)
    }

    @Test func codesAreDistinct() {
        let refusals: [PaymentRefusal] = [
            .expired, .notYetValid, .nonceUsed, .insufficientBalance, .signature, .undeployedWallet, .factoryNotAllowed,
            .assetNotDeployed, .eip3009NotSupported, .tokenNameMismatch, .tokenVersionMismatch, .simulationFailed,
        ]
        #expect(Set(refusals.map { PaymentCode($0) }).count == refusals.count)
    }

    @Test func theMemoryIsBounded() {
        var memory = ContractProofMemory()
        func payer(_ number: Int) -> Address {
            Address(Bytes20([UInt8](repeating: 0, count: 12) + withUnsafeBytes(of: number.bigEndian, Array.init))!)
        }
        for number in 0...ContractProofMemory.accountsAtMost {
            memory.note(payer: payer(number), hasCode: false, now: 1)
        }
        #expect(memory.payerHasCode(payer(0), now: 2) == nil)
        #expect(memory.payerHasCode(payer(ContractProofMemory.accountsAtMost), now: 2) == false)
        memory.note(payer: payer(1), hasCode: true, now: 3)
        #expect(memory.payerHasCode(payer(1), now: 3 + ContractProofMemory.payerNanoseconds) == nil)
        #expect(memory.payerHasCode(payer(1), now: 2 + ContractProofMemory.payerNanoseconds) == true)
    }
}
