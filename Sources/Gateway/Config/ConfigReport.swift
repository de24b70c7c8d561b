/// What `farebox check` and `farebox explain` print: text and exit code, no I/O but reading the config.
public struct ConfigReport: Sendable, Equatable {
    public static let okCode: Int32 = 0
    public static let configErrorCode: Int32 = 1
    public static let usageCode: Int32 = 64

    public var exitCode: Int32
    /// For stdout.
    public var output: String
    /// For stderr: errors and warnings.
    public var diagnostics: String

    /// Every error, or a table of routes with prices, atomic amounts and order.
    public static func check(_ loader: ConfigLoader, now: Int64) -> ConfigReport {
        switch loader.load(now: now) {
        case .failure(let errors): failed(errors)
        case .success(let revision):
            ConfigReport(
                exitCode: okCode, output: CheckTable.text(revision),
                diagnostics: revision.warnings.map { "warning: \($0)\n" }.joined())
        }
    }

    /// Which route `method url` reaches, why it won, and what it costs.
    ///
    /// - Parameter tool: the tool that the request calls, for a route that has a menu of them.
    public static func explain(
        _ loader: ConfigLoader, method: String, url: String, tool: String? = nil, now: Int64
    ) -> ConfigReport {
        if tool != nil && method != "POST" {
            return ConfigReport(
                exitCode: usageCode, output: "", diagnostics: "error: tools are called by POST; write POST\n")
        }
        let request: ExplainedRequest
        switch ExplainedRequest.parse(method: method, url: url) {
        case .success(let parsed): request = parsed
        case .failure(let fault):
            return ConfigReport(exitCode: usageCode, output: "", diagnostics: "error: \(fault.reason)\n")
        }
        switch loader.load(now: now) {
        case .failure(let errors): return failed(errors)
        case .success(let revision):
            return ConfigReport(
                exitCode: okCode, output: Explanation(request, tool: tool, revision).text, diagnostics: "")
        }
    }

    static func failed(_ errors: ConfigErrors) -> ConfigReport {
        var text = errors.problems.map { "error: \($0)\n" }.joined()
        text += errors.warnings.map { "warning: \($0)\n" }.joined()
        let count = errors.problems.count
        return ConfigReport(
            exitCode: configErrorCode, output: "", diagnostics: text + "\(count) error\(count == 1 ? "" : "s")\n")
    }
}
