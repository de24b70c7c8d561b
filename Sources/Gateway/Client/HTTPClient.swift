import EventLoop

/// One loop's HTTP/1.1 client: for upstreams, `farebox pay`, and whoever else must be asked over HTTP.
final class HTTPClient {
    let loop: EventLoop
    private let inbox: Inbox<HTTPClient>
    private let resolver: Resolver
    private var pools: [Endpoint: EndpointPool] = [:]
    private var contexts: [String?: TLSClientContext] = [:]
    private var trusts = TrustedAuthorities()
    private var awaiting: [UInt64: ClientConnection] = [:]
    private var lastTicket: UInt64 = 0

    init(loop: EventLoop, resolver: Resolver) throws(SystemFault) {
        self.loop = loop
        self.resolver = resolver
        inbox = try Inbox()
        try inbox.attach(to: loop, owner: self)
    }

    /// The loop's pool for an endpoint; the same for every revision that names it alike.
    func pool(for endpoint: Endpoint, keptAtMost: Int) -> EndpointPool {
        if let pool = pools[endpoint] { return pool }
        let pool = EndpointPool(endpoint, client: self, keptAtMost: keptAtMost)
        pools[endpoint] = pool
        return pool
    }

    /// Looks the endpoint's name up off the loop and connects `connection` when the answer comes.
    func resolve(_ connection: ClientConnection, _ endpoint: Endpoint) {
        if let literal = SocketAddress(literal: endpoint.host, port: endpoint.port) {
            return connection.connect([literal])
        }
        lastTicket += 1
        let ticket = lastTicket
        awaiting[ticket] = connection
        resolver.resolve(host: endpoint.host, port: endpoint.port) { [inbox] result in
            inbox.post { client in
                guard let connection = client.awaiting.removeValue(forKey: ticket) else { return }
                switch result {
                case .success(let addresses): connection.connect(addresses)
                case .failure(let fault): connection.failResolving("\(fault)")
                }
            }
        }
    }

    /// What proves an https endpoint; made once per authority file.
    func tlsContext(caFile: String?) throws(TLSFault) -> TLSClientContext {
        if let context = contexts[caFile] { return context }
        let context = try TLSClientContext(trust: trusts.trust(caFile: caFile))
        contexts[caFile] = context
        return context
    }

    /// New connections trust what `trusts` has read, off the loop: authority files may have been renewed.
    func trust(_ trusts: TrustedAuthorities) {
        self.trusts = trusts
        contexts.removeAll()
    }

    /// Closes connections that carry nothing.
    func closeKept() { for pool in pools.values { pool.closeKept() } }
}
