import Bytes
import Chains

extension RelayerQueue {
    /// What the chain counts: the nonces below are used, by whomever.
    mutating func counted(_ count: UInt64, _ pending: UInt64?, _ now: UInt64) -> [QueueAction] {
        if let pending { pooled = pending }
        let before = latest
        latest = count
        if before != count { frontSince = now }
        let first = before == nil
        if first { floor = entries.isEmpty ? count : min(floor, count) }
        next = max(next, count, min(pending ?? 0, Self.reach(of: count)))
        gaps = gaps.filter { $0.key >= count }
        if let before, count < before { broadcastAgain(from: count, to: before, now) }
        if count < floor {
            // What stood there may be a payment: it is not filled before the ledger has been asked.
            if asksForRows { return [] }
            asksForRows = true
            return [.restore]
        }
        forgetMined(below: count)
        noteGaps(now)
        pledge(from: count)
        return []
    }

    /// Nonces that are not used yet, as far as we may have given them out: a node may count whatever it likes.
    private var inSight: Range<UInt64> {
        guard let latest, latest < next else { return 0..<0 }
        return latest..<min(next, Self.reach(of: latest))
    }

    private static func reach(of count: UInt64) -> UInt64 { count > .max - remembered ? .max : count + remembered }

    /// What no transaction of ours holds is not in flight: where a block that held one was taken back, or a pool dropped it, nobody
    /// sends it again once its claims are at rest.
    private mutating func noteGaps(_ now: UInt64) {
        for nonce in inSight where entries[nonce] == nil && gaps[nonce] == nil {
            gaps[nonce] = Gap(since: now, mayBeReused: false)
        }
    }

    /// Adds up what is in flight: of each nonce one version is mined.
    private mutating func pledge(from count: UInt64) {
        pledgedWei = 0
        for (nonce, entry) in entries where nonce >= count {
            let dearest = entry.versions.lazy.map(\.transaction.mostWei).max() ?? 0
            pledgedWei = pledgedWei.addingSaturated(dearest)
        }
    }

    /// Blocks were taken back: what was in them is in flight again.
    private mutating func broadcastAgain(from: UInt64, to: UInt64, _ now: UInt64) {
        for nonce in entries.keys where nonce >= from && nonce < to { entries[nonce]?.nextBroadcastAt = now }
    }

    private mutating func forgetMined(below count: UInt64) {
        guard count > Self.remembered, count - Self.remembered > floor else { return }
        let lowest = count - Self.remembered
        for nonce in entries.keys where nonce < lowest { forget(nonce) }
        floor = lowest
    }

    /// Rows of the ledger, in any order; what is remembered of the same nonce counts more.
    mutating func restore(_ rows: [RelayTransaction], _ now: UInt64) {
        asksForRows = false
        for row in rows where nonces[row.hash] == nil {
            // A transfer to itself that stands with a claim took the place of its call.
            let job =
                row.to == address
                ? nil
                : row.claims.isEmpty
                    ? nil : RelayJob(claims: row.claims, to: row.to, call: row.call, gasLimit: row.gasLimit)
            var entry = entries[row.nonce] ?? Entry(job: nil, versionAt: now)
            if entry.job == nil { entry.job = job }
            entry.versions.append(Version(transaction: row, isDurable: true))
            entry.versions.sort { $0.transaction.fees.maxFeeWei < $1.transaction.fees.maxFeeWei }
            entry.nextBroadcastAt = now
            entries[row.nonce] = entry
            nonces[row.hash] = row.nonce
            for claim in row.claims { nonceOfClaim[claim] = row.nonce }
            gaps[row.nonce] = nil
            next = max(next, row.nonce + 1)
        }
        floor = min(floor, latest ?? .max, entries.keys.min() ?? .max)
        noteGaps(now)
        frontSince = now
    }

    /// Broadcasts again what a node may not have, replaces what is stuck, fills what holds up the others.
    mutating func turn(_ now: UInt64) -> [QueueAction] {
        guard let latest, latest < next, !asksForRows else { return [] }
        var actions: [QueueAction] = []
        let last = entries.keys.max() ?? latest
        for nonce in inSight {
            if actions.count >= Self.atOnce { break }
            guard let entry = entries[nonce] else {
                // What is in nobody's way may stay.
                if nonce < last, let filling = filling(nonce, now) { actions.append(.sign(filling)) }
                continue
            }
            if let replacement = replacement(entry, nonce, isFront: nonce == latest, now) {
                actions.append(.sign(replacement))
            } else if entry.nextBroadcastAt <= now, let transaction = entry.current {
                entries[nonce]?.nextBroadcastAt = now + Self.againMilliseconds
                actions.append(.broadcast(transaction))
            }
        }
        return actions
    }

    /// A gap is ours to fill after a while; one that the node's pool had filled, with a transaction that is not ours, later.
    private mutating func filling(_ nonce: UInt64, _ now: UInt64) -> UnsignedTransaction? {
        guard let gap = gaps[nonce] else { return nil }
        let patience = nonce < pooled ? Self.stuckMilliseconds : Self.gapMilliseconds
        guard now >= gap.since + patience, let price, let fees = policy.fees(at: price) else { return nil }
        gaps[nonce] = nil
        entries[nonce] = Entry(job: nil, versionAt: now)
        return freeing(nonce, claims: [], fees)
    }

    /// The same nonce at higher fees, where the one in flight has waited long enough: the oldest, when nothing moves, and those
    /// close behind it that the base fee has left below.
    private func replacement(
        _ entry: Entry, _ nonce: UInt64, isFront: Bool, _ now: UInt64
    ) -> UnsignedTransaction? {
        guard let latest, let price, let current = entry.current, !entry.waitsForLedger else { return nil }
        let isPricedOut = entry.isUnderpriced || current.fees.maxFeeWei < price.baseFeeWei
        let patience = entry.isUnderpriced ? Self.gapMilliseconds : Self.stuckMilliseconds
        guard now >= entry.versionAt + patience,
            isFront ? isStuck(now: now) || entry.isUnderpriced : isPricedOut && nonce - latest < Self.behindStuck,
            let fees = policy.bumped(current.fees, at: price)
        else { return nil }
        guard let job = entry.job, !entry.isOver, current.to == job.to else {
            return freeing(nonce, claims: entry.job?.claims ?? [], fees)
        }
        return UnsignedTransaction(
            kind: .replacement, nonce: nonce, claims: job.claims, to: job.to, call: job.call, gasLimit: job.gasLimit,
            fees: fees)
    }

    private func freeing(_ nonce: UInt64, claims: [Int64], _ fees: Fees) -> UnsignedTransaction {
        // 21,000 is what a plain transfer takes (Yellow Paper, appendix G); some chains add the cost of its data to it.
        UnsignedTransaction(
            kind: .freeing, nonce: nonce, claims: claims, to: address, call: [], gasLimit: 60_000, fees: fees)
    }
}
