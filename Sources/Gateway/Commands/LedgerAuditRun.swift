import Bytes
import Chains
import EventLoop
import Ledger
import Logging
import OnChain

/// `farebox ledger audit`: compares the ledger with the chains that the config names. Sends nothing.
public enum LedgerAuditRun {
    /// Blocks that are asked for where no claim names one.
    static let blocksWithoutClaims: UInt64 = 50_000

    /// The exit code is 0 where both sides agree, 1 where they differ or could not be read, 2 where the config has errors.
    ///
    /// - Parameters:
    ///   - ledger: in place of the config's.
    ///   - firstBlock: in place of the oldest that the ledger names.
    public static func run(_ loader: ConfigLoader, ledger: String?, firstBlock: UInt64?, now: Int64) -> ConfigReport {
        switch loader.load(now: now) {
        case .failure(let errors):
            return ConfigReport(
                exitCode: 2, output: "", diagnostics: errors.problems.map { "error: \($0)\n" }.joined())
        case .success(let revision):
            var output = ""
            do {
                let reader = try LedgerReader(path: ledger ?? revision.settings.ledgerPath)
                var differences = 0
                var audited = 0
                for network in revision.networks where !network.rpc.isEmpty {
                    let survey = try ChainSurvey(network, revision, reader, firstBlock)
                    guard let audit = try survey.audit() else { continue }
                    output += audit.text
                    differences += audit.differences.count
                    audited += 1
                }
                let nothing = audited == 0 ? "farebox: no payment is made on a network with an rpc\n" : ""
                return ConfigReport(exitCode: differences == 0 ? 0 : 1, output: output, diagnostics: nothing)
            } catch {
                return ConfigReport(exitCode: 1, output: output, diagnostics: "farebox: \(error)\n")
            }
        }
    }
}

/// Why a chain could not be compared.
struct AuditFault: Error, CustomStringConvertible {
    let description: String
}

/// Reads from one network's nodes which payments came to our payees.
private final class ChainSurvey {
    private static let blocksPerCall: UInt64 = 1000
    private static let callsAtOnce = 10
    private static let deadlineMilliseconds = 60_000

    private let network: NetworkSettings
    private var claims: [ClaimRecord] = []
    private var tokens: Set<Address> = []
    private var payees: Set<Address> = []
    private let oldestBlock: UInt64?
    private let rpc: RPCClient
    /// Outlives `rpc`, whose connections are its.
    private let client: HTTPClient
    private let loop: EventLoop

    init(
        _ network: NetworkSettings, _ revision: Revision, _ reader: LedgerReader, _ firstBlock: UInt64?
    ) throws {
        self.network = network
        let chain = "eip155:\(network.chainID)"
        for payment in revision.payments where payment.chainID == network.chainID && payment.facilitator != .sandbox {
            tokens.insert(payment.asset)
            payees.insert(payment.payTo)
        }
        var found: [ClaimRecord] = []
        try reader.forEach(chain: chain) { if $0.facilitator != .sandbox { found.append($0) } }
        claims = found
        for claim in found {
            tokens.insert(Address(claim.key.asset))
            payees.insert(Address(claim.payTo))
        }
        let oldest = try reader.oldestBlock(chain: chain)
        oldestBlock = firstBlock ?? oldest
        loop = try EventLoop()
        client = try HTTPClient(loop: loop, resolver: Resolver())
        rpc = RPCClient(
            network: network.name, chainID: network.chainID,
            endpoints: network.rpc.map { RPCEndpoint($0, caFile: network.caFile) },
            client: client,
            // What the nodes do not answer is in the report.
            logger: Logger(label: "farebox") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Nil where nothing is settled on this network.
    func audit() throws -> LedgerAudit? {
        if payees.isEmpty { return nil }
        let head = try ask([.blockNumber])[0].uint64()
        let without = head - min(head, LedgerAuditRun.blocksWithoutClaims)
        let first = min(oldestBlock ?? without, head)
        var transactions: Set<Bytes32> = []
        for calls in ranges(first...head).chunks(of: Self.callsAtOnce) {
            for reply in try ask(calls) { transactions.formUnion(try reply.logs().map(\.transactionHash)) }
        }
        var payments: [IncomingPayment] = []
        for some in Array(transactions).chunks(of: Self.callsAtOnce) {
            for reply in try ask(some.map { .receipt($0) }) {
                guard let receipt = try reply.receipt() else { continue }
                payments += EvidenceJudge.payments(in: receipt, tokens: tokens, payees: payees)
            }
        }
        return LedgerAudit(network: network.name, blocks: first...head, claims: claims, payments: payments)
    }

    /// Calls for every transfer to our payees.
    private func ranges(_ blocks: ClosedRange<UInt64>) -> [RPCCall] {
        stride(from: blocks.lowerBound, through: blocks.upperBound, by: Int(Self.blocksPerCall)).map { first in
            .logs(
                from: .number(first), to: .number(min(first + Self.blocksPerCall - 1, blocks.upperBound)),
                addresses: Array(tokens),
                topics: [[EvidenceJudge.transfer], [], payees.map { EvidenceJudge.topic($0) }])
        }
    }

    private func ask(_ calls: [RPCCall]) throws -> [RPCReply] {
        var answer: [RPCReply] = []
        rpc.call(calls, deadlineMilliseconds: Self.deadlineMilliseconds) { [loop] replies in
            answer = replies
            loop.stop()
        }
        loop.run()
        return answer
    }
}

extension Array {
    fileprivate func chunks(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}
