/// `farebox assertion rotate`: a new key for assertions, in the file beside the ledger.
public enum AssertionRotate {
    /// The exit code is 0 where a new key is in place, 1 where it is not, 2 where the config has errors.
    public static func run(_ loader: ConfigLoader, now: Int64) -> ConfigReport {
        switch loader.load(now: now) {
        case .failure(let errors):
            let text = errors.problems.map { "error: \($0)\n" }.joined()
            return ConfigReport(exitCode: 2, output: "", diagnostics: text)
        case .success(let revision): return rotate(revision.settings)
        }
    }

    private static func rotate(_ settings: Settings) -> ConfigReport {
        guard !settings.isAssertionConfigured else {
            let text =
                "farebox: the keys stand in the config (assertion.key); put the new one first in the list, reload, and drop the "
                + "old one five minutes later\n"
            return ConfigReport(exitCode: 1, output: "", diagnostics: text)
        }
        let file = AssertionKeyFile(ledgerPath: settings.ledgerPath)
        do throws(FileFault) {
            let (new, former) = try file.rotate()
            let text = """
                \(new.id) signs from the next reload on: systemctl reload farebox, or kill -HUP
                \(former.id) stays published until its tokens are over

                """
            return ConfigReport(exitCode: 0, output: text, diagnostics: "")
        } catch {
            return ConfigReport(exitCode: 1, output: "", diagnostics: "farebox: \(file.path): \(error.reason)\n")
        }
    }
}
