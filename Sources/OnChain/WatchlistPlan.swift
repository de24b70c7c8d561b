import Bytes
import Chains

extension Watchlist {
    static let anchorsAtOnce = 32
    static let auditsAtOnce = 8
    /// Own transactions whose receipts are asked for in one tick.
    static let receiptsAtOnce = 64
    static let auditMilliseconds: UInt64 = 30_000

    /// What is to be asked first.
    public func probe(now: UInt64) -> WatchProbe {
        var probe = WatchProbe()
        if heads.isLost {
            probe.blocks = heads.history
            return probe
        }
        probe.check = heads.head?.number
        probe.wantsFinalized = now >= nextFinalityAt && !entries.isEmpty
        if let finalized {
            probe.blocks = Array(settledIn.keys.filter { $0 <= finalized.number }.sorted().prefix(Self.anchorsAtOnce))
        }
        return probe
    }

    /// What is to be asked next, now that the newest block is known.
    public mutating func plan(now: UInt64) -> WatchPlan {
        var plan = WatchPlan()
        guard let head = heads.head, !heads.isLost else { return plan }
        planScan(&plan, head, now)
        planLooks(&plan, head, now)
        planReceipts(&plan)
        return plan
    }

    /// A batch's receipt is asked for once for all its claims.
    private func planReceipts(_ plan: inout WatchPlan) {
        var wanted: Set<Bytes32> = []
        for claim in open {
            guard let order = entries[claim]?.order, let sender = order.sender, order.standing == .open,
                entries[claim]!.receiptAsks < Self.receiptsAtMost, counts[sender.relayer] ?? 0 > sender.nonce,
                wanted.count < Self.receiptsAtOnce || order.hashes.allSatisfy({ wanted.contains($0) })
            else { continue }
            wanted.formUnion(order.hashes)
            plan.mined.append(claim)
        }
        plan.receipts = Array(wanted)
    }

    private mutating func planScan(_ plan: inout WatchPlan, _ head: RPCBlock, _ now: UInt64) {
        let floor = head.number > Self.scanBlocks ? head.number - Self.scanBlocks : 0
        var from = UInt64.max
        var tokens: Set<Address> = []
        var payers: Set<Address> = []
        for claim in open {
            guard let entry = entries[claim], isScanned(entry, now), entry.scanFrom <= head.number else { continue }
            if entry.scanFrom < floor {
                entries[claim]?.scanFrom = floor
                entries[claim]?.nextLookAt = min(entry.nextLookAt, now)
            }
            from = min(from, max(entry.scanFrom, floor))
            tokens.insert(entry.order.transfer.key.token)
            payers.insert(entry.order.transfer.key.authorizer)
            plan.scanned.append(claim)
        }
        guard !plan.scanned.isEmpty else { return }
        plan.scan = WatchPlan.Scan(from: from, to: head.number, tokens: Array(tokens), payers: Array(payers))
    }

    private func isScanned(_ entry: Entry, _ now: UInt64) -> Bool {
        if entry.scanUntil > now { return true }
        if case .seen = entry.phase { return true }
        return false
    }

    private mutating func planLooks(_ plan: inout WatchPlan, _ head: RPCBlock, _ now: UInt64) {
        for claim in open {
            guard var entry = entries[claim] else { continue }
            if case .seen = entry.phase { continue }
            if plan.audits.count < Self.auditsAtOnce, let audit = audit(entry, head, now) {
                plan.audits.append(audit)
                entry.nextAuditAt = now + Self.auditMilliseconds
                entries[claim] = entry
            } else if plan.looks.count < Self.looksAtOnce, entry.nextLookAt <= now {
                plan.looks.append(look(entry, to: head.number))
                entry.nextLookAt = now + Self.pause(after: entry.looks)
                entry.looks += 1
                entries[claim] = entry
            }
        }
    }

    /// 15 s, three times; then twice as long each time, up to ten minutes.
    private static func pause(after looks: Int) -> UInt64 {
        min(lookMilliseconds << UInt64(max(0, min(looks - 2, 10))), slowestLookMilliseconds)
    }

    private func look(_ entry: Entry, to last: UInt64) -> WatchLook {
        var receipts = entry.order.hashes
        if let unclear = entry.unclear, !receipts.contains(unclear) { receipts.append(unclear) }
        if let adverse = entry.adverse?.place.transaction, !receipts.contains(adverse) { receipts.append(adverse) }
        let first = min(entry.order.sinceBlock, last)
        return WatchLook(
            claim: entry.order.claim, key: entry.order.transfer.key, from: first - min(first, Self.reorganizedBlocks),
            to: last, receipts: receipts)
    }

    /// Where a refusal is at hand, the look that every node has to agree to.
    private func audit(_ entry: Entry, _ head: RPCBlock, _ now: UInt64) -> WatchAudit? {
        guard case .awaited = entry.phase, now >= entry.nextAuditAt else { return nil }
        if let finalized {
            let anchor = ChainAnchor(number: finalized.number, hash: finalized.hash)
            if let adverse = entry.adverse, adverse.place.block <= finalized.number {
                var reason = WatchRefusal.usedElsewhere
                if case .canceled = adverse { reason = .canceled }
                return WatchAudit(look: look(entry, to: finalized.number), anchor: anchor, reason: reason)
            }
            if finalized.timestamp >= entry.order.transfer.validBefore, finalized.number >= entry.order.sinceBlock {
                return WatchAudit(look: look(entry, to: finalized.number), anchor: anchor, reason: .windowOver)
            }
        }
        if let reverted = entry.reverted, entry.order.standing == .open,
            heads.confirmations(of: reverted.block) >= entry.order.confirmations
        {
            return WatchAudit(
                look: look(entry, to: head.number), anchor: ChainAnchor(number: head.number, hash: head.hash),
                reason: .reverted)
        }
        return nil
    }
}
