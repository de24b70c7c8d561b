import Bytes
import HTTP
import MCP

/// Streams that clients listen on: everything passes at once but answers, of which only those that are free or settled do.
extension Exchange {
    /// In which a server of the older transport says so, in nanoseconds.
    private static var headNanoseconds: UInt64 { 200_000_000 }
    /// Between two looks at whether a call has come to its end, in nanoseconds.
    private static var lookNanoseconds: UInt64 { 20_000_000 }

    func answerHead(_ head: ResponseHead, _ listening: Listening) {
        let isGood = (200...299).contains(head.statusCode)
        if !listening.isListening {
            if isGood, let session = listening.session { worker.services.toolSessions.closed(session) }
            return relay(head)
        }
        guard isGood, head.framing != .none else { return relay(head) }
        guard CallAnswer.Shape(head) == .events else {
            abandonConnection()
            _ = answer(.notAStream)
            return advance()
        }
        listening.isFiltered = true
        listening.holdsHead = true
        relay(head, isRewritten: true)
        timer.arm(atNanoseconds: worker.loop.nowNanoseconds + Exchange.headNanoseconds)
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer, _ listening: Listening) {
        listening.events.feed(bytes)
        filter(listening)
    }

    func answerEnded(_ listening: Listening) {
        if listening.waiting == nil, let event = listening.events.finish() { take(event, listening) }
    }

    private func filter(_ listening: Listening) {
        while listening.waiting == nil && stage == .answering {
            do throws(EventStreamReader.TooLarge) {
                guard let event = try listening.events.next() else { return }
                take(event, listening)
            } catch {
                abandonConnection()
                return breakOff()
            }
        }
    }

    private func take(_ event: StreamEvent, _ listening: Listening) {
        if let name = event.name, name.elementsEqual("endpoint".utf8) { return refuseOldTransport(listening) }
        guard let data = event.data else { return pass(event.raw, listening) }
        switch listening.read(data) {
        case .live: pass(event.raw, listening)
        case .withheld: break
        case .response(let response):
            switch verdict(response, data, listening) {
            case .passes: pass(event.raw, listening)
            case .withheld: passInstead(of: event, response, data, listening)
            case .underWay:
                listening.waiting = KeptEvent(event, data: data)
                connection?.pause()
                timer.arm(atNanoseconds: worker.loop.nowNanoseconds + Exchange.lookNanoseconds)
            }
        }
    }

    private func pass(_ bytes: UnsafeRawBufferPointer, _ listening: Listening) {
        if listening.holdsHead {
            listening.holdsHead = false
            timer.cancel()
        }
        relayBody(bytes)
    }

    /// Whoever waits for the answer is told that it does not come, at its place in the stream.
    private func passInstead(
        of event: StreamEvent, _ response: MCP.Answer, _ data: UnsafeRawBufferPointer, _ listening: Listening
    ) {
        guard let id = response.idText(in: data) else { return }
        var text = ByteBuffer()
        ErrorAnswer.write(
            id: id, code: -32001, message: "this answer was not paid for, or nothing is known of its call; call again",
            into: &text)
        var rewritten = ByteBuffer()
        event.write(replacingDataBy: text.readable, into: &rewritten)
        pass(rewritten.readable, listening)
    }

    private func refuseOldTransport(_ listening: Listening) {
        guard listening.holdsHead else { return }
        listening.holdsHead = false
        abandonConnection()
        _ = answer(.oldTransport)
        advance()
    }

    /// The head has waited long enough, or a call may have come to its end.
    func goOnListening() {
        guard let listening else { return }
        listening.holdsHead = false
        if let waiting = listening.waiting {
            listening.waiting = nil
            waiting.withEvent { event, _ in take(event, listening) }
            if listening.waiting == nil {
                filter(listening)
                connection?.resume()
                if answerIsWhole { answerEnded(listening) }
            }
        }
        flushOut()
        advance()
    }

    /// The process drains.
    func stopListening() {
        abandonConnection()
        listening?.waiting = nil
        answerIsWhole = true
        advance()
    }

    func judgeListening(_ listening: Listening) -> Progress {
        if upstreamFault != nil {
            timer.cancel()
            breakOff()
            return .ready
        }
        guard answerIsWhole, listening.waiting == nil else { return .pending }
        timer.cancel()
        endRelay(trailers: nil)
        finishAnswer()
        return .ready
    }
}

extension Answer {
    static let oldTransport = Answer(
        502, "old_transport",
        "This server speaks the HTTP+SSE transport of 2024-11-05, through which tools cannot be sold. Use streamable HTTP."
    )

    static let notAStream = Answer(502, "not_a_stream", "The server answered a GET with something that is no stream.")
}
