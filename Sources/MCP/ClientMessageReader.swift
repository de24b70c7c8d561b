import JSON

/// Reads the body of a POST strictly, so that the gateway and whatever stands behind it cannot read two different calls
/// in it.
///
/// Refused: what is not one JSON text in UTF-8 (a byte order mark, UTF-16, bytes behind the value), a key that is
/// there twice at any depth, more depth or bytes than the limits, a top that is neither an object nor an array; a
/// `jsonrpc` that is not "2.0"; keys that differ from the protocol's only in letter case; an id that not every peer
/// reads alike; `tools/call` without an id, an object `params` or a name.
///
/// Names are compared after unescaping: `\u0063reate_ticket` is `create_ticket`, because that is what every reader
/// behind the gateway makes of it.
public enum ClientMessageReader {
    /// A batch of more messages than this is refused.
    public static let maximumBatch = 128
    /// Bytes of a method's or a tool's name, after unescaping.
    public static let maximumNameBytes = 256

    /// Depth that arguments of tools in use stay below; bytes are the route's to say.
    public static func limits(bytes: Int) -> JSONLimits { JSONLimits(bytes: bytes, depth: 64) }

    public static func read(_ body: UnsafeRawBufferPointer, limits: JSONLimits) -> ClientMessage {
        do throws(Refusal) {
            let tape = try tape(body, limits)
            let root = tape.root(over: body)
            if root.kind == .array { return .batch(try batch(root)) }
            let parts = try MessageParts(root)
            guard parts.method != nil else { return .response }
            let request = ClientRequest(
                idRange: parts.idValue?.range, id: parts.id, isToolCall: parts.isToolCall, tape: tape)
            return parts.id == nil ? .notification(request) : .request(request)
        } catch {
            return .refused(error)
        }
    }

    private static func tape(
        _ body: UnsafeRawBufferPointer, _ limits: JSONLimits
    ) throws(Refusal) -> JSONTape {
        do throws(JSONFault) {
            return try JSONTape(body, limits: limits)
        } catch {
            if error.reason == .tooLarge {
                throw Refusal(.invalidRequest, "the message is \(error.reason.rawValue)", httpStatus: 413)
            }
            throw Refusal(.parseError, "not strict JSON: \(error.reason.rawValue), at byte \(error.offset)")
        }
    }

    private static func batch(_ root: JSONValue) throws(Refusal) -> ClientBatch {
        var parts: [ClientBatch.Part] = []
        for element in root.elements {
            guard parts.count < maximumBatch else { throw Refusal(.invalidRequest, "too many messages in one batch") }
            let message: MessageParts
            do throws(Refusal) {
                message = try MessageParts(element)
            } catch {
                // Of many ids none is the batch's.
                throw Refusal(error.code, "in a batch: \(error.message)")
            }
            if message.params?["_meta"]?["x402/payment"] != nil {
                throw Refusal(.invalidRequest, "a batch cannot be paid for: send the call by itself")
            }
            parts.append(
                ClientBatch.Part(
                    id: message.method == nil ? nil : message.id,
                    method: message.method.flatMap { $0.withString { Array($0) } },
                    tool: message.isToolCall ? message.params?["name"]?.withString { Array($0) } : nil))
        }
        guard !parts.isEmpty else { throw Refusal(.invalidRequest, "an empty batch") }
        return ClientBatch(parts: parts)
    }
}
