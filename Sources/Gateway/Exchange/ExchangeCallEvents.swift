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
                find(.event(KeptEvent(event, data: data)), response, answer)
            case .listing: give(response, data, in: event, answer)
            case .paid:
                noteSold(data, answer)
                keep(data)
                give(response, data, in: event, answer)
                answer.isGiven = true
                if stage == .answering { advance() }
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
        answerFraming = head.minorVersion == 1 ? .chunked : .untilClose
        if answerFraming == .untilClose { downstream?.closeAfterAnswer() }
        writeHeldHead(purchase, contentLength: nil)
    }

    /// An event that waited for its money.
    func giveEvent(_ event: StreamEvent, _ data: UnsafeRawBufferPointer, _ answer: CallAnswer) {
        guard case .response(let response) = answer.reader.read(data) else {
            preconditionFailure("it was an answer when it came")
        }
        if !answer.streamHasBegun { beginStream(answer) }
        give(response, data, in: event, answer)
    }

    /// The event that answers, with its prices or its receipt.
    private func give(
        _ response: MCP.Answer, _ data: UnsafeRawBufferPointer, in event: StreamEvent, _ answer: CallAnswer
    ) {
        let changed = changed(response, data, answer)
        var rewritten = ByteBuffer(capacity: event.raw.count + 512)
        event.write(replacingDataBy: changed.readable, into: &rewritten)
        relayBody(rewritten.readable)
    }
}
