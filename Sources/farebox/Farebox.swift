import ArgumentParser

@main
struct Farebox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "farebox",
        abstract: "Puts a price on an HTTP API, without touching its code.",
        discussion: """
            Farebox stands in front of an API as a reverse proxy and asks for x402 payments on the routes that have a \
            price. Start with "farebox check", then "farebox run".

            Exit codes: 0 done, 1 failed, 2 the config has errors, 64 wrong usage; "farebox pay" has more of them.
            """,
        version: "farebox 0.1.0",
        subcommands: [
            RunCommand.self, CheckCommand.self, ExplainCommand.self, PayCommand.self, LedgerCommand.self,
            WalletCommand.self, ReviewCommand.self, AssertionCommand.self,
        ])
}
