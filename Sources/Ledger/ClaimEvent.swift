/// What can happen to a claim.
public enum ClaimEvent: String, CaseIterable, Sendable {
    /// The same authorization comes again for the same binding.
    case presentedAgain
    /// The same authorization comes for another binding.
    case presentedForAnother
    /// A reviewer lets the payment through.
    case approved
    /// A reviewer does not.
    case denied
    /// The upstream is about to be asked.
    case forwarded
    /// A whole answer that is to be charged is held.
    case answerCharged
    /// The attempt ends with nothing to charge: upstream down, answer not chargeable, truncated or too long, nothing sent.
    case uncharged
    /// The authorization's window closed before anything was sent.
    case windowOver
    /// The signed transaction is about to be broadcast.
    case sent
    /// Evidence: the authorization was used for us, by whomever.
    case settled
    /// Evidence, or a refusal before anything was sent: it was not and will not be used for us.
    case settlementRefused
    /// The settlement's outcome did not come in time.
    case settlementUnknown
    /// The caller has the answer.
    case delivered
    /// The caller does not have what was paid for.
    case undelivered
    /// A new authorization of the same wallet and binding takes up what is owed.
    case redeemed
    /// The caller went away.
    case callerGone
    /// No exchange works on the claim any more: a crash, or an exchange that was dropped.
    case exchangeLost
    /// The chain took back the block with our transaction.
    case reorganized
    /// A person says what was owed has been delivered by other means.
    case resolvedDelivered
    /// A person says an unknown settlement went through.
    case resolvedOwed
    /// A person says an unknown settlement did not go through.
    case resolvedFailed
}

/// What has to be done once the new state is on disk, and never before.
public enum ClaimAction: String, CaseIterable, Sendable {
    /// Wait for the end of the exchange in flight, up to 30 s.
    case awaitEnd
    /// Answer `settlement_pending`.
    case answerPending
    /// Answer `invalid_exact_evm_nonce_already_used` with fresh terms.
    case refuseUsed
    case takeLease
    case endLease
    /// Count the amount in the wallet's bounds.
    case countBounds
    case giveBackBounds
    case askUpstream
    /// Have the money moved.
    case settle
    /// Send the signed transaction.
    case broadcast
    /// Send the very same bytes again.
    case broadcastAgain
    /// Watch the chain for evidence until the authorization's window is final.
    case watchChain
    /// Watch the settlement until it is final.
    case watchFinality
    /// Let the held answer go to the caller.
    case releaseAnswer
    /// Drop the held answer.
    case withholdAnswer
}

/// What the machine says to an event.
public enum ClaimOutcome: Hashable, Sendable {
    /// The new value, to be made durable before the actions.
    case moved(ClaimMachine, [ClaimAction])
    /// Nothing to write.
    case stayed([ClaimAction])
    /// The event cannot happen in this state; nothing changes.
    case refused
}
