import Bytes
import Chains

extension Watchlist {
    /// What the answers to a probe mean. To be said before the next plan is made.
    public mutating func take(_ answers: WatchProbeAnswers, to probe: WatchProbe, now: UInt64) -> [WatchOutcome] {
        guard let latest = answers.latest else { return [] }
        counts.merge(answers.counts) { _, newer in newer }
        if heads.isLost {
            // Made before it was known that blocks are gone.
            guard probe.check == nil else { return [] }
            takeBack(above: heads.settle(latest: latest, hashes: answers.blocks.mapValues(\.hash)), now: now)
            return []
        }
        switch heads.take(latest: latest, hashAtHead: probe.check.flatMap { answers.blocks[$0]?.hash }) {
        case .behind, .reorganized: return []
        case .same, .advanced: break
        }
        if probe.wantsFinalized {
            nextFinalityAt = now + Self.finalityMilliseconds
            if let block = answers.finalized, block.number >= finalized?.number ?? 0 { finalized = block }
        }
        return settle(anchors: probe.blocks, answers.blocks, now)
    }

    /// What the answers to a plan mean. To be said before the next probe is made.
    public mutating func take(_ answers: WatchAnswers, to plan: WatchPlan, now: UInt64) -> [WatchOutcome] {
        var outcomes: [WatchOutcome] = []
        for claim in plan.mined { outcomes += mined(answers.receipts, claim, now) }
        if let logs = answers.logs, let scan = plan.scan { outcomes += scanned(logs, scan, plan.scanned, now) }
        for look in plan.looks {
            if let answer = answers.looks[look.claim] { outcomes += looked(answer, look.claim, now) }
        }
        return outcomes
    }

    /// What receipts of its own transactions say of a claim: those of one batch say of each claim something else.
    private mutating func mined(_ receipts: [Bytes32: RPCReceipt], _ claim: Int64, _ now: UInt64) -> [WatchOutcome] {
        guard let order = entries[claim]?.order, open.contains(claim) else { return [] }
        entries[claim]?.receiptAsks += 1
        for receipt in order.hashes.compactMap({ receipts[$0] }) {
            // A node that follows another history than the heads that were seen proves nothing about this one.
            if let known = heads.hash(at: receipt.blockNumber), known != receipt.blockHash { continue }
            entries[claim]?.receiptAsks = Self.receiptsAtMost
            noteCost(receipt, of: claim)
            if let finding = EvidenceJudge.finding(in: receipt, for: order.transfer) {
                return note(finding, of: claim, now: now)
            }
            entries[claim]?.reverted = ChainPlace(
                transaction: receipt.transactionHash, block: receipt.blockNumber, blockHash: receipt.blockHash)
        }
        return []
    }

    private mutating func noteCost(_ receipt: RPCReceipt, of claim: Int64) {
        guard let order = entries[claim]?.order, let cost = receipt.costWei else { return }
        entries[claim]?.gasWei = order.share.part(of: cost)
    }

    private mutating func scanned(
        _ logs: [RPCLog], _ scan: WatchPlan.Scan, _ scanned: [Int64], _ now: UInt64
    ) -> [WatchOutcome] {
        var outcomes: [WatchOutcome] = []
        var found: Set<Int64> = []
        let findings = EvidenceJudge.findings(in: logs) { key in
            claims[key].flatMap { entries[$0]?.order.transfer }
        }
        for (key, finding) in findings {
            guard let claim = claims[key] else { continue }
            found.insert(claim)
            outcomes += note(finding, of: claim, now: now)
        }
        for claim in scanned where open.contains(claim) {
            guard let entry = entries[claim] else { continue }
            if !found.contains(claim) && scan.from <= entry.scanFrom {
                outcomes += foundNothing(entry, now)
            }
            if case .seen(let place)? = entries[claim]?.phase {
                entries[claim]?.scanFrom = place.block
            } else {
                entries[claim]?.scanFrom = scan.to + 1
            }
        }
        return outcomes
    }

    /// Every block that was left to scan for it was scanned.
    private mutating func foundNothing(_ entry: Entry, _ now: UInt64) -> [WatchOutcome] {
        let claim = entry.order.claim
        switch entry.phase {
        case .rechecked: return lose(claim, now: now)
        case .seen: entries[claim]?.phase = .awaited
        case .awaited, .settled: break
        }
        guard let sender = entry.order.sender, let count = counts[sender.relayer] else { return [] }
        let minedUnseen = count > sender.nonce ? entry.minedUnseen + 1 : 0
        entries[claim]?.minedUnseen = minedUnseen
        // Its receipt tells more, from a node that is up to date.
        if (1...Self.looksForMined).contains(minedUnseen) { entries[claim]?.nextLookAt = now }
        return []
    }

    private mutating func looked(_ answer: WatchLookAnswer, _ claim: Int64, _ now: UInt64) -> [WatchOutcome] {
        guard let entry = entries[claim], open.contains(claim) else { return [] }
        let said = Self.statement(answer, entry.order)
        entries[claim]?.reverted = said.reverted
        for receipt in answer.receipts where entry.order.hashes.contains(receipt.transactionHash) {
            noteCost(receipt, of: claim)
        }
        if let finding = said.finding {
            return note(finding, of: claim, now: now)
        }
        entries[claim]?.unclear = nil
        entries[claim]?.adverse = nil
        if case .rechecked = entry.phase { return lose(claim, now: now) }
        return []
    }

    /// What one node's answer to a look says: the best it found, and the block of an own transaction that did not settle it: it was
    /// reverted, or this claim's call failed in it.
    private static func statement(
        _ answer: WatchLookAnswer, _ order: WatchOrder
    ) -> (finding: ChainFinding?, reverted: ChainPlace?) {
        var finding: ChainFinding?
        var reverted: ChainPlace?
        var explained: Set<Bytes32> = []
        for receipt in answer.receipts {
            explained.insert(receipt.transactionHash)
            if let found = EvidenceJudge.finding(in: receipt, for: order.transfer) {
                if case .settled = found { return (found, nil) }
                finding = found
            } else if order.hashes.contains(receipt.transactionHash), !receipt.succeeded || order.sender != nil {
                // Of a facilitator's word for a hash only a revert says something: it may be another transaction's.
                reverted = ChainPlace(
                    transaction: receipt.transactionHash, block: receipt.blockNumber, blockHash: receipt.blockHash)
            }
        }
        for (_, found) in EvidenceJudge.findings(
            in: answer.logs, awaited: { $0 == order.transfer.key ? order.transfer : nil })
        where !explained.contains(found.place.transaction) {
            finding = finding ?? found
        }
        return (finding, reverted)
    }

    // MARK: Finality

    private mutating func settle(
        anchors: [UInt64], _ blocks: [UInt64: RPCBlock], _ now: UInt64
    ) -> [WatchOutcome] {
        guard let finalized else { return [] }
        var outcomes: [WatchOutcome] = []
        for number in anchors where number <= finalized.number {
            guard let block = blocks[number], let settled = settledIn[number] else { continue }
            var isTakenBack = false
            for claim in settled {
                guard case .settled(let place) = entries[claim]?.phase else { continue }
                if place.blockHash == block.hash {
                    remove(claim)
                    outcomes.append(.final(claim: claim))
                } else {
                    isTakenBack = true
                }
            }
            if isTakenBack { takeBack(above: number - 1, now: now) }
        }
        return outcomes
    }

    /// What every node said to an audit: nil where one did not answer, or has not the block that it was asked about.
    public mutating func audited(
        _ audit: WatchAudit, _ answers: [WatchLookAnswer?], now: UInt64
    ) -> [WatchOutcome] {
        let claim = audit.look.claim
        guard let entry = entries[claim], open.contains(claim), case .awaited = entry.phase else { return [] }
        let statements = answers.compactMap { $0.map { Self.statement($0, entry.order) } }
        for said in statements {
            if case .settled? = said.finding { return note(said.finding!, of: claim, now: now) }
            if case .unclear? = said.finding { return note(said.finding!, of: claim, now: now) }
        }
        let agree = statements.allSatisfy { said in
            switch audit.reason {
            case .reverted: said.reverted != nil
            case .windowOver: said.finding == nil
            case .canceled: if case .canceled? = said.finding { true } else { false }
            case .usedElsewhere: if case .usedElsewhere? = said.finding { true } else { false }
            }
        }
        guard agree, !statements.isEmpty else { return [] }
        return refuse(entry, audit.reason)
    }

    mutating func refuse(_ entry: Entry, _ reason: WatchRefusal) -> [WatchOutcome] {
        let claim = entry.order.claim
        var outcomes: [WatchOutcome] = []
        if entry.order.standing != .refused {
            outcomes.append(.refused(claim: claim, reason, gasWei: entry.gasWei))
        }
        if reason == .reverted {
            // Nothing is final yet: another may use the authorization until its window is over.
            entries[claim]?.order.standing = .refused
            entries[claim]?.order.deadline = nil
            entries[claim]?.scanUntil = 0
            return outcomes
        }
        remove(claim)
        return outcomes + [.final(claim: claim)]
    }
}
