import EventLoop
import HTTP

/// Where requests go: one scheme, host and port, with what proves it.
struct Endpoint: Hashable, Sendable {
    var isTLS: Bool
    /// A name or an address literal without brackets.
    var host: String
    var port: UInt16
    /// PEM file of the authorities that may sign for it; nil: the system's.
    var caFile: String?

    var text: String { "\(isTLS ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// One loop's connections to one endpoint: kept ones are used last in, first out.
final class EndpointPool {
    let endpoint: Endpoint
    /// How long a kept connection stays, in milliseconds; shorter than the usual server's, so that the race is rare.
    let keepAliveMilliseconds = 50_000
    private unowned let client: HTTPClient
    // Unchecked: nothing that is called while a list is changed comes back here.
    @exclusivity(unchecked) private var kept: [ClientConnection] = []
    @exclusivity(unchecked) private var open: [ObjectIdentifier: ClientConnection] = [:]
    private let keptAtMost: Int

    init(_ endpoint: Endpoint, client: HTTPClient, keptAtMost: Int) {
        self.endpoint = endpoint
        self.client = client
        self.keptAtMost = keptAtMost
    }

    /// A connection for one request: a kept one, else a new one that connects while the request is written.
    ///
    /// - Parameters:
    ///   - fresh: never a kept one; for a second try after a kept one proved old.
    ///   - mayRepeat: the request may be sent again if a kept connection proves old; where not, it is probed first.
    func take(
        for receiver: any AnswerReceiver, answering method: Method, deadlines: ClientDeadlines, fresh: Bool,
        mayRepeat: Bool
    ) -> ClientConnection {
        while !fresh, let connection = kept.popLast() {
            if mayRepeat || connection.isQuiet {
                connection.begin(receiver, answering: method, deadlines: deadlines)
                return connection
            }
            connection.close()
        }
        let connection = ClientConnection(pool: self, loop: client.loop)
        open[ObjectIdentifier(connection)] = connection
        connection.begin(receiver, answering: method, deadlines: deadlines)
        client.resolve(connection, endpoint)
        return connection
    }

    /// A session for a new connection to an https endpoint; nil for plain http.
    func newSession() throws(TLSFault) -> TLSSession? {
        guard endpoint.isTLS else { return nil }
        let context = try client.tlsContext(caFile: endpoint.caFile)
        return try TLSSession(context: context, serverName: endpoint.host, port: endpoint.port)
    }

    func keep(_ connection: ClientConnection) {
        if kept.count < keptAtMost { kept.append(connection) } else { connection.close() }
    }

    func left(_ connection: ClientConnection) {
        open[ObjectIdentifier(connection)] = nil
        if let at = kept.firstIndex(where: { $0 === connection }) { kept.remove(at: at) }
    }

    func closeKept() { for connection in kept { connection.close() } }
}
