/// Reads `DIR/*.yaml` in name order into one `Revision`, or says everything that is wrong with it.
public struct ConfigLoader: Sendable {
    public enum Purpose: Sendable {
        /// A secret that is missing here is a warning.
        case check
        /// A secret that is missing here is an error.
        case run
    }

    public var directory: String
    public var purpose: Purpose
    /// Reads one environment variable; nil where it is not set.
    public var environment: @Sendable (String) -> String?

    public init(directory: String, purpose: Purpose, environment: (@Sendable (String) -> String?)? = nil) {
        self.directory = directory
        self.purpose = purpose
        self.environment = environment ?? { _ in nil }
    }

    /// - Parameters:
    ///   - number: the number that the revision gets.
    ///   - now: Unix seconds.
    ///   - former: the running revision; its terms stay honoured for their `maxTimeoutSeconds`, and what cannot change
    ///     live keeps its value.
    public func load(number: Int = 1, now: Int64, former: Revision? = nil) -> Result<Revision, ConfigErrors> {
        .failure(ConfigErrors(problems: [], warnings: []))
    }
}
