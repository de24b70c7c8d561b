import ArgumentParser
import Gateway

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads the config and prints every error, or the routes with their prices.",
        discussion: "Exit codes: 0 the config is good (there may be warnings), 2 it has errors.")

    @Flag(help: "Asks the MCP servers for their tools, and says which are on no menu, and which no server has.")
    var live =
        false
    @OptionGroup var config: ConfigOptions

    func run() throws {
        let loader = config.loader(for: .check)
        try (live ? LiveCheck.run(loader, now: wallSeconds()) : ConfigReport.check(loader, now: wallSeconds())).show()
    }
}

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says which route a request reaches, why, and what it costs.",
        discussion: "Nothing is sent. Example: farebox explain GET https://api.example.com/v1/reports/7")

    @Argument(help: "GET, POST, …") var method: String
    @Argument(help: "As a caller would write it, host included.") var url: String
    @Option(help: ArgumentHelp("The tool that a POST to an MCP server calls.", valueName: "name")) var tool: String?
    @OptionGroup var config: ConfigOptions

    func run() throws {
        try ConfigReport.explain(config.loader(for: .check), method: method, url: url, tool: tool, now: wallSeconds())
            .show()
    }
}

extension ConfigReport {
    /// Prints the report and ends with its code; a config error is 2, as it is for `run`.
    func show() throws {
        printError(diagnostics)
        print(output, terminator: "")
        if exitCode != 0 { throw exitCode == 1 ? Exit.configError : ExitCode(exitCode) }
    }
}
