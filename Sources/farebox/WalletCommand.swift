import ArgumentParser
import Gateway

struct WalletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wallet",
        abstract: "Shows whether this gateway can settle payments itself.",
        subcommands: [WalletCheckCommand.self])
}

struct WalletCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "What the relayer holds and waits for, what a settlement costs, and whether tokens and payees are sound.",
        discussion: """
            Asks the nodes of every network that a payment with "facilitator: self" is made on, and sends nothing. Exit codes: \
            0 all is well, 1 there is a problem, 2 the config has errors.
            """)

    @OptionGroup var config: ConfigOptions
    @Flag(help: "One JSON object, amounts in wei.") var json = false

    func run() throws {
        let report = WalletCheck.run(config.loader(for: .check), json: json, now: wallSeconds())
        printError(report.diagnostics)
        print(report.output, terminator: "")
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}
