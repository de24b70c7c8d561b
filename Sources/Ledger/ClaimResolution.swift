/// What a person may say about a claim that waits for one.
public enum ClaimResolution: String, CaseIterable, Sendable {
    /// `owed` → `delivered`: the caller got it by other means.
    case delivered
    /// `unknown` → `owed`: the money came.
    case owed
    /// `unknown` → `failed`: it did not and will not.
    case failed
}

/// What became of a person's word.
public enum ResolveOutcome: Hashable, Sendable {
    case done
    case notFound
    /// The claim is in a state that this resolution does not fit.
    case refused(ClaimState)
    case unavailable(reason: String)
}
