import Bytes
import Chains
import Glibc
import Ledger
import Payments
import Testing

@testable import Gateway

private let okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/// What callers get where money is moved by others than the sandbox.
@Suite struct ExchangeSettlementTests {
    private let rig: WorkerRig

    init() throws { rig = try WorkerRig() }

    /// The header line of a payment for what the path's 402 asks.
    private func payment(_ path: String, nonce: UInt8 = 1, isOurs: Bool = true) throws -> String {
        let asking = try rig.call("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        asking.read(rig, until: "}")
        let line = try #require(asking.text.split(separator: "\r\n").first { $0.hasPrefix("PAYMENT-REQUIRED: ") })
        let required = try Array(line.utf8.dropFirst(18)).withUnsafeBytes {
            try PaymentRequired.decode(v2Header: $0, v1Body: .empty)
        }
        guard let key = PrivateKey(hex: String(repeating: "11", count: 32)) else { fatalError("the key is valid") }
        let signed = try PaymentSigner.sign(
            required, key: key, maximumAtomic: { _ in .max },
            nonce: try #require(Bytes32([UInt8](repeating: nonce, count: 32))), now: Int64(time(nil)))
        guard isOurs else {
            // A signature that recovers to nobody we know: what a contract's looks like.
            var text = String(
                decoding: try #require(Array(signed.headerValue.utf8).withUnsafeBytes { Base64.decode($0) }),
                as: UTF8.self)
            let at = try #require(text.range(of: "\"signature\":\"0x"))
            text.replaceSubrange(at.upperBound..<text.index(at.upperBound, offsetBy: 4), with: "abcd")
            return "PAYMENT-SIGNATURE: \(Base64.encode(Array(text.utf8)))\r\n"
        }
        return "PAYMENT-SIGNATURE: \(signed.headerValue)\r\n"
    }

    private func get(_ path: String, _ payment: String) throws -> LoopbackPeer {
        try rig.call("GET \(path) HTTP/1.1\r\nHost: a\r\n\(payment)\r\n")
    }

    @Test(arguments: ["/after", "/first"])
    func aPaymentIsVerifiedClaimedAndSettled(path: String) throws {
        let caller = try get(path, payment(path))
        _ = try rig.serve(okAnswer)
        caller.read(rig, until: "ok")
        #expect(caller.text.hasPrefix("HTTP/1.1 200 "))
        #expect(caller.text.contains("PAYMENT-RESPONSE: "))
        #expect(rig.desk.asked == ["verify http://127.0.0.1:8402\(path)", "settle"])
    }

    /// Nothing is claimed: the same payment is good once the trouble is over.
    @Test(arguments: [
        (Verdict.refused(.insufficientBalance), "HTTP/1.1 402 ", "invalid_exact_evm_insufficient_balance"),
        (.unreachable("no node answers"), "HTTP/1.1 503 ", "facilitator_unreachable"),
    ])
    func aPaymentThatIsNotVerifiedIsNotClaimed(verdict: Verdict, status: String, code: String) throws {
        let payment = try payment("/after")
        rig.desk.change { $0.verdict = verdict }
        let refused = try get("/after", payment)
        refused.read(rig, until: "}")
        #expect(refused.text.hasPrefix(status))
        #expect(refused.text.contains(code))
        rig.desk.change { $0.verdict = .good(balanceAtomic: 1_000_000) }
        let caller = try get("/after", payment)
        _ = try rig.serve(okAnswer)
        caller.read(rig, until: "ok")
        #expect(caller.text.hasPrefix("HTTP/1.1 200 "))
    }

    /// The wallet's money is less than the price, whatever the facilitator found good.
    @Test func aBalanceBelowThePriceIsRefused() throws {
        rig.desk.change { $0.verdict = .good(balanceAtomic: 19_999) }
        let caller = try get("/first", payment("/first"))
        caller.read(rig, until: "}")
        #expect(caller.text.contains("invalid_exact_evm_insufficient_balance"))
        #expect(!rig.desk.asked.contains("settle"))
    }

    @Test(arguments: ["/after", "/first"])
    func aRefusedSettlementWithholdsTheAnswer(path: String) throws {
        rig.desk.change { $0.settlement = .refuses(code: "transaction_failed") }
        let caller = try get(path, payment(path))
        if path == "/after" { _ = try rig.serve(okAnswer) }
        caller.read(rig, until: "}\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 402 "))
        #expect(caller.text.contains("transaction_failed"))
        #expect(caller.text.contains("\"charged\":false"))
        #expect(!caller.text.contains("PAYMENT-REQUIRED"))
        #expect(!caller.text.contains("ok\r\n"))
    }

    /// Never an invitation to pay again.
    @Test(arguments: ["/after", "/first"])
    func anUnknownSettlementInvitesNobodyToPay(path: String) throws {
        rig.desk.change { $0.settlement = .staysSilent }
        let caller = try get(path, payment(path))
        if path == "/after" { _ = try rig.serve(okAnswer) }
        caller.read(rig, until: "}\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 402 "))
        #expect(caller.text.contains("settlement_pending"))
        #expect(caller.text.contains("Retry-After: "))
        #expect(!caller.text.contains("PAYMENT-REQUIRED"))
        #expect(!caller.text.contains("accepts"))
    }

    /// The chain is asked once, before the payment touches a wallet.
    @Test func aContractsSignatureIsProvenFirst() throws {
        let payment = try payment("/first", isOurs: false)
        let refused = try get("/first", payment)
        refused.read(rig, until: "}")
        #expect(refused.text.contains("invalid_exact_evm_payload_signature"))
        #expect(rig.desk.asked == ["prove"])
        rig.desk.change { $0.proof = .good(balanceAtomic: 1_000_000) }
        let caller = try get("/first", payment)
        _ = try rig.serve(okAnswer)
        caller.read(rig, until: "ok")
        #expect(caller.text.hasPrefix("HTTP/1.1 200 "))
        #expect(rig.desk.asked == ["prove", "prove", "verify http://127.0.0.1:8402/first", "settle"])
    }

    @Test func theSandboxProvesNoContracts() throws {
        let caller = try get("/paid", payment("/paid", isOurs: false))
        caller.read(rig, until: "}")
        #expect(caller.text.contains("invalid_exact_evm_payload_signature"))
        #expect(rig.desk.asked.isEmpty)
    }
}

@Suite struct GatewayReadinessTests {
    private static let trouble = PaymentTrouble(payment: "usdc", code: "rpc_unreachable", detail: "no node answers")

    private func readiness(
        _ ledger: LedgerHealth = .ready, isDraining: Bool = false, _ troubles: [PaymentTrouble] = [],
        required: [String] = []
    ) -> GatewayReadiness {
        GatewayReadiness(ledger: ledger, isDraining: isDraining, troubles: troubles, required: required)
    }

    @Test func troubleWithAPaymentDegrades() {
        #expect(readiness().level == .ready)
        #expect(readiness([Self.trouble]).level == .degraded)
        #expect(readiness([Self.trouble]).reasons == ["usdc: rpc_unreachable"])
        #expect(readiness([Self.trouble], required: ["other"]).level == .degraded)
        #expect(readiness([Self.trouble], required: ["usdc"]).level == .unready)
        #expect(readiness(.busy, [Self.trouble]).level == .unready)
        #expect(readiness(isDraining: true).reasons == ["draining"])
    }

    private func readiness(_ troubles: [PaymentTrouble], required: [String] = []) -> GatewayReadiness {
        readiness(.ready, troubles, required: required)
    }
}
