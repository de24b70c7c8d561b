import ArgumentParser
import Gateway
import Ledger

struct LedgerVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Whether the ledger is as it was written: finds what was changed, is missing, out of order or cut off.",
        discussion: """
            Every commit is an entry of a journal that holds the hash of the entry before it; every row has to be as the \
            journal says. Whoever can write the file can write a new journal too: the gateway logs its head every minute and \
            when it stops ("ledger head SEQUENCE:HASH"), and with --head nothing up to there can have been changed unnoticed. \
            Exit codes: 0 all is well, 1 it is not.
            """)

    @OptionGroup var ledger: LedgerOptions
    @Option(help: ArgumentHelp("A head from the gateway's log.", valueName: "sequence:hash")) var head: JournalHead?

    func run() throws {
        do throws(LedgerFault) {
            let result = try LedgerReader(path: try ledger.existingPath()).verify(expecting: head)
            for finding in result.findings { print(finding) }
            if result.findingsCount > result.findings.count {
                print("and \(result.findingsCount - result.findings.count) more")
            }
            if result.isSound {
                print(
                    "OK: \(result.entries) entries and \(result.rows) rows are as they were written\nhead \(result.head)"
                )
                return
            }
        } catch {
            printError("farebox: \(error)")
        }
        throw Exit.failed
    }
}

struct LedgerAcceptLossCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-loss",
        abstract:
            "Takes a ledger as it is, after its files were cut off, damaged or changed; the gateway must not be running.",
        discussion: """
            A gateway does not start with a ledger whose files are not as it left them. Restoring a copy of all its files (the \
            database, -wal and -seal) is better, if it is the newest. Without one: what was written and is not there is \
            forgotten for good, so that whoever paid then may be served again, or charged again; on a chain "farebox ledger \
            audit" names such payments. Prints what is not as the journal says. Exit codes: 0 taken, 1 it cannot be.
            """)

    @OptionGroup var ledger: LedgerOptions

    func run() throws {
        do throws(LedgerFault) {
            let path = try ledger.existingPath()
            let found = try LedgerRepair.acceptLoss(path: path, now: wallSeconds())
            for finding in found.findings { print(finding) }
            if found.findingsCount > found.findings.count {
                print("and \(found.findingsCount - found.findings.count) more")
            }
            print("taken as it is, up to entry \(found.head)")
        } catch {
            printError("farebox: \(error)")
            throw Exit.failed
        }
    }
}

struct LedgerExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Every claim as a line for other books, the oldest first.",
        discussion: """
            Amounts are in atomic units of the asset, gas is in wei. The outcomes "delivered" and "owed" were paid. Times are \
            UTC: 2026-11-21 or 2026-11-21T08:30:00Z.
            """)

    @OptionGroup var ledger: LedgerOptions
    @Flag(help: "Comma-separated values (RFC 4180), the default.") var csv = false
    @Flag(help: "One JSON object a line.") var json = false
    @Option(help: ArgumentHelp("Only claims made at this time or later.", valueName: "time")) var since: String?
    @Option(help: ArgumentHelp("Only claims made before this time.", valueName: "time")) var until: String?

    func validate() throws {
        if csv && json { throw ValidationError("one of --csv and --json") }
        for text in [since, until].compactMap(\.self) where ExportTime.seconds(text) == nil {
            throw ValidationError("\"\(text)\" is no time: 2026-11-21 or 2026-11-21T08:30:00Z")
        }
    }

    func run() throws {
        let format: LedgerExport.Format = json ? .json : .csv
        do throws(LedgerFault) {
            let reader = try LedgerReader(path: try ledger.existingPath())
            print(LedgerExport.heading(format), terminator: "")
            try reader.forEach(
                since: since.flatMap(ExportTime.seconds) ?? .min, until: until.flatMap(ExportTime.seconds) ?? .max
            ) { print(LedgerExport.line($0, format), terminator: "") }
        } catch {
            printError("farebox: \(error)")
            throw Exit.failed
        }
    }
}

struct LedgerAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Compares the ledger with the payments that its chains show, and names every difference.",
        discussion: """
            Asks the nodes of every network with an rpc for the transfers to the payees of the config and of the ledger. Exit \
            codes: 0 both agree, 1 they differ or could not be read, 2 the config has errors.
            """)

    @OptionGroup var ledger: LedgerOptions
    @Option(
        help: ArgumentHelp(
            "The first block to compare, in place of the oldest that the ledger names.", valueName: "block"))
    var fromBlock: UInt64?

    func run() throws {
        let report = LedgerAuditRun.run(
            ledger.config.loader(for: .check), ledger: ledger.file, firstBlock: fromBlock, now: wallSeconds())
        printError(report.diagnostics)
        print(report.output, terminator: "")
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}

extension JournalHead: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
