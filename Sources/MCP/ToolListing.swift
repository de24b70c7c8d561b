import JSON

/// The answer to `tools/list`: what a server offers, and how it is shown with prices.
public struct ToolListing: Sendable {
    /// One tool that the server offers.
    public struct Tool: Sendable, Hashable {
        public let name: String
        /// It declares an `outputSchema`, against which some clients hold even the errors of a tool.
        public let hasOutputSchema: Bool
    }

    /// Where prices are shown.
    public enum Annotation: String, Sendable, Hashable, CaseIterable {
        case meta
        case description
        case both
        case none
    }

    /// In the server's order; what has no name is left out.
    public let tools: [Tool]
    /// `nextCursor` as JSON text, which asks for the next page as it is; nil on the last one.
    public let nextCursor: [UInt8]?
    private let tape: JSONTape

    /// Nil where the answer has no list of tools. `text` must be what the answer was read from.
    public init?(_ answer: Answer, of text: UnsafeRawBufferPointer) {
        let result = answer.tape.root(over: text)["result"]
        guard let result, let list = result["tools"], list.kind == .array else { return nil }
        tape = answer.tape
        tools = list.elements.compactMap { tool in
            guard let name = tool["name"]?.string else { return nil }
            return Tool(name: name, hasOutputSchema: tool["outputSchema"].map { !$0.isNull } ?? false)
        }
        nextCursor = result["nextCursor"].flatMap { $0.kind == .string ? Array($0.source) : nil }
    }

    /// The changes that show what each priced tool costs; everything else stays as it was.
    ///
    /// - Parameters:
    ///   - labels: at the place of each number that a tool may be `priced` with.
    ///   - text: what the answer was read from.
    public func splices(
        _ annotation: Annotation, prices: ToolPrices, labels: [ToolLabel], in text: UnsafeRawBufferPointer
    ) -> Splices {
        var splices = Splices()
        guard annotation != .none, let list = tape.root(over: text)["result"]?["tools"] else { return splices }
        for tool in list.elements {
            guard case .priced(let number)?? = tool["name"]?.withString({ prices.price(ofTool: $0) }) else { continue }
            ToolListing.annotate(tool, annotation, labels[number], &splices)
        }
        return splices
    }

    private static func annotate(
        _ tool: JSONValue, _ annotation: Annotation, _ label: ToolLabel, _ splices: inout Splices
    ) {
        var added: [(key: StaticString, value: [UInt8])] = []
        if annotation != .description {
            if let meta = tool["_meta"], meta.kind == .object {
                splices.set(label.meta, in: meta)
            } else {
                added.append(("_meta", Splices.object(label.meta)))
            }
        }
        if annotation != .meta {
            if let description = tool["description"], description.kind == .string {
                let end = description.range.upperBound - 1
                let isEmpty = description.range.count == 2
                splices.replace(end..<end, with: isEmpty ? label.sentence : [0x20] + label.sentence)
            } else {
                added.append(("description", [0x22] + label.sentence + [0x22]))
            }
        }
        splices.set(added, in: tool)
    }
}
