import ArgumentParser
import Gateway
import Glibc
import Ledger

struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Shows what was paid, and what is owed.",
        discussion: "Reading disturbs no running gateway.",
        subcommands: [
            LedgerListCommand.self, LedgerOwedCommand.self, LedgerPendingCommand.self, LedgerResolveCommand.self,
            LedgerVerifyCommand.self, LedgerExportCommand.self, LedgerAuditCommand.self,
            LedgerAcceptLossCommand.self,
        ])
}

/// Which ledger a command means.
struct LedgerOptions: ParsableArguments {
    @OptionGroup var config: ConfigOptions

    @Option(
        name: .customLong("ledger"),
        help: ArgumentHelp("The ledger's file, in place of the one that the config names.", valueName: "file"))
    var file: String?

    func path() throws -> String {
        if let file { return file }
        switch config.loader(for: .check).load(now: wallSeconds()) {
        case .success(let revision): return revision.settings.ledgerPath
        case .failure(let errors):
            printError("\(errors)")
            throw Exit.configError
        }
    }

    /// The ledger's path, which the config has to name where it is not given.
    func existingPath() throws(LedgerFault) -> String {
        let path: String
        do {
            path = try self.path()
        } catch {
            throw LedgerFault(description: "the config names no ledger")
        }
        guard access(path, F_OK) == 0 else { throw LedgerFault(description: "there is no ledger at \(path)") }
        return path
    }

    /// What `read` finds; nothing, with a word on standard error, where no ledger has been made yet.
    func claims(_ read: (LedgerReader) throws(LedgerFault) -> [ClaimRecord]) throws -> [LedgerEntry] {
        let path = try path()
        guard access(path, F_OK) == 0 || errno != ENOENT else {
            printError("farebox: there is no ledger at \(path) yet; \"farebox run\" makes it")
            return []
        }
        do throws(LedgerFault) {
            let reader = try LedgerReader(path: path)
            var entries: [LedgerEntry] = []
            for claim in try read(reader) {
                let transactions = claim.facilitator == .chain ? try reader.transactions(of: claim.id) : []
                entries.append(LedgerEntry(claim, transactions: transactions))
            }
            return entries
        } catch {
            printError("farebox: \(error)")
            throw Exit.failed
        }
    }
}

struct LedgerPrinting: ParsableArguments {
    @Flag(help: "One JSON object a line, amounts in atomic units.") var json = false
    @Option(help: "At most so many claims.") var limit = 1000

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit is 1 or more") }
    }

    func show(_ claims: [LedgerEntry]) {
        print(json ? LedgerReport.lines(claims) : LedgerReport.table(claims), terminator: "")
        if claims.count == limit { printError("farebox: there may be more than \(limit); see --limit") }
    }
}

struct LedgerListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Every claim, the newest first.")

    @OptionGroup var ledger: LedgerOptions
    @OptionGroup var printing: LedgerPrinting

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp(
            "Only claims in this state (\(ClaimState.allCases.map(\.rawValue).joined(separator: ", "))); may be given several times."
        ))
    var states: [ClaimState] = []

    func run() throws {
        let filter = ClaimFilter(states: states.isEmpty ? nil : Set(states))
        printing.show(
            try ledger.claims { (reader) throws(LedgerFault) in try reader.list(filter, limit: printing.limit) })
    }
}

struct LedgerOwedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "owed",
        abstract: "Claims that were paid and not delivered, or whose payment is unknown, the oldest first.",
        discussion: """
            What is owed is delivered, uncharged, when the same wallet sends the same request again with a new payment. \
            What is left over is settled by hand: farebox ledger resolve.
            """)

    @OptionGroup var ledger: LedgerOptions
    @OptionGroup var printing: LedgerPrinting

    func run() throws {
        printing.show(try ledger.claims { (reader) throws(LedgerFault) in try reader.owed(limit: printing.limit) })
    }
}

struct LedgerPendingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pending",
        abstract:
            "Claims whose payment was sent and is not known to have come, the oldest first, with their transactions.",
        discussion: """
            The gateway watches the chain for them; whoever asks for one again is told to wait. A payment that no evidence can \
            come for is settled by hand: farebox ledger resolve.
            """)

    @OptionGroup var ledger: LedgerOptions
    @OptionGroup var printing: LedgerPrinting

    func run() throws {
        printing.show(try ledger.claims { (reader) throws(LedgerFault) in try reader.pending(limit: printing.limit) })
    }
}

struct LedgerResolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "A person's word on a claim; the gateway must not be running.",
        discussion: """
            delivered: an owed claim was honoured by other means. owed: an unknown payment has come after all. failed: an \
            unknown payment has not come and will not.
            """)

    @OptionGroup var ledger: LedgerOptions
    @Argument(help: "As \"farebox ledger owed\" names it: fb_…") var claim: String
    @Argument(help: "delivered, owed or failed.") var resolution: ClaimResolution

    func validate() throws {
        guard ClaimID(idempotencyKey: claim) != nil else { throw ValidationError("\"\(claim)\" is no claim's name") }
    }

    func run() throws {
        guard let id = ClaimID(idempotencyKey: claim) else { throw ExitCode.validationFailure }
        let outcome: ResolveOutcome
        do {
            outcome = try LedgerRepair.resolve(id, as: resolution, path: ledger.path(), now: wallSeconds())
        } catch let fault as LedgerFault {
            printError("farebox: \(fault)")
            throw Exit.failed
        }
        switch outcome {
        case .done: print("\(claim): \(resolution.rawValue)")
        case .notFound: try fail("this ledger has no claim \(claim)")
        case .refused(let state): try fail("\(claim) is \(state.rawValue), which cannot become \(resolution.rawValue)")
        case .unavailable(let reason): try fail(reason)
        }
    }

    private func fail(_ message: String) throws {
        printError("farebox: \(message)")
        throw Exit.failed
    }
}

extension ClaimState: ExpressibleByArgument {}
extension ClaimResolution: ExpressibleByArgument {}
