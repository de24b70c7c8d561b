import Bytes
import HTTP
import MCP

/// A call that is answered by a stream of events: all pass at once but the one that answers.
extension Exchange {
    /// Takes every event that is whole, up to the answer that waits for its money.
    func drain(_ answer: CallAnswer) {
        while answer.found == nil && !answer.isGiven {
            do throws(EventStreamReader.TooLarge) {
                guard let event = try answer.events.next() else { return }
                take(event, answer)
            } catch {
                return tooLarge(answer)
            }
        }
    }

    func take(_ event: StreamEvent, _ answer: CallAnswer) {
        guard let data = event.data else { return pass(event.raw, answer) }
        switch answer.reader.read(data) {
        case .live: pass(event.raw, answer)
        case .withheld(let reason):
            answer.hasUnreadable = answer.hasUnreadable || !reason.isAnothers
            // What is no answer to this call is none of its caller's business.
            if answer.purpose == .listing || answer.purpose == .paid && !reason.isAnothers { pass(event.raw, answer) }
        case .response(let response):
            switch answer.purpose {
            case .sold:
                if response.outcome.isCharged { noteSold(data, answer) }
                find(.event(KeptEvent(event)), response, answer)
            case .listing, .paid:
                let changed = changed(response, data, answer)
                if answer.purpose == .paid {
                    noteSold(data, answer)
                    keep(data)
                }
                var rewritten = ByteBuffer()
                event.write(replacingDataBy: changed.readable, into: &rewritten)
                relayBody(rewritten.readable)
                answer.isGiven = answer.purpose == .paid
                if answer.isGiven && stage == .answering { advance() }
            }
        }
    }

    private func pass(_ bytes: UnsafeRawBufferPointer, _ answer: CallAnswer) {
        if answer.purpose == .sold && !answer.streamHasBegun { beginStream(answer) }
        relayBody(bytes)
    }

    /// The head of an answer whose length is not known; before the money is ours, nothing of its receipt is either.
    func beginStream(_ answer: CallAnswer) {
        guard let purchase else { preconditionFailure("what is sold is a purchase") }
        answer.streamHasBegun = true
        purchase.answerIsUpstreams = true
        answerStarted = true
        answerFraming = head.minorVersion == 1 ? .chunked : .untilClose
        out.clear()
        out.append(purchase.heldHead.readable)
        if answerFraming == .chunked {
            out.append("Transfer-Encoding: chunked\r\n")
        } else {
            downstream?.closeAfterAnswer()
        }
        if !purchase.isPaid { out.append("Cache-Control: private, no-store\r\n") }
        appendAnswerFields(hasOrigin: purchase.heldAllowsOrigin)
        out.append("\r\n")
    }

    func giveEvent(_ event: StreamEvent, _ answer: CallAnswer) {
        guard let data = event.data, case .response(let response) = answer.reader.read(data) else {
            preconditionFailure("it was an answer when it came")
        }
        if !answer.streamHasBegun { beginStream(answer) }
        var rewritten = ByteBuffer(capacity: event.raw.count + 512)
        let changed = changed(response, data, answer)
        event.write(replacingDataBy: changed.readable, into: &rewritten)
        relayBody(rewritten.readable)
    }
}
