import ArgumentParser
import Gateway
import Ledger

struct ReviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "review",
        abstract: "Shows the requests that wait for a person, and decides on them.",
        discussion: """
            Nothing of them has run, and nothing was charged. list and show read the ledger's file; approve and reject ask the \
            running gateway, by its admin listener.
            """,
        subcommands: [
            ReviewListCommand.self, ReviewShowCommand.self, ReviewApproveCommand.self, ReviewRejectCommand.self,
        ])
}

/// One review by its name.
struct ReviewArgument: ParsableArguments {
    @Argument(help: "As \"farebox review list\" names it: fb_…") var review: String

    func validate() throws {
        guard ClaimID(idempotencyKey: review) != nil else {
            throw ValidationError("\"\(review)\" is no review's name")
        }
    }

    func id() throws -> ClaimID {
        guard let id = ClaimID(idempotencyKey: review) else { throw ExitCode.validationFailure }
        return id
    }
}

extension LedgerOptions {
    fileprivate func read<Value>(_ body: (LedgerReader) throws(LedgerFault) -> Value) throws -> Value {
        let path = try path()
        do throws(LedgerFault) {
            return try body(try LedgerReader(path: path))
        } catch {
            printError("farebox: \(error)")
            throw Exit.failed
        }
    }
}

struct ReviewListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What waits for a decision, the oldest first.")

    @OptionGroup var ledger: LedgerOptions
    @Flag(help: "Decided ones too.") var all = false
    @Flag(help: "One JSON object a line, amounts in atomic units.") var json = false
    @Option(help: "At most so many reviews.") var limit = 1000

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit is 1 or more") }
    }

    func run() throws {
        let reviews = try ledger.read { (reader) throws(LedgerFault) in
            try reader.reviews(all ? nil : [.waiting], limit: limit)
        }
        print(json ? ReviewReport.lines(reviews) : ReviewReport.table(reviews, now: wallSeconds()), terminator: "")
        if reviews.count == limit { printError("farebox: there may be more than \(limit); see --limit") }
    }
}

struct ReviewShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One review with its request, head and body.")

    @OptionGroup var ledger: LedgerOptions
    @OptionGroup var argument: ReviewArgument

    func run() throws {
        let id = try argument.id()
        guard let review = try ledger.read({ (reader) throws(LedgerFault) in try reader.review(id) }) else {
            printError("farebox: there is no review \(argument.review)")
            throw Exit.failed
        }
        print(ReviewReport.text(review, now: wallSeconds()), terminator: "")
    }
}

extension ReviewArgument {
    fileprivate func decide(_ decision: ReviewDecision, _ config: ConfigOptions) throws {
        let settings: Settings
        switch config.loader(for: .check).load(now: wallSeconds()) {
        case .success(let revision): settings = revision.settings
        case .failure(let errors):
            printError("\(errors)")
            throw Exit.configError
        }
        do throws(ReviewCaller.Fault) {
            print("\(review) \(try ReviewCaller.decide(try name(), decision, settings: settings))")
        } catch {
            printError("farebox: \(error)")
            throw Exit.failed
        }
    }

    private func name() throws(ReviewCaller.Fault) -> ClaimID {
        if let id = ClaimID(idempotencyKey: review) { return id }
        throw ReviewCaller.Fault(description: "\"\(review)\" is no review's name")
    }
}

struct ReviewApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Lets a request through.",
        discussion: """
            It runs at once where its authorization is valid still, and its caller fetches the answer at the URL it was given. \
            Otherwise that URL asks for a new payment, which runs it.
            """)

    @OptionGroup var config: ConfigOptions
    @OptionGroup var argument: ReviewArgument

    func run() throws { try argument.decide(.approve, config) }
}

struct ReviewRejectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Turns a request away: it will not run, and is not charged.")

    @OptionGroup var config: ConfigOptions
    @OptionGroup var argument: ReviewArgument
    @Option(help: "What its caller is told.") var reason: String?

    func validate() throws {
        guard (reason?.utf8.count ?? 0) <= 500 else { throw ValidationError("--reason is at most 500 bytes") }
    }

    func run() throws { try argument.decide(.reject(remark: reason), config) }
}
