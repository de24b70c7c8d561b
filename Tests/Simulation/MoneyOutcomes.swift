import Chains
import OnChain

@testable import Ledger

/// What watching comes to, in the ledger's words.
extension MoneyDriver {
    func watched(_ outcomes: [WatchOutcome]) {
        for outcome in outcomes {
            switch outcome {
            case .settled(let row, let place, let gasWei):
                over(row)
                tell(
                    row, .settled(transaction: place.transaction.hex, block: place.block, gasWei: gasWei),
                    transaction: place.transaction.hex)
            case .refused(let row, let refusal, let gasWei):
                over(row)
                world.note("refused \(refusal)")
                tell(row, .refused(code: "\(refusal)", gasWei: gasWei), transaction: sentTransaction(row))
            case .unknown(let row):
                let transaction = sentTransaction(row)
                world.note("unknown")
                tell(row, .unknown(transaction: transaction.isEmpty ? nil : transaction), transaction: transaction)
            case .reorganized(let row):
                world.note("reorganized")
                tell(row, .reorganized, transaction: "")
            case .final(let row):
                over(row)
                tell(row, .final, transaction: "")
                names[row] = nil
            }
        }
    }

    /// Its transaction, if it is in no block yet, only holds up the others.
    func over(_ row: Int64) {
        for relayer in relayers { _ = relayer.queue.on(.over(claim: row), now: now) }
    }

    private func sentTransaction(_ row: Int64) -> String { settling[row]?.transaction ?? "" }

    private func tell(_ row: Int64, _ evidence: Evidence, transaction: String) {
        guard let id = names[row] else { return }
        let reply = settling.removeValue(forKey: row)?.reply
        world.say("the chain says of claim \(row): \(evidence)")
        tell(id, evidence) { outcome in reply?(Settlement(outcome, transaction: transaction)) }
    }
}

extension Settlement {
    /// What an exchange is told of evidence.
    init(_ outcome: EvidenceOutcome, transaction: String) {
        self =
            switch outcome {
            case .settlement(let settlement): settlement
            case .recorded, .refused: .pending(transaction: transaction)
            case .unavailable(let reason): .unavailable(reason: reason)
            }
    }
}

extension SentTransaction {
    init(_ transaction: RelayTransaction, relayer: Address, headBlock: UInt64) {
        self.init(
            hash: transaction.hash, relayer: relayer.bytes, nonce: transaction.nonce, to: transaction.to.bytes,
            call: transaction.call, gasLimit: transaction.gasLimit, maxFeeWei: transaction.fees.maxFeeWei,
            priorityFeeWei: transaction.fees.priorityFeeWei, raw: transaction.raw, headBlock: headBlock)
    }
}

extension RelayTransaction {
    init(_ sent: SentTransaction, claims: [Int64]) {
        self.init(
            claims: claims, nonce: sent.nonce, to: Address(sent.to), call: sent.call, gasLimit: sent.gasLimit,
            fees: Fees(maxFeeWei: sent.maxFeeWei, priorityFeeWei: sent.priorityFeeWei), hash: sent.hash, raw: sent.raw)
    }
}
