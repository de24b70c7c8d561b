import ArgumentParser
import Gateway
import Glibc

/// Where the config is, for every command that reads it.
struct ConfigOptions: ParsableArguments {
    @Option(name: .customLong("config"), help: ArgumentHelp("The directory of *.yaml files.", valueName: "dir"))
    var directory = "gateway.conf.d"

    func loader(for purpose: ConfigLoader.Purpose) -> ConfigLoader {
        ConfigLoader(directory: directory, purpose: purpose) { name in getenv(name).map { String(cString: $0) } }
    }
}

/// Exit codes that scripts rely on, beside those of `farebox pay`.
enum Exit {
    static let failed = ExitCode(1)
    static let configError = ExitCode(2)
}

/// Unix seconds.
func wallSeconds() -> Int64 { Int64(time(nil)) }

func printError(_ text: String) {
    if text.isEmpty { return }
    let line = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
