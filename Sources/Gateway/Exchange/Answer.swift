import Bytes
import HTTP

/// An answer that the gateway gives by itself: JSON with a stable code, never a page.
struct Answer {
    let status: Int
    /// Stable, for programs; nil for answers without a body.
    let code: String?
    /// For people.
    let message: String
    var allow: String?
    var retryAfterSeconds: Int?
    /// The policy that says no.
    var policy: String?
    /// What its bound would still let through: `$0.03`, `0`.
    var left: String?
    /// What a wallet lacks, for people.
    var missing = ""
    /// Said where a caller could believe that money moved: `"charged": false`.
    var saysNotCharged = false
    /// In place of an error, how far what was asked for has come.
    var progress: String?
    /// What a person said.
    var remark: String?
    /// `WWW-Authenticate: Bearer` (RFC 6750 §3).
    var asksForBearer = false
    var isPreflight = false
    /// The outcome's name in the access log.
    var outcome: ExchangeRecord.Outcome = .refused

    init(_ status: Int, _ code: String?, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// One that says that no money moved.
    static func uncharged(_ status: Int, _ code: String, _ message: String, retryAfterSeconds: Int? = nil) -> Answer {
        var answer = Answer(status, code, message)
        answer.retryAfterSeconds = retryAfterSeconds
        answer.saysNotCharged = true
        return answer
    }

    static let notFound = Answer(404, "no_route", "Nothing is offered at this path.")

    static let ambiguousSpelling = Answer(
        404, "ambiguous_path", "Nothing is offered at this spelling of the path; another spelling of it has a price.")

    static let severalPayments = uncharged(
        400, "several_payments", "Send one payment: one PAYMENT-SIGNATURE or one X-PAYMENT header, not both, not twice."
    )

    static func methodNotAllowed(allow: String) -> Answer {
        var answer = Answer(405, "method_not_allowed", "This path is not offered for this method.")
        answer.allow = allow
        return answer
    }

    static func noContent(allow: String) -> Answer {
        var answer = Answer(204, nil, "")
        answer.allow = allow
        answer.outcome = .answered
        return answer
    }

    static var preflight: Answer {
        var answer = Answer(204, nil, "")
        answer.isPreflight = true
        answer.outcome = .answered
        return answer
    }
}

extension Exchange {
    /// Answers for what is wrong with the message itself. The connection ends: where the next request begins is unsure.
    @discardableResult
    func answer(refusing fault: RequestFault) -> Progress {
        requestFault = fault
        downstream?.closeAfterAnswer()
        if let purchase, purchase.isPaid {
            return answer(
                paidStatus: fault.status, purchase, code: "\(fault.code)",
                message:
                    "\(fault.explanation) \(purchase.promise)",
                retryAfterSeconds: 1)
        }
        var answer = Answer(fault.status, "\(fault.code)", "\(fault.explanation)")
        answer.saysNotCharged = purchase != nil
        return self.answer(answer)
    }

    /// Writes the gateway's own answer and goes on to its delivery.
    func answer(_ answer: Answer) -> Progress {
        record.outcome = answer.outcome
        record.code = answer.code
        var body = ByteBuffer()
        body.append(answer)
        if let form = noticeForm {
            return notify(
                form, status: answer.status, content: body.readable, receipt: nil,
                retryAfterSeconds: answer.retryAfterSeconds)
        }
        if !body.isEmpty { body.append("\n") }
        beginOwnHead(answer.status)
        if let allow = answer.allow {
            out.append("Allow: ")
            out.append(string: allow)
            out.append("\r\n")
        }
        if answer.asksForBearer { out.append("WWW-Authenticate: Bearer\r\n") }
        if let seconds = answer.retryAfterSeconds { out.appendField("Retry-After", decimal: seconds) }
        if answer.isPreflight { appendPreflightFields() } else { appendOwnCORS() }
        return finishOwnAnswer(body.readable, type: "application/json")
    }

    /// Status line, date, caching and connection of an answer of our own.
    func beginOwnHead(_ status: Int, caching: StaticString = "no-store") {
        record.status = status
        answerStarted = true
        out.clear()
        out.appendStatusLine(status)
        out.append("Date: ")
        out.append(worker.dateText)
        out.append("\r\nCache-Control: ")
        out.append(caching)
        out.append("\r\n")
        appendConnectionField()
    }

    /// Ends the head, adds the body (not for HEAD), and sends both at once.
    func finishOwnAnswer(_ body: UnsafeRawBufferPointer, type: StaticString) -> Progress {
        if !body.isEmpty { out.appendField("Content-Type", type) }
        if record.status != 204 { out.appendField("Content-Length", decimal: body.count) }
        out.append("\r\n")
        if head.method != .head { out.append(body) }
        flushOut()
        finishAnswer()
        return .ready
    }

    /// Says `close` where the connection ends after this answer, and `keep-alive` to HTTP/1.0 (RFC 9112 §9.3).
    func appendConnectionField() {
        guard let openCaller else { return }
        let awaitsContinue = head.expectsContinue && !hasContinued
        if !openCaller._withUnsafeGuaranteedRef({ $0.keepsAlive(awaitsContinue: awaitsContinue) }) {
            openCaller._withUnsafeGuaranteedRef { $0.closeAfterAnswer() }
            out.append("Connection: close\r\n")
        } else if head.minorVersion == 0 {
            out.append("Connection: keep-alive\r\n")
        }
    }

    /// Lets a browser's agent read our own answers.
    func appendOwnCORS() {
        guard prepared.revision.settings.cors, head.fields.contains(.origin) else { return }
        out.append("Access-Control-Allow-Origin: *\r\n")
        appendExposure()
    }

    func appendExposure() {
        out.append(
            "Access-Control-Expose-Headers: PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Retry-After\r\n")
    }

    private func appendPreflightFields() {
        out.append("Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: ")
        if let wanted = head.fields.first(.accessControlRequestMethod) { out.append(head.bytes(of: wanted.value)) }
        out.append("\r\nAccess-Control-Allow-Headers: ")
        // Whatever the API itself wants of its callers, beside what paying takes.
        if let wanted = head.fields.first(.accessControlRequestHeaders), wanted.value.length > 0 {
            out.append(head.bytes(of: wanted.value))
            out.append(", ")
        }
        out.append(
            """
            PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers, Content-Type\r\n\
            Access-Control-Max-Age: 600\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n
            """)
    }

    /// Hands what was written so far to the caller's connection.
    func flushOut() {
        if out.isEmpty { return }
        record.bytesOut += out.count
        openCaller?._withUnsafeGuaranteedRef { $0.send(out.readable, .empty) }
        out.clear()
    }
}

extension ByteBuffer {
    /// What an answer says, as one object; nothing where it has no body.
    fileprivate mutating func append(_ answer: Answer) {
        guard let code = answer.code else { return }
        append(answer.progress == nil ? "{\"error\":\"" : "{\"status\":\"")
        append(string: answer.progress ?? code)
        append("\",\"message\":\"")
        append(string: answer.message)
        append("\"")
        if let remark = answer.remark { appendMember("remark", remark) }
        if answer.saysNotCharged { append(",\"charged\":false") }
        if let policy = answer.policy { appendMember("policy", policy) }
        if let left = answer.left { appendMember("left", left) }
        if !answer.missing.isEmpty { appendMember("missing", answer.missing) }
        if let seconds = answer.retryAfterSeconds {
            append(",\"retry_after_seconds\":")
            append(decimal: seconds)
        }
        append("}")
    }

    /// A further member of an object.
    fileprivate mutating func appendMember(_ key: StaticString, _ value: String) {
        append(",\"")
        append(key)
        append("\":\"")
        appendEscaped(value)
        append("\"")
    }
}
