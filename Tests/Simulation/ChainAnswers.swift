import Bytes
import Chains
import OnChain

/// What a node says that has seen so many of the chain's blocks.
extension SimulatedChain {
    func answer(_ probe: WatchProbe, seen: Int, relayers: [Address]) -> WatchProbeAnswers {
        var answers = WatchProbeAnswers()
        let last = blocks[seen - 1]
        answers.latest = last.block
        for relayer in relayers { answers.counts[relayer] = last.counts[relayer] ?? 0 }
        for number in (probe.check.map { [$0] } ?? []) + probe.blocks {
            if let block = block(number, seen: seen) { answers.blocks[number] = block.block }
        }
        if probe.wantsFinalized { answers.finalized = blocks[max(0, seen - 1 - Self.finalDepth)].block }
        return answers
    }

    /// The first block has the number 1.
    private func block(_ number: UInt64, seen: Int) -> Block? {
        number >= 1 && number <= UInt64(seen) ? blocks[Int(number) - 1] : nil
    }

    private func blocks(_ from: UInt64, _ to: UInt64, seen: Int) -> ArraySlice<Block> {
        let first = Int(max(1, from)) - 1
        let end = min(Int(to), seen)
        return first < end ? blocks[first..<end] : []
    }

    private func receipt(_ hash: Bytes32, seen: Int) -> RPCReceipt? {
        // Newest first: what is asked for was mined lately.
        for block in blocks.prefix(seen).reversed() {
            if let receipt = block.receipts[hash] { return receipt }
        }
        return nil
    }

    func answer(_ plan: WatchPlan, seen: Int, answersScan: Bool) -> WatchAnswers {
        var answers = WatchAnswers()
        if let scan = plan.scan, answersScan {
            let payers = Set(scan.payers.map(EvidenceJudge.topic))
            answers.logs = blocks(scan.from, scan.to, seen: seen).flatMap { block in
                block.logs.filter { payers.contains($0.topics[1]) }
            }
        }
        for look in plan.looks { answers.looks[look.claim] = answer(look, seen: seen) }
        for hash in plan.receipts { answers.receipts[hash] = receipt(hash, seen: seen) }
        return answers
    }

    private func answer(_ look: WatchLook, seen: Int) -> WatchLookAnswer {
        WatchLookAnswer(
            logs: blocks(look.from, look.to, seen: seen).flatMap { block in
                block.logs.filter { $0.topics[0] != EvidenceJudge.transfer && $0.topics[2] == look.key.nonce }
            },
            receipts: look.receipts.compactMap { receipt($0, seen: seen) })
    }

    func answer(_ audit: WatchAudit, seen: Int) -> WatchLookAnswer? {
        guard let block = block(audit.anchor.number, seen: seen), block.block.hash == audit.anchor.hash else {
            return nil
        }
        return answer(audit.look, seen: seen)
    }
}
