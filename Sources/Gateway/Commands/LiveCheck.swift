import EventLoop

/// `farebox check --live`: the config, and what the servers behind its menus say of their tools. No tool is called.
public enum LiveCheck {
    /// The exit code is that of `check`: what does not fit is a warning.
    public static func run(_ loader: ConfigLoader, now: Int64) -> ConfigReport {
        switch loader.load(now: now) {
        case .failure(let errors): return ConfigReport.failed(errors)
        case .success(let revision):
            do throws(SystemFault) {
                let findings = try ToolSurveyRound.findings(in: revision, resolver: Resolver())
                let warnings = revision.warnings + ToolSurveyText.warnings(findings, revision)
                let nothing = findings.isEmpty ? "\nno route has mcp, so no server was asked for its tools\n" : ""
                return ConfigReport(
                    exitCode: ConfigReport.okCode,
                    output: CheckTable.text(revision) + ToolSurveyText.tables(findings, revision) + nothing,
                    diagnostics: warnings.map { "warning: \($0)\n" }.joined())
            } catch {
                return ConfigReport(
                    exitCode: ConfigReport.configErrorCode, output: "", diagnostics: "farebox: \(error)\n")
            }
        }
    }
}
