/// What was learned about a claim's money.
public enum Evidence: Hashable, Sendable {
    /// The authorization was used for us, at the confirmations asked for, or by the word of a trusted remote facilitator.
    /// `transaction` is the one on the chain, whoever sent it; `block` is nil where a remote does not say. `gasWei` is what our own
    /// transaction cost, of one that carries several its part; nil where nothing of ours was mined, or it is not known.
    case settled(transaction: String, block: UInt64?, gasWei: UInt128? = nil)
    /// It was not and will not be used for us; or a refusal before anything was sent. `gasWei` as above.
    case refused(code: String, gasWei: UInt128? = nil)
    /// The deadline passed without an answer. `transaction` is the one to name to the caller.
    case unknown(transaction: String?)
    /// The chain took back the block that settled the claim.
    case reorganized
    /// What the chain says of a paid or failed claim cannot change any more: it is watched no longer.
    case final
}

/// What became of evidence; durable when it is told.
public enum EvidenceOutcome: Sendable {
    /// An exchange works on the claim and is to be told this.
    case settlement(Settlement)
    /// The claim's state now; nobody waits for it.
    case recorded(ClaimState)
    /// Does not fit the claim, or there is no such claim: nothing changed.
    case refused
    /// The ledger could not write: what is on disk is not known, and nobody may be told anything.
    case unavailable(reason: String)
}
