/// Who verifies and settles a payment.
public enum Facilitator: Sendable, Hashable {
    /// Inside the ledger: signatures, nonces and balances are real, money is not.
    case sandbox
    /// This gateway itself, with its own relayer; `self` in the configuration.
    case chain
    /// A service that speaks the facilitator's HTTP API, by its name in the configuration.
    case remote(String)
}
