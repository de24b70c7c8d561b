import Bytes
import Chains
import OnChain

/// A payment to be judged, and the replies of a chain by what is asked of it.
struct Payer {
    static let token = address(0x70)
    static let factory = address(0xFA)
    static let relayer = address(0x9E)
    static var key: PrivateKey {
        PrivateKey(hex: "0x0101010101010101010101010101010101010101010101010101010101010101")!
    }
    static let nonce = bytes32(0xAB)

    /// Signed by the key of `from`, unless another signature is given.
    static func payment(
        signature: [UInt8]? = nil, from: Address? = nil, factories: [Address] = []
    ) -> ChainPayment {
        let separator = EIP712.domainSeparator(name: "USDC", version: "2", chainID: 84532, verifyingContract: token)
        let authorization = TransferWithAuthorization(
            from: from ?? Secp256k1.address(of: key), to: address(0x22), value: UInt256(UInt64(10_000)),
            validAfter: .zero,
            validBefore: UInt256(UInt64(2_000_000_000)), nonce: nonce)
        let own = Secp256k1.sign(digest: authorization.digest(domainSeparator: separator), with: key).bytes
        return ChainPayment(
            token: token, domainName: "USDC", domainVersion: "2", domainSeparator: separator,
            authorization: authorization, signature: signature ?? own, factories: factories)
    }

    /// abi.encode(factory, [1, 2, 3], inner) and the magic of ERC-6492.
    static func wrapped(_ inner: [UInt8], factory: Address = Payer.factory) -> [UInt8] {
        func bytes(_ content: [UInt8]) -> [UInt8] {
            Reply.word(UInt64(content.count)) + content + [UInt8](repeating: 0, count: (32 - content.count % 32) % 32)
        }
        let account = [UInt8](repeating: 0, count: 12) + factory.bytes.array
        return account + Reply.word(96) + Reply.word(160) + bytes([1, 2, 3]) + bytes(inner)
            + [UInt8]((0..<32).map { $0 & 1 == 0 ? 0x64 : 0x92 })
    }

    /// What `aggregate3` returns for a factory's call that went well, and the transfer's.
    static func aggregated(_ transfer: Bool, _ data: [UInt8] = []) -> RPCReply {
        let padded = data + [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
        return Reply.hex(
            Reply.word(32) + Reply.word(2) + Reply.word(64) + Reply.word(160) + Reply.word(1) + Reply.word(64)
                + Reply.word(0) + Reply.word(transfer ? 1 : 0) + Reply.word(64) + Reply.word(UInt64(data.count))
                + padded)
    }
}

/// A chain that says what a test tells it, and keeps what it was asked.
struct ScriptedChain {
    var payerCode = Reply.none
    var tokenCode = Reply.code
    var balance = Reply.number(10_000)
    var simulation = Reply.none
    var wallet = Reply.none
    var state = Reply.number(0)
    var name = Reply.string("USDC")
    var version = Reply.string("2")
    private(set) var batches: [[RPCCall]] = []

    static let takes = Reply.hex(ContractReads.validSignature)

    /// Answers until there is an answer.
    mutating func pursue<Answer>(_ inquiry: ChainInquiry<Answer>, _ payment: ChainPayment) -> Answer {
        var inquiry = inquiry
        while true {
            switch inquiry {
            case .answer(let answer): return answer
            case .ask(let calls, let next):
                batches.append(calls)
                inquiry = next(calls.map { reply(to: $0, payment) })
            }
        }
    }

    private func reply(to call: RPCCall, _ payment: ChainPayment) -> RPCReply {
        let authorization = payment.authorization
        let wallet = ContractReads.isValidSignature(digest: payment.digestForTests, signature: payment.innerForTests)
        let state = ContractReads.authorizationState(of: authorization.from, nonce: authorization.nonce)
        switch call {
        case .code(authorization.from): return payerCode
        case .code(payment.token): return tokenCode
        case .call(to: payment.token, data: ContractReads.balance(of: authorization.from)): return balance
        case .call(to: authorization.from, data: wallet, gas: 500_000): return self.wallet
        case .call(to: payment.token, data: state): return self.state
        case .call(to: payment.token, data: ContractReads.name): return name
        case .call(to: payment.token, data: ContractReads.version): return version
        case _ where call.params.contains("\"from\":\"\(Payer.relayer.bytes.hex)\""): return simulation
        default: return .error(code: -32601, message: "not expected: \(call)", data: nil)
        }
    }
}

extension ChainPayment {
    var digestForTests: Bytes32 { authorization.digest(domainSeparator: domainSeparator) }
    var innerForTests: [UInt8] { CounterfactualSignature(signature)?.inner ?? signature }
}
