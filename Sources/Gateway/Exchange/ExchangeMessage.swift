import Bytes
import Digests
import HTTP
import MCP

/// A route to a server of tools: what a message costs stands in its body.
extension Exchange {
    /// By the method, what comes: a message, a stream to listen on, or what the server says about itself.
    func enter(_ menu: ToolMenu, _ route: Route) -> Progress {
        upstream = worker.upstreams[route.upstream]
        switch head.method {
        case .post:
            if let refused = refusalOfUnreadableMessage() { return answer(refused) }
            if case .length(let length) = head.framing, length > worker.limits.mcpBodyBytes {
                return refuseLargeMessage()
            }
            message = ToolMessage(menu, session: sessionKey(route), bytesAtMost: worker.limits.mcpBodyBytes)
            stage = .judging
            return .ready
        case .get, .delete, .head, .options:
            if head.fields.count(of: .mcpSessionID) > 1 { return answer(.severalFields) }
            // What some server would take for a message all the same.
            guard head.framing == .none || head.framing == .length(0) else { return answer(.messageNotPosted) }
            if let refused = refusalOfFree(doors(of: route)) { return answer(refused) }
            if !menu.routes.isEmpty && (head.method == .get || head.method == .delete) {
                listening = Listening(
                    session: sessionKey(route), isListening: head.method == .get,
                    isResumed: head.fields.contains(.lastEventID))
            }
            return startForwarding(to: route.upstream)
        default: return answer(.methodNotAllowed(allow: "GET, POST, DELETE, OPTIONS"))
        }
    }

    /// Nil where the request names no session.
    private func sessionKey(_ route: Route) -> Bytes32? {
        head.fields.first(.mcpSessionID).map { sessionKey(head.bytes(of: $0.value), worker.upstreams[route.upstream]) }
    }

    /// What a session is known by: the digest of its upstream's name and its own.
    func sessionKey(_ session: UnsafeRawBufferPointer, _ upstream: Upstream) -> Bytes32 {
        var text = ByteBuffer(capacity: 256)
        text.append(string: upstream.settings.name)
        text.append(byte: 0x20)
        text.append(session)
        return SHA256.hash(text.readable)
    }

    /// A body that another reader could read otherwise than it is read here.
    private func refusalOfUnreadableMessage() -> Answer? {
        if head.fields.contains(.contentEncoding) { return .messageIsCoded }
        if head.fields.count(of: .mcpSessionID) > 1 || head.fields.count(of: .contentType) > 1 { return .severalFields }
        guard let type = head.fields.first(.contentType) else { return nil }
        return MediaType.isUTF8(head.bytes(of: type.value)) ? nil : .messageIsNotUTF8
    }

    func collect(_ bytes: UnsafeRawBufferPointer, _ message: ToolMessage) {
        // What follows a message that was refused is nobody's.
        if stage != .judging || message.append(bytes) { return }
        requestIsWhole = true
        _ = refuseLargeMessage()
        advance()
    }

    private func refuseLargeMessage() -> Progress {
        downstream?.closeAfterAnswer()
        let refusal = Refusal(.invalidRequest, "the message is larger than limits.mcp_body", httpStatus: 413)
        return refuse(refusal, code: "message_too_large")
    }

    // MARK: Judging

    /// Waits for the whole message, and decides by it what it takes to go on.
    func judgeMessage() -> Progress {
        guard let message, let route else { preconditionFailure("only a message is judged") }
        guard requestIsWhole else {
            invite()
            return .pending
        }
        let read = message.read()
        if let fault = headerFault(read, message) { return refuse(fault, of: message) }
        switch message.menu.prices.judge(read, of: message.body.readable) {
        case .refused(let refusal): return refuse(refusal, of: message)
        case .free:
            if let refused = refusalOfFree(doors(of: route)) { return answer(refused) }
            return startForwarding(to: route.upstream)
        case .priced(let number, let request):
            let sold = prepared.revision.routes[message.menu.routes[number]]
            self.route = sold
            message.sells(in: form(of: request, message))
            // Its result would only name the task, which whoever asks is told the rest of.
            if sold.terms?.order == .after, request.asksForTask(of: message.body.readable) {
                return answer(.taskIsPriced)
            }
            return price(sold)
        }
    }

    /// What a client of the protocol is told in a result, since its library knows no other place.
    private func form(of request: MCP.ClientRequest, _ message: ToolMessage) -> AnswerForm? {
        switch message.menu.challenge {
        case .http: return nil
        case .result: break
        case .auto:
            let accept = head.fields.first(.accept).map { head.bytes(of: $0.value) }
            let isClient = accept.map { MediaType.isListed("text/event-stream", in: $0) } ?? false
            if !isClient && !head.fields.contains(.mcpProtocolVersion) { return nil }
        }
        return resultForm(of: request, message)
    }

    func resultForm(of request: MCP.ClientRequest, _ message: ToolMessage) -> AnswerForm {
        guard request.isToolCall, let upstream else { return .error }
        let declares =
            request.withName(of: message.body.readable) {
                worker.services.toolSchemas.declares($0, of: upstream.settings.name)
            } ?? false
        let revision = head.fields.first(.mcpProtocolVersion).map { head.bytes(of: $0.value) }
        return .toolResult(structured: !declares, typed: revision.map(HeaderAgreement.isInForce) ?? false)
    }

    /// Fields that repeat what the body says must say the same, once.
    private func headerFault(_ read: ClientMessage, _ message: ToolMessage) -> Refusal? {
        let fields = head.fields
        for id in [FieldID.mcpMethod, .mcpName, .mcpProtocolVersion] where fields.count(of: id) > 1 {
            return HeaderAgreement.repeated
        }
        func value(_ id: FieldID) -> UnsafeRawBufferPointer? { fields.first(id).map { head.bytes(of: $0.value) } }
        return HeaderAgreement.fault(
            in: read, of: message.body.readable, revision: value(.mcpProtocolVersion), method: value(.mcpMethod),
            name: value(.mcpName))
    }

    /// As any server refuses a message, with a JSON-RPC error.
    ///
    /// - Parameters:
    ///   - message: nil where it was not read.
    ///   - code: for the log.
    private func refuse(
        _ refusal: Refusal, of message: ToolMessage? = nil, code: String = "message_refused"
    ) -> Progress {
        var text = ByteBuffer()
        ErrorAnswer.write(refusal, of: message?.body.readable ?? .empty, into: &text)
        record.outcome = .refused
        record.code = code
        beginOwnHead(refusal.httpStatus)
        appendOwnCORS()
        return finishOwnAnswer(text.readable, type: "application/json")
    }

    // MARK: The payment's binding

    /// Host, canonical target and the call itself: its id and its progress token change on every try.
    func bind(_ message: ToolMessage, _ purchase: Purchase) {
        guard let request = message.request else { preconditionFailure("only a request is paid for") }
        var hash = SHA256()
        var text = ByteBuffer(capacity: 256)
        text.append("farebox binding call\n")
        appendBound(target, to: &text)
        appendBoundHost(to: &text)
        hash.update(text.readable)
        CallBinding.feed(request, of: message.body.readable) { hash.update($0) }
        purchase.collected(binding: hash.finish())
    }

    /// How a former revision would have judged the message.
    func formerPrice(by prices: ToolPrices) -> ToolPrice {
        guard let message, let request = message.request,
            case .priced(let number, _) = prices.judge(.request(request), of: message.body.readable)
        else { return .free }
        return .priced(number)
    }

    // MARK: Calls under way

    /// Takes the message's calls up; the answer where an id is in use.
    func begin(_ message: ToolMessage, isSold: Bool) -> Answer? {
        message.begin(in: worker.services.toolSessions, isSold: isSold) ? nil : .idInUse
    }

    /// What costs nothing is refused as any server would.
    func refuseUsedID(_ message: ToolMessage) -> Progress {
        let refusal = Refusal(
            .invalidRequest, "another call of this session has this id", id: message.request?.idRange, httpStatus: 409)
        return refuse(refusal, of: message, code: "id_in_use")
    }

    /// What was sold is withheld from now on, unless it was released, or is paid for.
    ///
    /// - Parameter isAsked: the upstream may have read of it.
    func end(_ message: ToolMessage, isPaid: Bool, isAsked: Bool) {
        guard message.hasBegun else { return }
        if isPaid || !isAsked { release(message) }
        worker.services.toolSessions.ended(message.calls)
    }

    /// The answer may be shown from now on, on whatever stream it comes.
    func release(_ message: ToolMessage) {
        if message.hasBegun { worker.services.toolSessions.released(message.calls) }
    }
}

extension Answer {
    static let messageNotPosted = Answer(
        400, "message_not_posted", "Send messages with POST; other requests have no body.")

    static let messageIsCoded = Answer(
        415, "message_is_coded", "Send the message without a Content-Encoding: its body says what it costs.")

    static let messageIsNotUTF8 = Answer(415, "message_is_not_utf8", "Send the message in UTF-8.")

    static let severalFields = Answer(400, "several_fields", "Mcp-Session-Id and Content-Type may come once.")

    static var idInUse: Answer {
        .uncharged(
            409, "id_in_use", "Another call of this session has this id. Give every call an id of its own.")
    }

    static var taskIsPriced: Answer {
        .uncharged(
            400, "task_is_priced", "This tool is charged by its answer and cannot run as a task. Call it without one.")
    }
}
