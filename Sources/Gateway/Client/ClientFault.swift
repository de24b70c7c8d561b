import HTTP

/// Why an upstream, a facilitator or an RPC gave no whole answer.
struct ClientFault: Error {
    enum Kind {
        /// The name has no address, or the resolver could not say.
        case unresolved
        /// No address took the connection.
        case unreachable
        /// TLS did not come about: certificate, name or version.
        case insecure
        /// No connection within `connect`.
        case connectTimedOut
        /// No answer within `first_byte`.
        case answerTimedOut
        /// Silence within a request or an answer for longer than `idle`.
        case idleTimedOut
        /// The whole exchange took longer than `total`.
        case totalTimedOut
        /// The answer is not HTTP/1.1 with one reading.
        case malformed
        /// The connection ended before an answer began.
        case closedEarly
        /// The connection ended within the answer.
        case truncated
    }

    let kind: Kind
    /// The cause as the system told it.
    let detail: String

    /// 504 where time ran out, else 502 (RFC 9110 §15.6).
    var status: Int {
        switch kind {
        case .connectTimedOut, .answerTimedOut, .idleTimedOut, .totalTimedOut: 504
        case .unresolved, .unreachable, .insecure, .malformed, .closedEarly, .truncated: 502
        }
    }

    /// Stable, for programs.
    var code: StaticString {
        switch kind {
        case .unresolved: "upstream_unresolved"
        case .unreachable: "upstream_unreachable"
        case .insecure: "upstream_insecure"
        case .connectTimedOut: "upstream_connect_timeout"
        case .answerTimedOut: "upstream_timeout"
        case .idleTimedOut: "upstream_idle_timeout"
        case .totalTimedOut: "upstream_total_timeout"
        case .malformed: "upstream_malformed_answer"
        case .closedEarly: "upstream_closed"
        case .truncated: "upstream_answer_truncated"
        }
    }

    /// For people: whose fault it is.
    var explanation: StaticString {
        switch kind {
        case .unresolved: "The API behind this gateway could not be found."
        case .unreachable: "The API behind this gateway is not reachable."
        case .insecure: "The API behind this gateway could not prove who it is."
        case .connectTimedOut: "The API behind this gateway took no connection in time."
        case .answerTimedOut: "The API behind this gateway did not answer in time."
        case .idleTimedOut: "The API behind this gateway fell silent."
        case .totalTimedOut: "The API behind this gateway did not finish in time."
        case .malformed: "The API behind this gateway gave an answer that is not valid HTTP."
        case .closedEarly: "The API behind this gateway closed the connection without an answer."
        case .truncated: "The API behind this gateway cut its answer off."
        }
    }
}

/// Receives one answer, on the loop's thread. After `answerEnded` or `answerFailed` nothing more comes.
protocol AnswerReceiver: AnyObject {
    /// A 1xx other than 101 (RFC 9110 §15.2).
    func interimAnswer(_ head: ResponseHead)
    func answerHead(_ head: ResponseHead)
    /// Decoded body bytes, good until the call returns.
    func answerBody(_ bytes: UnsafeRawBufferPointer)
    /// The answer is whole. `trailers` are good until the call returns.
    func answerEnded(trailers: TrailerSection?)
    /// All that has come for now was handed over.
    func answerSoFar()
    /// Everything given to `send` is with the kernel: more may come.
    func requestDrained()
    func answerFailed(_ fault: ClientFault)
}

/// How long each part of an exchange with an endpoint may take, in milliseconds.
typealias ClientDeadlines = UpstreamTimeouts
