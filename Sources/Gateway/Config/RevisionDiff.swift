/// What a reload changed, one line each, ready for the operator's log.
public struct RevisionDiff: Sendable, Equatable {
    /// `GET /v1/reports/*: price $0.02 → $0.03`, `POST /v1/x: added, $0.05`, `upstream legacy: changed`.
    public var changes: [String]
    /// Settings that differ in the files but keep their running value: `listen needs a restart…`.
    public var needsRestart: [String]

    public var isEmpty: Bool { changes.isEmpty && needsRestart.isEmpty }
}
