import EventLoop
import Glibc
import HTTP
import Testing

@testable import Gateway

/// A client on a loop that the test turns by hand, so that client and server live on one thread and nothing is left to chance.
final class ClientRig: TimerTarget {
    let loop: EventLoop
    let client: HTTPClient
    private let ticker: Timer

    init(resolver: Resolver = Resolver()) throws {
        loop = try EventLoop()
        client = try HTTPClient(loop: loop, resolver: resolver)
        ticker = Timer(loop.timers)
        ticker.target = self
        timerFired(ticker)
    }

    deinit { ticker.unlink() }

    /// No turn waits for long.
    func timerFired(_ timer: Timer) { ticker.arm(atNanoseconds: monotonicNanoseconds() + 2_000_000) }

    /// Turns the loop until it is so, for at most twenty seconds.
    @discardableResult func run(until condition: () -> Bool) -> Bool {
        let end = monotonicNanoseconds() + 20_000_000_000
        while !condition() {
            if monotonicNanoseconds() > end { return false }
            loop.turn()
        }
        return true
    }

    /// Lets everything that is on its way arrive.
    func settle(_ milliseconds: UInt64 = 5) {
        let end = monotonicNanoseconds() + milliseconds * 1_000_000
        run { monotonicNanoseconds() > end }
    }

    func pool(_ server: ServerPort, host: String = "127.0.0.1", keptAtMost: Int = 4) -> EndpointPool {
        client.pool(for: Endpoint(isTLS: false, host: host, port: server.port, caFile: nil), keptAtMost: keptAtMost)
    }

    /// Begins a request whose text is given, whole unless said otherwise.
    func ask(
        _ pool: EndpointPool, _ text: String = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", method: HTTP.Method = .get,
        deadlines: ClientDeadlines = ClientDeadlines(), fresh: Bool = false, mayRepeat: Bool = true,
        isWhole: Bool = true
    ) -> HeardAnswer {
        let answer = HeardAnswer()
        let connection = pool.take(
            for: answer, answering: method, deadlines: deadlines, fresh: fresh, mayRepeat: mayRepeat)
        answer.connection = connection
        Array(text.utf8).withUnsafeBytes { connection.send($0, .empty) }
        if isWhole { connection.requestEnded() }
        return answer
    }

    /// A whole exchange with `text` as the answer.
    func exchange(_ pool: EndpointPool, _ port: ServerPort, answered text: String) throws -> (HeardAnswer, ServerPeer) {
        let answer = ask(pool)
        let peer = try port.accept(self)
        peer.read(self, until: "\r\n\r\n")
        peer.write(text)
        run { answer.isOver }
        return (answer, peer)
    }
}

/// Everything that one request was told.
final class HeardAnswer: AnswerReceiver {
    var connection: ClientConnection?
    private(set) var interim: [Int] = []
    private(set) var status = 0
    private(set) var body: [UInt8] = []
    private(set) var trailers: String?
    private(set) var isEnded = false
    private(set) var fault: ClientFault?
    private(set) var drains = 0
    /// Calls that came when all was over, which must be none.
    private(set) var late = 0
    var whenBody: (() -> Void)?
    var whenDrained: (() -> Void)?

    var isOver: Bool { isEnded || fault != nil }
    var text: String { String(decoding: body, as: UTF8.self) }

    private func note() { if isOver { late += 1 } }

    func interimAnswer(_ head: ResponseHead) {
        note()
        interim.append(head.statusCode)
    }

    func answerHead(_ head: ResponseHead) {
        note()
        #expect(status == 0)
        status = head.statusCode
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer) {
        note()
        body += bytes
        whenBody?()
    }

    func answerEnded(trailers: TrailerSection?) {
        note()
        isEnded = true
        if let trailers {
            var lines = trailers.bytes.text
            lines.replace("\r\n", with: "|")
            self.trailers = lines
        }
    }

    func answerSoFar() { note() }

    func requestDrained() {
        note()
        drains += 1
        whenDrained?()
    }

    func answerFailed(_ fault: ClientFault) {
        note()
        self.fault = fault
    }
}

/// A port of the loopback on which the test answers.
final class ServerPort {
    private let socket: ListeningSocket
    let port: UInt16

    init() throws {
        socket = try ListeningSocket(SocketAddress("127.0.0.1:0")!, shared: false)
        port = socket.address.port
    }

    /// A port where nobody listens: one that was just given back.
    static func closed() throws -> UInt16 { try ServerPort().port }

    /// Nil when nobody waits.
    func acceptWaiting() throws -> ServerPeer? {
        guard let accepted = try socket.accept() else { return nil }
        return ServerPeer(accepted.take())
    }

    func accept(_ rig: ClientRig) throws -> ServerPeer {
        var peer: ServerPeer?
        rig.run {
            peer = (try? self.acceptWaiting()) ?? nil
            return peer != nil
        }
        return try #require(peer)
    }
}

/// The server's side of one connection.
final class ServerPeer {
    private var socket: Socket?
    private(set) var heard: [UInt8] = []
    private(set) var isFinished = false

    init(_ socket: consuming Socket) { self.socket = consume socket }

    var text: String { String(decoding: heard, as: UTF8.self) }

    /// Takes what has come. False when nothing had.
    @discardableResult func readAvailable(_ room: Int = 64 * 1024) -> Bool {
        var bytes = [UInt8](repeating: 0, count: room)
        switch bytes.withUnsafeMutableBytes({ socket!.read(into: $0) }) {
        case .bytes(let count): heard += bytes[..<count]
        case .wouldBlock: return false
        case .endOfStream, .failed: isFinished = true
        }
        return true
    }

    func read(_ rig: ClientRig, until end: String) {
        let found = rig.run {
            self.readAvailable()
            return self.isFinished || self.text.contains(end)
        }
        #expect(found)
    }

    func readToEnd(_ rig: ClientRig) { #expect(rig.run { self.readAvailable() && self.isFinished }) }

    func forget() { heard = [] }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) { #expect(writeSome(bytes[...]) == bytes.count) }

    /// How much the kernel took.
    func writeSome(_ bytes: ArraySlice<UInt8>) -> Int {
        guard case .bytes(let count) = bytes.withUnsafeBytes({ socket!.write($0, .empty) }) else { return 0 }
        return count
    }

    func finishSending() { socket!.finishSending() }
    func close() { socket = nil }

    func reset() {
        socket!.resetOnClose()
        socket = nil
    }
}
