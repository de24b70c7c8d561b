import Bytes
import Chains
import EventLoop
import Ledger
import OnChain
import Payments

/// What watching comes to, in the ledger's words; and what was in flight before a start.
extension ChainService {
    func watched(_ outcomes: [WatchOutcome]) { watched(outcomes, code: nil) }

    /// - Parameter code: of a refusal that somebody else gave.
    func watched(_ outcomes: [WatchOutcome], code: String?) {
        for outcome in outcomes {
            switch outcome {
            case .settled(let row, let place, let gasWei):
                over(row)
                let transaction = place.transaction.hex
                tell(
                    row, .settled(transaction: transaction, block: place.block, gasWei: gasWei),
                    transaction: transaction)
            case .refused(let row, let refusal, let gasWei):
                over(row)
                if refusal == .reverted { noteFailure(of: row) }
                tell(
                    row, .refused(code: code ?? PaymentCode(refusal).rawValue, gasWei: gasWei),
                    transaction: sentTransaction(row))
            case .unknown(let row):
                let transaction = sentTransaction(row)
                tell(row, .unknown(transaction: transaction.isEmpty ? nil : transaction), transaction: transaction)
            case .reorganized(let row):
                logger.warning(
                    "\(network.name): the block that settled a claim was taken back; it is sent again",
                    metadata: ["claim": "\(names[row]?.idempotencyKey ?? "")"])
                tell(row, .reorganized, transaction: "")
            case .final(let row):
                over(row)
                tell(row, .final, transaction: "")
                names[row] = nil
            }
        }
    }

    /// Its transaction, if it is in no block yet, only holds up the others.
    private func over(_ row: Int64) {
        for relayer in relayers { _ = relayer.queue.on(.over(claim: row), now: now) }
    }

    private func sentTransaction(_ row: Int64) -> String { settling[row]?.transaction ?? "" }

    private func tell(_ row: Int64, _ evidence: Evidence, transaction: String) {
        guard let id = names[row] else { return }
        let reply = settling.removeValue(forKey: row)?.reply
        let label = id.idempotencyKey
        let isNews = reply == nil
        ledger.evidence(id, evidence) { [logger, network] outcome in
            reply?(Settlement(outcome, transaction: transaction))
            guard isNews else { return }
            switch (evidence, outcome) {
            case (.settled, .recorded(let state)) where state == .owed:
                logger.notice(
                    "\(network.name): a claim is settled",
                    metadata: ["claim": "\(label)", "state": "\(state.rawValue)"])
            case (.refused, .refused):
                logger.error(
                    "\(network.name): a paid claim's evidence is gone for good: look at it by hand",
                    metadata: ["claim": "\(label)"])
            default: break
            }
        }
    }

    // MARK: After a start

    /// Claims whose truth on this chain is not final. To be said once, before anything is settled.
    func takeUp(_ claims: [WatchedClaim]) {
        requeue(claims)
        takenUp += claims
        takeUpWaiting()
        watcher.wake()
    }

    /// Evidence is looked for from a block on: none is known before the first head.
    func takeUpWaiting() {
        guard !takenUp.isEmpty, let head = watcher.list.head else { return }
        let now = now
        var orphans: [SentTransaction] = []
        for each in takenUp {
            let claim = each.claim
            names[claim.id.row] = claim.id
            watcher.list.add(order(each, head), now: now)
            let isDone = claim.machine.isPaid || claim.state == .failed
            if isDone { over(claim.id.row) }
            // The key that signed it is gone from the configuration: what it signed can still be broadcast.
            for sent in each.transactions.suffix(1) where !isDone && !hasRelayer(sent) && !orphans.contains(sent) {
                orphans.append(sent)
            }
        }
        for sent in orphans {
            watcher.rpc.broadcast(raw: sent.raw, deadlineMilliseconds: ChainWatcher.deadlineMilliseconds) { _ in }
        }
        takenUp = []
        watcher.wake()
    }

    private func hasRelayer(_ sent: SentTransaction) -> Bool {
        relayers.contains { $0.address.bytes == sent.relayer }
    }

    /// Gives every relayer its rows: one that carries several claims once, with those that are not final.
    private func requeue(_ claims: [WatchedClaim]) {
        var rows: [SentTransaction: [Int64]] = [:]
        for each in claims {
            for sent in each.transactions { rows[sent, default: []].append(each.claim.id.row) }
        }
        for relayer in relayers {
            let own = rows.filter { $0.key.relayer == relayer.address.bytes }.map { RelayTransaction($0, claims: $1) }
            perform(relayer.queue.on(.restored(own), now: now), of: relayer)
        }
    }

    /// More was taken back than a queue remembers.
    func restore() {
        ledger.watched { [inbox, chainID] claims in
            inbox.post { money in
                guard let chain = money.chain(chainID) else { return }
                chain.requeue(claims.filter { $0.claim.chainID == chainID })
            }
        }
    }

    private func order(_ watched: WatchedClaim, _ head: RPCBlock) -> WatchOrder {
        let claim = watched.claim
        var standing = WatchOrder.Standing.open
        if claim.machine.isPaid { standing = .settled }
        if claim.state == .failed { standing = .refused }
        // Four blocks a second are more than most chains make: rather too far back than not far enough.
        let age = UInt64(max(0, Int64(head.timestamp) - claim.createdAt)) + 120
        let since = watched.transactions.map(\.headBlock).min() ?? head.number - min(head.number, age * 4)
        return WatchOrder(
            claim: claim.id.row,
            transfer: AwaitedTransfer(
                key: AuthorizationKey(
                    token: Address(claim.key.asset), authorizer: Address(claim.key.payer), nonce: claim.key.nonce),
                to: Address(claim.payTo), value: claim.amountAtomic,
                validBefore: UInt64(max(0, claim.validBefore))),
            confirmations: confirmations(claim.amountAtomic, decimals: decimals(claim.key.asset)),
            sinceBlock: min(since, head.number), standing: standing,
            sender: watched.transactions.last.map {
                WatchOrder.Sender(relayer: Address($0.relayer), nonce: $0.nonce)
            },
            hashes: watched.transactions.map(\.hash),
            share: BatchShare(place: watched.place, of: watched.batchCount))
    }

    /// Of a token that may be configured no more: USDC has six.
    private func decimals(_ asset: Bytes20) -> Int { decimalsOfAsset[Address(asset)] ?? 6 }
}

extension ClaimRecord {
    /// Nil for what is no EVM chain.
    var chainID: UInt64? { Network.chainID(caip2: key.chain) }
}

extension PaymentCode {
    init(_ refusal: WatchRefusal) {
        self =
            switch refusal {
            case .reverted: .transactionFailed
            case .windowOver: .validBefore
            case .canceled: .nonceAlreadyUsed
            case .usedElsewhere: .eventMismatch
            }
    }
}
