import Bytes
import HTTP
import MCP

/// An answer that is looked into on its way: what a call is charged by, where its receipt goes, or a list of tools.
final class CallAnswer {
    enum Shape {
        /// One JSON text.
        case json
        /// A stream of events, one of which holds the answer.
        case events

        /// Nil where the answer cannot be looked into.
        init?(_ head: ResponseHead) {
            if let coding = head.fields.first(.contentEncoding),
                !MediaType.matches(head.bytes(of: coding.value), "identity")
            {
                return nil
            }
            guard let type = head.fields.first(.contentType) else { return nil }
            let value = head.bytes(of: type.value)
            if MediaType.matches(value, "application/json") {
                self = .json
            } else if MediaType.matches(value, "text/event-stream") {
                self = .events
            } else {
                return nil
            }
        }
    }

    enum Purpose {
        /// The tools that the server lists get their prices.
        case listing
        /// It is charged for when it has come, and waits for that.
        case sold
        /// It is paid for: it passes with its receipt.
        case paid
    }

    /// The call's own answer, as it came.
    ///
    /// It is read again when it is given: kept, what was read could take ten times the text's room, for as long as money moves.
    struct Found {
        enum Text {
            case json([UInt8])
            case event(KeptEvent)
        }

        let text: Text
        let isCharged: Bool
        /// It names the call: nothing else will come for that.
        let namesCall: Bool

        /// - Parameter response: nil where it is paid for and cannot be read: whatever a server answers to that reaches the caller.
        init(_ text: Text, _ response: MCP.Answer?) {
            self.text = text
            isCharged = response?.outcome.isCharged ?? false
            namesCall = response?.isErrorWithoutID == false
        }

        /// The text alone, without what an event has around it.
        func withText<T>(_ use: (UnsafeRawBufferPointer) -> T) -> T {
            switch text {
            case .json(let text): text.withUnsafeBytes(use)
            case .event(let event): event.withEvent { _, data in use(data) }
            }
        }
    }

    let shape: Shape
    let purpose: Purpose
    /// The whole text of an answer in JSON.
    @exclusivity(unchecked) var text = ByteBuffer()
    /// The events, where they are cut.
    @exclusivity(unchecked) var events: EventStreamReader
    let reader: AnswerReader
    /// The answer waits for its settlement; what comes behind it waits, too.
    var found: Found?
    /// Of its text, where it costs something.
    var digest: Bytes32?
    /// Something came that could be the answer to another reader.
    var hasUnreadable = false
    /// The caller was given the answer, or a notice in its place.
    var isGiven = false
    /// The head has left, and what follows it has no length: nothing can be said but in an event.
    var streamHasBegun = false

    /// - Parameter bytesAtMost: of a text, or of an event.
    init(_ shape: Shape, _ purpose: Purpose, id: MessageID, bytesAtMost: Int) {
        self.shape = shape
        self.purpose = purpose
        events = EventStreamReader(maximumEventBytes: bytesAtMost)
        reader = AnswerReader(id: id, maximumBytes: bytesAtMost)
    }
}
