import EventLoop
import Glibc
import HTTP
import Testing

@testable import Gateway

/// The HTTP client on such a loop.
final class ClientRig: LoopRig {
    let client: HTTPClient
    /// A connection does not hold who it tells.
    private var asked: [HeardAnswer] = []

    init(resolver: Resolver = Resolver()) throws {
        let loop = try EventLoop()
        client = try HTTPClient(loop: loop, resolver: resolver)
        super.init(loop)
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
        asked.append(answer)
        let connection = pool.take(
            for: answer, answering: method, deadlines: deadlines, fresh: fresh, mayRepeat: mayRepeat)
        answer.connection = connection
        Array(text.utf8).withUnsafeBytes { connection.send($0, .empty) }
        if isWhole { connection.requestEnded() }
        return answer
    }

    /// A whole exchange with `text` as the answer.
    func exchange(_ pool: EndpointPool, _ port: ServerPort, answered text: String) throws -> (HeardAnswer, LoopbackPeer)
    {
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
