import JSON

/// What a server says, judged by its text: a JSON body, or the data of one event.
///
/// Only what carries a method and neither a result nor an error passes by itself. Everything else is a response, or is
/// withheld: it is read no less strictly than a request, so that no client finds in it what was not found here.
public enum ServerMessage: Sendable {
    /// A notification, a request to the client, or an empty text.
    case live
    case response(Answer)
    /// Never to be passed on where something is priced.
    case withheld(Reason)

    public enum Reason: Hashable, Sendable {
        /// A response to another request.
        case otherResponse
        /// Several messages in an array, among which a response may be.
        case batch
        /// Neither a request nor a response.
        case notAMessage
        /// Not strict JSON within the limits.
        case unreadable(JSONFault.Reason)

        /// It is, or may hold, the answer to another request: nothing that its reader failed to see.
        public var isAnothers: Bool {
            switch self {
            case .otherResponse, .batch: true
            case .notAMessage, .unreadable: false
            }
        }
    }

    /// Bytes of the longest text that is looked into.
    public static let maximumBytes = 4 << 20

    /// - Parameter maximumBytes: of the text.
    public static func read(_ text: UnsafeRawBufferPointer, maximumBytes: Int) -> ServerMessage {
        guard text.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }) else { return .live }
        let tape: JSONTape
        do throws(JSONFault) {
            tape = try JSONTape(text, limits: JSONLimits(bytes: maximumBytes, depth: 256))
        } catch {
            return .withheld(.unreadable(error.reason))
        }
        let root = tape.root(over: text)
        if root.kind == .array { return .withheld(.batch) }
        guard root.kind == .object, !ProtocolKeys.message.hasLookalike(in: root) else {
            return .withheld(.notAMessage)
        }
        guard root["result"] != nil || root["error"] != nil else {
            return root["method"]?.kind == .string ? .live : .withheld(.notAMessage)
        }
        guard let answer = Answer(root, tape) else { return .withheld(.notAMessage) }
        return .response(answer)
    }
}

/// Finds the response to one call among what its server says.
public struct AnswerReader: Sendable {
    private let id: MessageID
    private let maximumBytes: Int

    /// - Parameters:
    ///   - id: of the request.
    ///   - maximumBytes: of one text.
    public init(id: MessageID, maximumBytes: Int) {
        self.id = id
        self.maximumBytes = maximumBytes
    }

    /// A response is the call's own, or withheld: a server that gives an id back in another form, as one that reads
    /// numbers as doubles would, gives nothing away by it.
    public func read(_ text: UnsafeRawBufferPointer) -> ServerMessage {
        let message = ServerMessage.read(text, maximumBytes: maximumBytes)
        guard case .response(let answer) = message else { return message }
        return answer.id == .some(id) || answer.isErrorWithoutID ? message : .withheld(.otherResponse)
    }
}
