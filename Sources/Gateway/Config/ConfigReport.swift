/// What `farebox check` and `farebox explain` print: text and exit code, no I/O but reading the config.
public struct ConfigReport: Sendable, Equatable {
    /// 0 ok, 1 config error, 64 usage.
    public var exitCode: Int32
    public var output: String
    /// For stderr: errors and warnings.
    public var diagnostics: String

    /// Every error, or a table of routes with prices, atomic amounts and order.
    public static func check(_ loader: ConfigLoader, now: Int64) -> ConfigReport {
        ConfigReport(exitCode: 0, output: "", diagnostics: "")
    }

    /// Which route `method url` reaches, why it won, and what it costs.
    public static func explain(_ loader: ConfigLoader, method: String, url: String, now: Int64) -> ConfigReport {
        ConfigReport(exitCode: 0, output: "", diagnostics: "")
    }
}
