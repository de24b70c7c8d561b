import Bytes
import JSON

/// Several calls as one message of JSON-RPC 2.0 (§6), and what a node said to it. Ids are 1, 2, 3… in the calls' order.
public struct RPCBatch: Sendable {
    /// What a node's answer may hold.
    public static let limits = JSONLimits(bytes: 8 << 20, depth: 32)

    public let calls: [RPCCall]

    public init(_ calls: [RPCCall]) {
        precondition(!calls.isEmpty)
        self.calls = calls
    }

    /// What a whole answer says.
    public enum Answer: Hashable, Sendable {
        /// One reply a call, in the calls' order; what the node left out is `.unreachable`.
        case replies([RPCReply])
        /// One error for the whole message, as nodes give that take no batches, or none of this size.
        case refused(code: Int, message: String)
    }

    /// One call is sent as it is: every node takes that, some take no array.
    public func encode(into out: inout ByteBuffer) {
        out.reserve(calls.reduce(2) { $0 + 64 + $1.method.utf8.count + $1.params.utf8.count })
        if calls.count > 1 { out.append(byte: 0x5B) }
        for (at, call) in calls.enumerated() {
            if at > 0 { out.append(byte: 0x2C) }
            out.append("{\"jsonrpc\":\"2.0\",\"id\":")
            out.append(decimal: at + 1)
            out.append(",\"method\":\"")
            out.append(string: call.method)
            out.append("\",\"params\":")
            out.append(string: call.params)
            out.append(byte: 0x7D)
        }
        if calls.count > 1 { out.append(byte: 0x5D) }
    }

    /// Replies are matched by their ids, in whatever order they come.
    ///
    /// - Throws: `malformed` for what is no answer to this message: other ids, an id twice, a reply with both or neither of
    ///   `result` and `error`.
    public func decode(_ bytes: UnsafeRawBufferPointer) throws(RPCFault) -> Answer {
        let tape: JSONTape
        do throws(JSONFault) {
            tape = try JSONTape(bytes, limits: RPCBatch.limits)
        } catch {
            throw .malformed("no JSON: \(error.reason.rawValue)")
        }
        let root = tape.root(over: bytes)
        switch root.kind {
        case .array: return .replies(try replies(root.elements))
        case .object:
            if root["id"].map(\.isNull) ?? true || calls.count > 1 {
                guard case .error(let code, let message, _) = try RPCBatch.reply(root) else {
                    throw .malformed("one reply to several calls")
                }
                return .refused(code: code, message: message)
            }
            return .replies(try replies(CollectionOfOne(root)))
        default: throw .malformed("neither an object nor an array")
        }
    }

    private func replies(_ elements: some Sequence<JSONValue>) throws(RPCFault) -> [RPCReply] {
        var replies = [RPCReply?](repeating: nil, count: calls.count)
        for element in elements {
            guard let id = element["id"]?.int, (1...calls.count).contains(id) else {
                throw .malformed("a reply to a call that was not made")
            }
            guard replies[id - 1] == nil else { throw .malformed("two replies to one call") }
            replies[id - 1] = try RPCBatch.reply(element)
        }
        return replies.map { $0 ?? .unreachable("the node left the call unanswered") }
    }

    private static func reply(_ object: JSONValue) throws(RPCFault) -> RPCReply {
        guard object.kind == .object, object["jsonrpc"]?.isString("2.0") == true else {
            throw .malformed("no JSON-RPC 2.0 reply")
        }
        // Some nodes write the one that does not apply as null.
        let error = RPCField.optional(object, "error")?.value
        switch (object["result"], error) {
        case (let result?, nil): return .result(Array(result.source))
        case (nil, let error?): return try self.error(error)
        case (let result?, let error?) where result.isNull: return try self.error(error)
        default: throw .malformed("a reply with both or neither of result and error")
        }
    }

    private static func error(_ error: JSONValue) throws(RPCFault) -> RPCReply {
        guard let code = error["code"]?.int, let message = error["message"]?.string else {
            throw .malformed("an error without code or message")
        }
        return .error(code: code, message: shown(message), data: error["data"].flatMap(revertData))
    }

    /// Bytes of a revert in the shapes that nodes give them: hex, `Reverted 0x…`, or an object that holds them in `data`.
    private static func revertData(_ value: JSONValue) -> [UInt8]? {
        if let data = RPCField.data(value) { return data }
        if let inner = value["data"] { return RPCField.data(inner) }
        guard let text = value.string, text.hasPrefix("Reverted 0x") else { return nil }
        return Hex.decode(String(text.dropFirst(9)))
    }

    /// Bounded, and on one line: it goes to logs.
    private static func shown(_ message: String) -> String {
        String(String.UnicodeScalarView(message.unicodeScalars.prefix(300).map { $0.value < 0x20 ? " " : $0 }))
    }
}
