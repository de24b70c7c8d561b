import Bytes
import HTTP
import Ledger
import MCP

/// The answer to a message: passed on, labelled with prices, or looked into for what is charged.
extension Exchange {
    /// Of a text or an event that is looked into.
    private var answerBytesAtMost: Int { min(worker.limits.heldAnswerBytes, ServerMessage.maximumBytes) }

    // MARK: As it comes

    func answerHead(_ head: ResponseHead, _ message: ToolMessage) {
        let isGood = (200...299).contains(head.statusCode)
        noteSession(head, message, isGood: isGood)
        guard let id = message.request?.id else { return relay(head) }
        guard let purchase else {
            guard isGood, message.isMethod("tools/list"), let shape = CallAnswer.Shape(head) else { return relay(head) }
            message.answer = CallAnswer(shape, .listing, id: id, bytesAtMost: answerBytesAtMost)
            return relay(head, isRewritten: true)
        }
        guard isGood else {
            // Its id may be used again, unless what is said is that the call was lost on its way (RFC 9110 §15.6).
            if !purchase.isPaid && (head.statusCode < 500 || head.statusCode == 503) { release(message) }
            return relay(head)
        }
        let isElsewhere = head.statusCode == 202
        let shape = isElsewhere || head.framing == .none ? nil : CallAnswer.Shape(head)
        if purchase.isPaid {
            if isElsewhere { return answerElsewhere(purchase) }
            guard let shape else { return relay(head) }
            message.answer = CallAnswer(shape, .paid, id: id, bytesAtMost: answerBytesAtMost)
            if shape == .json { return keepHead(head, purchase) }
            message.answer?.streamHasBegun = true
            return relay(head, isRewritten: true)
        }
        guard let shape else {
            _ = withhold(
                purchase, isElsewhere ? .answerElsewhere : .answerUnreadable,
                isElsewhere ? "the upstream answers elsewhere" : "the answer cannot be looked into")
            return advance()
        }
        message.answer = CallAnswer(shape, .sold, id: id, bytesAtMost: answerBytesAtMost)
        keepHead(head, purchase)
    }

    /// What was paid for comes on a stream that cannot be had: it stays owed.
    private func answerElsewhere(_ purchase: Purchase) {
        let told = Answer.answerElsewhere
        _ = answer(
            paidStatus: told.status, purchase, code: told.code ?? "",
            message: "The server answers on another stream (HTTP+SSE, 2024-11-05). \(purchase.promise)",
            retryAfterSeconds: nil)
        advance()
    }

    /// A session that the server begins is known from its first call on; one that is already under way never is.
    private func noteSession(_ head: ResponseHead, _ message: ToolMessage, isGood: Bool) {
        guard isGood, message.session == nil, message.isMethod("initialize"), let upstream,
            let session = head.fields.first(.mcpSessionID)
        else { return }
        worker.services.toolSessions.opened(sessionKey(head.bytes(of: session.value), upstream))
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer, _ answer: CallAnswer) {
        switch answer.shape {
        case .json:
            answer.text.append(bytes)
            if answer.text.count > answerBytesAtMost { tooLarge(answer) }
        case .events:
            // What a server says behind its answer is nobody's.
            if answer.found != nil { return }
            answer.events.feed(bytes)
            drain(answer)
        }
    }

    /// It is no longer looked into: what is free or paid for passes as it is, and what is not, not at all.
    func tooLarge(_ answer: CallAnswer) {
        switch answer.purpose {
        case .listing, .paid:
            if answer.purpose == .paid && !answer.streamHasBegun { beginStream(answer) }
            message?.answer = nil
            relayBody(answer.shape == .json ? answer.text.readable : answer.events.remainder())
        case .sold:
            guard let purchase else { return }
            _ = withhold(purchase, .answerTooLarge, "the answer is larger than limits.held_answer")
            advance()
        }
    }

    func answerEnded(_ answer: CallAnswer) {
        switch answer.shape {
        case .json: take(answer.text.readable, answer)
        case .events:
            if answer.found != nil { return }
            // Clients differ in whether an event without its empty line is one; with it, it is one to all.
            if let event = answer.events.finish() { take(event, answer) }
        }
    }

    // MARK: The answer

    /// A whole answer in JSON.
    func take(_ text: UnsafeRawBufferPointer, _ answer: CallAnswer) {
        guard case .response(let response) = answer.reader.read(text) else {
            switch answer.purpose {
            case .listing: relayBody(text)
            case .sold: answer.hasUnreadable = !text.isEmpty
            // Whatever a server answers to what is paid for reaches the caller.
            case .paid: find(.json(Array(text)), nil, answer)
            }
            return
        }
        switch answer.purpose {
        case .listing:
            let changed = changed(response, text, answer)
            relayBody(changed.readable)
        case .sold:
            if response.outcome.isCharged { noteSold(text, answer) }
            find(.json(Array(text)), response, answer)
        case .paid:
            noteSold(text, answer)
            keep(text)
            find(.json(Array(text)), response, answer)
        }
    }

    func find(_ text: CallAnswer.Found.Text, _ response: MCP.Answer?, _ answer: CallAnswer) {
        answer.found = CallAnswer.Found(text, response)
        if stage == .answering { advance() }
    }

    /// With its prices, or its receipt.
    func changed(
        _ response: MCP.Answer, _ text: UnsafeRawBufferPointer, _ answer: CallAnswer
    ) -> ByteBuffer {
        var changed = ByteBuffer(capacity: text.count + 512)
        if answer.purpose == .listing {
            label(response, text, &changed)
        } else if let purchase, purchase.isPaid {
            receiptText(purchase.receipt()).withUnsafeBytes { receipt in
                response.receiptSplices(receipt, in: text).write(text, into: &changed)
            }
        } else {
            changed.append(text)
        }
        return changed
    }

    /// The tools that cost something, with what they cost; which of them declare a schema is remembered.
    private func label(_ response: MCP.Answer, _ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        guard let message, let upstream, let listing = ToolListing(response, of: text) else { return out.append(text) }
        worker.services.toolSchemas.note(listing, of: upstream.settings.name)
        let menu = message.menu
        listing.splices(menu.annotation, prices: menu.prices, labels: menu.labels, in: text).write(text, into: &out)
    }

    /// Whether it is charged, once it is there; what becomes of it where it is not.
    func judgeCall(_ answer: CallAnswer, _ purchase: Purchase) -> Progress {
        if answer.isGiven { return finishCall() }
        if let found = answer.found {
            timer.cancel()
            if !purchase.isPaid && found.isCharged {
                stage = .settlingAfter
                return .ready
            }
            return give(found, answer, purchase)
        }
        if let fault = upstreamFault { return answerUndelivered(purchase, fault) }
        guard answerIsWhole else { return .pending }
        if answer.purpose == .paid {
            // A server may end its stream early and give the answer to a client that resumes it: it stays owed.
            purchase.answerIsUpstreams = false
            return finishCall()
        }
        if answer.hasUnreadable { return withhold(purchase, .answerUnreadable, "the answer cannot be looked into") }
        return withhold(purchase, .answerMissing, "the upstream ended without the answer")
    }

    /// The caller has its answer: what the server still says behind it is nobody's.
    private func finishCall() -> Progress {
        timer.cancel()
        endRelay(trailers: nil)
        if let connection {
            forgetConnection()
            AnswerDrain.take(connection, worker.loop)
        }
        finishAnswer()
        return .ready
    }

    /// The money is ours, or none is asked: the answer goes out, as the whole answer or as the next event.
    func give(_ found: CallAnswer.Found, _ answer: CallAnswer, _ purchase: Purchase) -> Progress {
        if !purchase.isPaid { purchase.voidReason = "the tool says that it failed" }
        if let message {
            if found.namesCall { release(message) }
            letHear(answer, message)
        }
        purchase.answerIsUpstreams = true
        answer.found = nil
        answer.isGiven = true
        stage = .answering
        switch found.text {
        case .json(let text): text.withUnsafeBytes { giveText($0, answer, purchase) }
        case .event(let event): event.withEvent { event, data in giveEvent(event, data, answer) }
        }
        return .ready
    }

    private func giveText(_ bytes: UnsafeRawBufferPointer, _ answer: CallAnswer, _ purchase: Purchase) {
        var text = ByteBuffer()
        if case .response(let response) = answer.reader.read(bytes) {
            text = changed(response, bytes, answer)
        } else {
            text.append(bytes)
        }
        writeHeldHead(purchase, contentLength: text.count)
        out.append(text.readable)
    }

    // MARK: What is kept

    /// Keeps the answer with its claim, as one JSON text without a receipt.
    func keep(_ text: UnsafeRawBufferPointer) {
        guard let purchase, let ticket = purchase.ticket, text.count <= storedBytesAtMost else { return }
        worker.ledger.store(
            ticket,
            StoredAnswer(status: 200, head: Array("Content-Type: application/json\r\n".utf8), body: Array(text)))
    }

    /// `after`: what will be paid for is kept before the money moves.
    func keepFound(_ answer: CallAnswer) {
        answer.found?.withText { keep($0) }
    }

    /// What was kept, as the answer to this call: under its id, with its receipt.
    func replayed(_ stored: [UInt8], _ message: ToolMessage, _ purchase: Purchase) -> [UInt8] {
        stored.withUnsafeBytes { text in
            guard case .response(let response) = ServerMessage.read(text, maximumBytes: text.count) else {
                return stored
            }
            var changed = ByteBuffer(capacity: text.count + 512)
            receiptText(purchase.receipt()).withUnsafeBytes { receipt in
                response.receiptSplices(receipt, id: message.id, in: text).write(text, into: &changed)
            }
            return changed.array
        }
    }
}

extension Answer {
    static var answerElsewhere: Answer {
        .uncharged(
            502, "answer_elsewhere",
            "The server answers on another stream (HTTP+SSE, 2024-11-05), where calls cannot be charged. Nothing was charged."
        )
    }

    static var answerMissing: Answer {
        .uncharged(502, "answer_missing", "The server ended its stream without the answer. Nothing was charged.")
    }
}
