import ArgumentParser
import Gateway

struct AssertionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assertion",
        abstract: "The keys by which the gateway assures upstreams of what was paid.",
        subcommands: [AssertionRotateCommand.self])
}

struct AssertionRotateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Puts a new key in the place of the one beside the ledger.",
        discussion: """
            A running gateway takes it up at its next reload (SIGHUP), and goes on publishing the former one until the tokens \
            that it signed are over. Run it as the user that the gateway runs as. Exit codes: 0 done, 1 failed, 2 the config has \
            errors.
            """)

    @OptionGroup var config: ConfigOptions

    func run() throws {
        let report = AssertionRotate.run(config.loader(for: .check), now: wallSeconds())
        printError(report.diagnostics)
        print(report.output, terminator: "")
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}
