import Chains
import Glibc
import Ledger
import Logging
import OnChain
import Payments

/// Asks one network's nodes for everything that `farebox wallet check` tells.
final class WalletCheckSurvey {
    private(set) var facts: WalletCheckFacts
    private let rpc: RPCClient
    private let checks: [TokenCheck]
    private var unanswered = 0
    private var done: (() -> Void)?

    init(_ network: NetworkSettings, _ payments: [PaymentMethod], _ revision: Revision, _ client: HTTPClient) {
        let relayer = revision.settings.relayer
        facts = WalletCheckFacts(
            network: network.name, chainID: network.chainID,
            maxFeeWei: network.feeCapWei(relayer),
            lowBalanceWei: relayer?.lowBalanceWei ?? RelayerSettings.defaultLowBalanceWei)
        for key in relayer?.keys ?? [] {
            guard let account = key.account else {
                facts.missingKeys.append("\(key.source)")
                continue
            }
            facts.accounts.append(.init(address: account.address, source: "\(key.source)"))
        }
        facts.payments = payments.map { payment in
            .init(name: payment.name, asset: payment.assetLabel, token: payment.asset, payee: payment.payTo)
        }
        checks = payments.map { TokenCheck($0) }
        let names = Set(payments.map(\.name))
        facts.cheapest = revision.routes.compactMap(\.terms).min { $0.priceOrder < $1.priceOrder }.flatMap { terms in
            terms.offers.first { names.contains($0.paymentName) }.map { offer in
                .init(text: terms.priceText, amountAtomic: offer.amountAtomic, decimals: offer.assetDecimals)
            }
        }
        rpc = RPCClient(
            network: network.name, chainID: network.chainID,
            endpoints: network.rpc.map { RPCEndpoint($0, caFile: network.caFile) }, client: client,
            // What the nodes do is in the report.
            logger: Logger(label: "farebox") { _ in SwiftLogNoOpLogHandler() })
        readLedger(revision.settings.ledgerPath)
    }

    private func readLedger(_ path: String) {
        // None is made yet: nothing was sent.
        guard access(path, F_OK) == 0 else { return }
        do throws(LedgerFault) {
            let reader = try LedgerReader(path: path)
            for claim in try reader.pending(limit: 10_000) where claim.key.chain == "eip155:\(facts.chainID)" {
                facts.pending += try reader.transactions(of: claim.id).map(\.transaction)
            }
        } catch {
            facts.ledgerTrouble = "\(error)"
        }
    }

    /// `done` is told once.
    func begin(_ done: @escaping () -> Void) {
        self.done = done
        let deadline = WalletCheck.deadlineMilliseconds
        unanswered = 2 + checks.count
        rpc.callEach([.blockNumber], deadlineMilliseconds: deadline) { [self] lists in
            facts.nodes = zip(rpc.health, lists).map { node, replies in
                let head = Self.value { () throws(RPCFault) in try replies[0].uint64() }
                return .init(name: node.name, head: head, trouble: head == nil ? Self.trouble(replies[0]) : nil)
            }
            answered()
        }
        let accounts = facts.accounts.map(\.address)
        let calls =
            [RPCCall.block(.latest), .maxPriorityFee] + facts.payments.map { .code($0.payee) }
            + accounts.flatMap {
                [.balance($0), .transactionCount($0, at: .latest), .transactionCount($0, at: .pending)]
            }
        rpc.call(calls, deadlineMilliseconds: deadline) { [self] replies in
            note(replies)
            answered()
        }
        for (index, check) in checks.enumerated() {
            rpc.check(check, deadlineMilliseconds: deadline) { [self] outcome in
                facts.payments[index].check = outcome
                answered()
            }
        }
    }

    private func note(_ replies: [RPCReply]) {
        facts.baseFeeWei = Self.value { () throws(RPCFault) in try replies[0].block() }??.baseFee
        facts.priorityFeeWei = Self.value { () throws(RPCFault) in try replies[1].uint128() }
        var rest = replies[2...]
        for at in facts.payments.indices {
            let code = rest.removeFirst()
            facts.payments[at].payeeHasCode = Self.value { () throws(RPCFault) in try !code.data().isEmpty }
        }
        for at in facts.accounts.indices {
            let (balance, mined, pending) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
            facts.accounts[at].balanceWei = Self.value { () throws(RPCFault) in try balance.uint128() }
            facts.accounts[at].minedNonce = Self.value { () throws(RPCFault) in try mined.uint64() }
            facts.accounts[at].pendingNonce = Self.value { () throws(RPCFault) in try pending.uint64() }
        }
    }

    private func answered() {
        unanswered -= 1
        if unanswered == 0 { done?() }
    }

    private static func value<Value>(_ read: () throws(RPCFault) -> Value) -> Value? {
        do throws(RPCFault) { return try read() } catch { return nil }
    }

    private static func trouble(_ reply: RPCReply) -> String {
        do throws(RPCFault) {
            _ = try reply.uint64()
            return ""
        } catch { return "\(error)" }
    }
}
