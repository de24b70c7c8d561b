import Glibc
import Ledger
import Logging

@testable import EventLoop
@testable import Gateway

/// A whole worker, its ledger on a file of its own, between a caller and an upstream that are both the test.
final class WorkerRig: LoopRig {
    let worker: Worker
    let upstream: ServerPort
    let desk: ScriptedDesk
    private let services: SharedServices
    private let address: SocketAddress
    private let ledgerPath: String

    init(limits: String = "{}", total: String = "2m") throws {
        upstream = try ServerPort()
        let text = """
            unmatched: deny
            limits: \(limits)
            payments:
              test-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
              remote-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: hosted}
            facilitators:
              hosted: {url: "http://127.0.0.1:9"}
            upstreams:
              api: {url: "http://127.0.0.1:\(upstream.port)", timeouts: {total: \(total)}}
            routes:
              - {match: /free/**, upstream: api, free: true}
              - {match: /paid, upstream: api, price: $0.02, accept: [test-usdc]}
              - {match: /after, upstream: api, price: $0.02, accept: [remote-usdc]}
              - {match: /first, upstream: api, price: $0.02, accept: [remote-usdc], settle: first}

            """
        ledgerPath = "/tmp/farebox-exchange-\(getpid())-\(upstream.port).db"
        let ledger = Ledger(LedgerConfiguration(path: ledgerPath))
        desk = ScriptedDesk(ledger)
        services = SharedServices(
            ledger: ledger, money: desk, reviews: ReviewDesk(ledger), adminSecret: try AdminSecret(ledger: ledgerPath),
            resolver: Resolver(), disk: SpillDisk(directory: "/tmp"), accessLog: nil,
            logger: Logger(label: "exchange-tests"),
            status: GatewayStatus(), bounds: LiveBounds(), toolSessions: ToolSessions(), toolSchemas: ToolSchemas())
        worker = try Worker(prepared: PreparedRevision(try revision(text)), services: services)
        let listening = try ListeningSocket(SocketAddress("127.0.0.1:0")!)
        address = listening.address
        try worker.listen(listening, isAdmin: false)
        super.init(worker.loop)
    }

    deinit {
        services.ledger.stop()
        for end in ["", "-wal", "-shm", ".lock", ".admin"] { unlink(ledgerPath + end) }
    }

    func call(_ text: String = "") throws -> LoopbackPeer {
        let peer = try LoopbackPeer(to: address)
        if !text.isEmpty { peer.write(text) }
        return peer
    }

    /// Takes the next request that comes upstream, and answers it.
    func serve(_ text: String, heads end: String = "\r\n\r\n") throws -> LoopbackPeer {
        let peer = try upstream.accept(self)
        peer.read(self, until: end)
        peer.write(text)
        return peer
    }

    /// The worker's clock goes on.
    func pass(milliseconds: UInt64) {
        loop.aheadNanoseconds += milliseconds * 1_000_000
        settle()
    }

    /// Of the worker's first exchange, while it is under way.
    var firstRecord: ExchangeRecord? { worker.exchanges[ExchangeHandle(index: 0, generation: 0)]?.record }

    var isAtRest: Bool { worker.exchanges.activeCount == 0 }
}
