import EventLoop

/// Asks every server behind a menu for its tools, on a loop of its own.
final class ToolSurveyRound {
    /// What came of one of them.
    struct Finding {
        enum Outcome {
            case asked(ToolSurvey.Outcome)
            /// The route takes many paths.
            case notAsked
        }

        let target: ToolSurveyTarget
        let outcome: Outcome
    }

    /// Servers that are asked at the same time.
    private static let atOnce = 16

    private let loop: EventLoop
    private let client: HTTPClient
    private let schemas: ToolSchemas?
    private let targets: [ToolSurveyTarget]
    private var outcomes: [Finding.Outcome?]
    private var next = 0
    private var unfinished = 0
    private var surveys: [ToolSurvey] = []

    /// One finding for each route with a menu, in their order. Takes as long as the slowest server; not to be called on a
    /// thread that serves.
    static func findings(
        in revision: Revision, resolver: Resolver, schemas: ToolSchemas? = nil
    ) throws(SystemFault) -> [Finding] {
        let targets = ToolSurveyTarget.all(of: revision)
        if targets.isEmpty { return [] }
        let round = try ToolSurveyRound(targets, resolver, schemas)
        round.run()
        return zip(round.targets, round.outcomes).map { Finding(target: $0, outcome: $1 ?? .notAsked) }
    }

    private init(_ targets: [ToolSurveyTarget], _ resolver: Resolver, _ schemas: ToolSchemas?) throws(SystemFault) {
        loop = try EventLoop()
        client = try HTTPClient(loop: loop, resolver: resolver)
        self.schemas = schemas
        self.targets = targets
        outcomes = Array(repeating: nil, count: targets.count)
    }

    private func run() {
        for _ in 0..<Self.atOnce { beginNext() }
        if unfinished > 0 { loop.run() }
    }

    private func beginNext() {
        while next < targets.count {
            let place = next
            next += 1
            guard let path = targets[place].path else { continue }
            unfinished += 1
            let survey = ToolSurvey(targets[place], path: path, client: client, schemas: schemas) { [self] outcome in
                outcomes[place] = .asked(outcome)
                unfinished -= 1
                beginNext()
                if unfinished == 0 { loop.stop() }
            }
            surveys.append(survey)
            survey.begin()
            return
        }
    }
}
