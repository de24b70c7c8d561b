import ArgumentParser
import Chains
import Gateway
import Glibc
import Ledger

struct WalletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wallet",
        abstract: "Shows one payer's history and bounds; or whether this gateway can settle payments itself.",
        usage: "farebox wallet 0x… [--json]\nfarebox wallet check [--json]",
        subcommands: [WalletShowCommand.self, WalletCheckCommand.self], defaultSubcommand: WalletShowCommand.self)
}

struct WalletShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What a payer has paid, and what is left of its bounds by the config as it is in the files.",
        discussion: """
            Reads the ledger's file and disturbs no running gateway. Exit codes: 0 done, 1 the ledger cannot be read, 2 the \
            config has errors.
            """)

    @OptionGroup var ledger: LedgerOptions
    @Argument(help: ArgumentHelp("The payer's address.", valueName: "0x…")) var payer: PayerArgument
    @Flag(help: "One JSON object.") var json = false
    @Option(help: "At most so many of its newest claims.") var limit = 20

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit is 0 or more") }
    }

    func run() throws {
        let revision: Revision
        switch ledger.config.loader(for: .check).load(now: wallSeconds()) {
        case .success(let read): revision = read
        case .failure(let errors):
            printError("\(errors)")
            throw Exit.configError
        }
        let path = ledger.file ?? revision.settings.ledgerPath
        var report = WalletReport(payer: payer.address, policies: revision.policies)
        if access(path, F_OK) == 0 || errno != ENOENT {
            do throws(LedgerFault) {
                try report.read(LedgerReader(path: path), limit: limit, now: wallSeconds())
            } catch {
                printError("farebox: \(error)")
                throw Exit.failed
            }
        } else {
            printError("farebox: there is no ledger at \(path) yet; \"farebox run\" makes it")
        }
        print(json ? report.json : report.text, terminator: "")
    }
}

/// An address; one in mixed case has to have EIP-55's.
struct PayerArgument: ExpressibleByArgument {
    let address: Address

    init?(argument: String) {
        guard let (address, casing) = Address.parse(argument), casing != .wrongChecksum else { return nil }
        self.address = address
    }
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
