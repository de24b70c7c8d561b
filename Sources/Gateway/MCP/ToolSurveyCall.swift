import Bytes
import HTTP
import JSON
import MCP

/// One request to an MCP server and the message that answers it, read from a JSON body or from an event stream
/// (Model Context Protocol 2025-11-25, "Streamable HTTP"). It keeps itself until it is over, and has no clock of its own.
final class ToolSurveyCall: AnswerReceiver {
    struct Reply {
        var status = 0
        /// `Mcp-Session-Id`.
        var session: String?
        /// The answering message; empty where none came.
        var text: [UInt8] = []
        var answer: MCP.Answer?

        var isSuccess: Bool { 200..<300 ~= status }
    }

    /// What came is no answer; in words for the operator.
    struct Fault: Error {
        let reason: String
    }

    private let reader: AnswerReader?
    private var done: ((Result<Reply, Fault>) -> Void)?
    private var connection: ClientConnection?
    private var reply = Reply()
    private var body: [UInt8] = []
    private var events = EventStreamReader(maximumEventBytes: ServerMessage.maximumBytes)
    private var isEventStream = false
    private var streamedBytes = 0
    /// Connections do not keep whom they tell.
    private var itself: ToolSurveyCall?

    /// - Parameter id: of the request in the body; nil where it has none and no answer is waited for.
    private init(id: Int?, _ done: @escaping (Result<Reply, Fault>) -> Void) {
        reader = id.map { AnswerReader(id: .integer($0), maximumBytes: ServerMessage.maximumBytes) }
        self.done = done
    }

    /// `done` is told once, unless the call is cancelled.
    static func begin(
        _ request: ClientRequest, id: Int?, over pool: EndpointPool, deadlines: ClientDeadlines,
        done: @escaping (Result<Reply, Fault>) -> Void
    ) -> ToolSurveyCall {
        let call = ToolSurveyCall(id: id, done)
        call.itself = call
        let connection = pool.take(
            for: call, answering: request.method, deadlines: deadlines, fresh: true, mayRepeat: false)
        call.connection = connection
        var bytes = ByteBuffer(capacity: 1024)
        request.write(into: &bytes)
        connection.send(bytes.readable, .empty)
        connection.requestEnded()
        return call
    }

    /// Nothing is told any more.
    func cancel() {
        done = nil
        connection?.abandon()
        connection = nil
        itself = nil
    }

    private func finish(_ outcome: Result<Reply, Fault>) {
        let done = done
        cancel()
        done?(outcome)
    }

    // MARK: The answer

    func answerHead(_ head: ResponseHead) {
        reply.status = head.statusCode
        reply.session = head.value("mcp-session-id").map { String(decoding: $0, as: UTF8.self) }
        isEventStream =
            head.value("content-type")?.withUnsafeBytes { MediaType.matches($0, "text/event-stream") } ?? false
        if reader == nil { finish(.success(reply)) }
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer) {
        streamedBytes += bytes.count
        guard streamedBytes <= ServerMessage.maximumBytes else {
            return finish(.failure(Fault(reason: "an answer above \(ServerMessage.maximumBytes >> 20) MiB")))
        }
        guard isEventStream else {
            body += bytes
            return
        }
        events.feed(bytes)
        do throws(EventStreamReader.TooLarge) {
            while done != nil, let event = try events.next() {
                if let data = event.data, take(data) { return finish(.success(reply)) }
            }
        } catch {
            finish(.failure(Fault(reason: "an event above \(ServerMessage.maximumBytes >> 20) MiB")))
        }
    }

    func answerEnded(trailers: TrailerSection?) {
        // The connection is its pool's again.
        connection = nil
        if !isEventStream { _ = body.withUnsafeBytes { take($0) } }
        finish(.success(reply))
    }

    func answerFailed(_ fault: ClientFault) { finish(.failure(Fault(reason: fault.detail))) }

    /// Whether this is what was waited for.
    private func take(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let reader, case .response(let answer) = reader.read(text) else { return false }
        reply.answer = answer
        reply.text = Array(text)
        return true
    }

    func interimAnswer(_ head: ResponseHead) {}
    func answerSoFar() {}
    func requestDrained() {}
}
