import Bytes
import JSON

/// A server's response to a request.
public struct Answer: Sendable {
    /// What the request came to.
    public enum Outcome: Hashable, Sendable {
        /// It did what was asked.
        case result
        /// The tool ran and says that it failed (`isError`).
        case toolError
        /// A JSON-RPC error.
        case error
        /// The server asks for more before it does anything (`resultType` "input_required", Model Context Protocol
        /// 2026-07-28): the client calls again.
        case inputRequired

        /// Whether a route that settles after the answer charges for it.
        public var isCharged: Bool { self == .result }
    }

    public let outcome: Outcome
    /// Nil where it is no id that a request can have.
    public let id: MessageID?
    /// An error without an id answers whatever was asked: the server could not read it.
    public let isErrorWithoutID: Bool
    let tape: JSONTape

    /// Nil where there are a result and an error, so that nobody can say what was answered.
    init?(_ root: JSONValue, _ tape: JSONTape) {
        let result = root["result"]
        let error = root["error"].flatMap { $0.isNull ? nil : $0 }
        if error != nil, let result, !result.isNull { return nil }
        // An `error` that is null stands beside a result in the manner of JSON-RPC 1.0; alone it says nothing.
        if error == nil && result == nil { return nil }
        self.tape = tape
        id = root["id"].flatMap { MessageID(ofResponse: $0) }
        isErrorWithoutID = error != nil && root["id"].map(\.isNull) ?? true
        outcome = error != nil ? .error : Answer.outcome(of: result!)
    }

    private static func outcome(of result: JSONValue) -> Outcome {
        // Whatever is neither false nor null is taken for true by some client.
        if let isError = result["isError"], isError.bool != false, !isError.isNull { return .toolError }
        if let type = result["resultType"], type.isString("input_required") { return .inputRequired }
        return .result
    }

    /// The id as it was written; nil where there is none.
    public func idText(in text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        tape.root(over: text)["id"]?.source
    }

    /// The changes that put a receipt into the answer: `x402/payment-response` in `result._meta`, or in `data` of an
    /// error. None where there is no place for it, and the HTTP field alone carries it.
    ///
    /// - Parameters:
    ///   - receipt: the settlement's result as one JSON object, on one line.
    ///   - id: of the request that is answered with what another was answered with, byte for byte; nil for its own.
    ///   - text: what the answer was read from.
    public func receiptSplices(
        _ receipt: UnsafeRawBufferPointer, id: UnsafeRawBufferPointer? = nil, in text: UnsafeRawBufferPointer
    ) -> Splices {
        var splices = Splices()
        let root = tape.root(over: text)
        if let id, let present = root["id"] { splices.replace(present.range, with: Array(id)) }
        let member: [(key: StaticString, value: [UInt8])] = [("x402/payment-response", Array(receipt))]
        if outcome != .error {
            if let result = root["result"] { splices.setInside("_meta", member, of: result) }
        } else if let error = root["error"], error["data"].map({ $0.kind == .object || $0.isNull }) ?? true {
            splices.setInside("data", member, of: error)
        }
        return splices
    }
}
