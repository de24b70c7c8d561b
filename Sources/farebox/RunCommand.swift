import ArgumentParser
import Gateway

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serves until it is told to stop.",
        discussion: """
            SIGTERM and SIGINT drain: no new connections, exchanges under way are finished. SIGHUP loads the config again \
            and opens the access log anew; an edited file is loaded by itself.

            Exit codes: 0 drained, 1 could not start or exchanges were cut off, 2 the config has errors.
            """)

    @OptionGroup var config: ConfigOptions

    func run() throws {
        let code = Run(config.loader(for: .run)).run()
        if code != 0 { throw ExitCode(code) }
    }
}
