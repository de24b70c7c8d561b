import EventLoop

/// What a revision says beside its payments, upstreams and routes.
public struct Settings: Sendable {
    /// At least one; default `127.0.0.1:8402`.
    public var listen: [ListenAddress]
    /// Health and readiness; never priced. Nil: no admin listener.
    public var admin: ListenAddress?
    /// The origin that 402s name as the resource's (`https://api.example.com`): no path, no trailing slash.
    /// Empty where no route is priced and none was written.
    public var publicURL: String
    public var threads: ThreadCount
    /// Path of the SQLite file, as written; relative to the working directory.
    public var ledgerPath: String
    /// How long the ledger keeps what is at rest.
    public var keepSeconds: Int64
    public var accessLog: AccessLogTarget
    public var unmatched: UnmatchedPolicy
    /// Preflights on priced routes are answered by the gateway, and exposure headers are added.
    public var cors: Bool
    public var limits: Limits
    /// What an upstream gets that says nothing itself.
    public var timeouts: UpstreamTimeouts
    /// Names of payment methods whose trouble makes `/readyz` say 503.
    public var readyRequires: [String]
    /// Of requests that wait for a person.
    public var review = ReviewSettings()
    /// Keys for assertions (`assertion.key`): the first signs, all are published. Empty where none is configured.
    var assertionKeys: [AssertionKey]
    /// Also where a key could not be had when `check` ran.
    var isAssertionConfigured: Bool
    /// Nil where nothing is settled by our own transactions.
    public var relayer: RelayerSettings?
}

extension Settings {
    /// Takes back what cannot change while running, and says so, one sentence a key.
    mutating func keepRunning(_ running: Settings) -> [String] {
        var said: [String] = []
        func keep<Value: Equatable>(_ key: String, _ path: WritableKeyPath<Settings, Value>, _ text: (Value) -> String)
        {
            guard self[keyPath: path] != running[keyPath: path] else { return }
            let fresh = text(self[keyPath: path])
            self[keyPath: path] = running[keyPath: path]
            said.append("\(key): \(fresh) needs a restart; \(text(running[keyPath: path])) stays")
        }
        keep("listen", \.listen) { $0.map(\.text).joined(separator: ", ") }
        keep("admin", \.admin) { $0?.text ?? "off" }
        keep("threads", \.threads) { if case .count(let number) = $0 { "\(number)" } else { "auto" } }
        keep("ledger", \.ledgerPath) { $0 }
        keep("keep", \.keepSeconds) { "\($0 / 86_400)d" }
        keep("access_log", \.accessLog) { $0.text }
        return said + keepRelayer(running.relayer)
    }

    /// A relayer's nonces are counted from its start on, so who signs stays; what it may cost does not.
    private mutating func keepRelayer(_ running: RelayerSettings?) -> [String] {
        let (fresh, kept) = (relayer?.keys ?? [], running?.keys ?? [])
        guard fresh.map(\.account) != kept.map(\.account) else { return [] }
        if relayer == nil { relayer = running } else { relayer?.keys = kept }
        func text(_ keys: [RelayerKey]) -> String {
            keys.isEmpty ? "none" : keys.map(\.description).joined(separator: ", ")
        }
        return ["relayer.key: \(text(fresh)) needs a restart; \(text(kept)) stays"]
    }
}

/// One address to listen on, with the text it was written as.
public struct ListenAddress: Sendable {
    public let text: String
    public let socket: SocketAddress
}

extension ListenAddress: Equatable {
    public static func == (a: ListenAddress, b: ListenAddress) -> Bool { a.text == b.text }
}

public enum ThreadCount: Sendable, Equatable {
    /// One loop a processor.
    case auto
    case count(Int)
}

public enum AccessLogTarget: Sendable, Equatable {
    case stdout
    case stderr
    case off
    case file(String)

    /// As the config writes it.
    public var text: String {
        switch self {
        case .stdout: "stdout"
        case .stderr: "stderr"
        case .off: "off"
        case .file(let path): path
        }
    }
}

/// What happens to a path that no route matches. A path that matches with another method is 405 either way.
public enum UnmatchedPolicy: Sendable, Equatable {
    /// 404.
    case deny
    /// Forwarded without charge to the upstream with this index in `Revision.upstreams`.
    case free(upstream: Int)
}

/// How many exchanges of one wallet may be in flight.
public struct LeasePolicy: Sendable, Equatable {
    /// Under `settle: after`, where an unpaid run is the seller's loss.
    public var inFlightAfter = 1
    /// Under `settle: first`.
    public var inFlightFirst = 16
    public var leaseWaitMilliseconds = 10_000
    /// Waiting exchanges per wallet.
    public var leaseQueue = 64
}

/// Deadlines of one exchange with an upstream, in milliseconds.
public struct UpstreamTimeouts: Sendable, Equatable {
    public var connectMilliseconds = 5_000
    /// From the last byte of the request to the first of the answer's head.
    public var firstByteMilliseconds = 60_000
    /// Between two bytes in either direction.
    public var idleMilliseconds = 60_000
    /// From the upstream being asked to the last byte of its answer.
    public var totalMilliseconds = 120_000
}
